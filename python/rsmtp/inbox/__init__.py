"""The catcher's web inbox: a page that shows what arrives, and a REST API under it.

```python
with rsmtp.Catcher() as catcher, rsmtp.inbox.Inbox(catcher) as inbox:
    print(inbox.url)
```

The mail it shows is untrusted; `rsmtp._web`, on which the inbox is built, makes it safe to show:

    server       an HTTP server, beside the catcher
      routes     the REST API: one function for each path
        index    summaries and pages
          tags   a message's own tags, and those that people give it
        caught   what the catcher holds, as JSON
        trouble  why a connection broke
        misbehaviour  faults, from JSON
        release  a message sent on to a real server
        waiting  until so many messages have come
    static/      the page itself
    folder       keeps the messages over a restart
    forward      rules by which they are sent on
"""

from rsmtp.inbox.server import Inbox

__all__ = ["Inbox"]
