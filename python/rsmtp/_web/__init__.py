"""The basis of rsmtp's web pages: the inbox (`rsmtp.inbox`) and the outbox page (`rsmtp.outbox_page`).

server       listens on loopback, a thread for each connection, ends them all
  handler    HTTP in, HTTP out: limits on what comes in, headers on all that goes out
    guard    who may ask: no page of another site, no name that was rebound
    policy   the headers that let mail run nothing and load nothing
    answer   what goes back
    routes   which function answers what
  events     the news, as server-sent events
search       the search language
mail         a message taken apart, whatever it consists of
  html_view  its HTML, tamed, inline images put in
  links      where its links lead
  shown      a message and its parts, as answers
static/      what the pages share: elements, the list, the style
"""
