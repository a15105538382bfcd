"""The page of an outbox: what is queued, what is in trouble, and what became of each message.

```python
with rsmtp.outbox_page.OutboxPage("mail.db") as page:
    print(page.url)
```

The file is only looked at, while another process may send what is in it; a message that a person
retries or cancels is the one thing that is written. It is built on `rsmtp._web`:

    server       an HTTP server beside the file
      routes     the REST API: one function for each path
        source   the file, which others write, move and delete meanwhile
        told     messages and their histories, as JSON
    static/      the page itself
"""

from rsmtp.outbox_page.server import OutboxPage

__all__ = ["OutboxPage"]
