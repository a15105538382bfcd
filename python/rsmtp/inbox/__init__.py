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
          index        summaries, pages, search
          mail         a message taken apart, whatever it consists of
          html_view    its HTML, tamed, inline images put in
          caught       what the catcher holds, as JSON
          misbehaviour faults, from JSON
          release      a message sent on to a real server
          events       the news, as server-sent events
    static/      the page itself
"""

from rsmtp.inbox.server import Inbox

__all__ = ["Inbox"]
