"""How rsmtp's objects are displayed in a notebook, in a terminal, and in a browser.

This package is loaded only when something is displayed. Each display is static HTML: it
has no script, it loads nothing from elsewhere, and all text in it is escaped, because
server replies and incoming mail are hostile input here too.

| module | shows |
| --- | --- |
| `machine` | the engine's state machine as SVG |
| `client`, `transcript`, `message`, `error`, `report` | the object of that name |
| `reader`, `frame`, `looks` | a mail as its reader sees it, in a frame that isolates it |
| `timeline` | where the time of a conversation went |
| `short` | one line for `repr` |
| `page`, `style` | what all displays share |
| `preview` | a message before it is sent, and pages in the browser |
"""
