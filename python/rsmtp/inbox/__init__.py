"""The catcher's web inbox: a page that shows what arrives, and a REST API under it.

```python
with rsmtp.Catcher() as catcher, rsmtp.inbox.Inbox(catcher) as inbox:
    print(inbox.url)
```

Foreign mail is shown there, so the folder is laid out by what keeps it harmless:

    server       listens on loopback, a thread for each connection, ends them all
      handler    HTTP in, HTTP out: limits on what comes in, headers on all that goes out
        guard    who may ask: no page of another site, no name that was rebound
        policy   the headers that let mail run nothing and load nothing
        routes   the REST API: one function for each path
          index        summaries and pages
            search     the search language
            tags       a message's own tags, and those that people give it
          mail         a message taken apart, whatever it consists of
          html_view    its HTML, tamed, inline images put in
          caught       what the catcher holds, as JSON
          trouble      why a connection broke
          misbehaviour faults, from JSON
          links        where its links lead
          release      a message sent on to a real server
          events       the news, as server-sent events
    static/      the page itself
    folder       keeps the messages over a restart
    forward      rules by which they are sent on
"""

from rsmtp.inbox.server import Inbox

__all__ = ["Inbox"]
