"""The page of an outbox: what is queued, what is in trouble, and what became of each message.

```python
with rsmtp.outbox_page.OutboxPage("mail.db") as page:
    print(page.url)
```

The page only reads the file, while another process may be sending from it. It writes only when a person
retries or cancels a message. It is built on `rsmtp._web`:

    server       an HTTP server beside the file
      routes     the REST API: one function for each path
        source   the file, which others write, move and delete meanwhile
        told     messages and their histories, as JSON
    static/      the page itself
"""

from rsmtp.outbox_page.server import OutboxPage

__all__ = ["OutboxPage"]
