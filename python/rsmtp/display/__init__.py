"""How things show themselves: in a notebook, in a terminal, in a browser.

Nothing here is loaded until something is shown. Each display is static HTML: no
script, nothing loaded from elsewhere, every text escaped, because a server's words
and a stranger's mail are hostile input here too.

| module | shows |
| --- | --- |
| `machine` | the engine's state machine as SVG |
| `client`, `transcript`, `message`, `error`, `report` | the thing of that name |
| `reader`, `frame`, `looks` | a mail as its reader sees it, in a frame that it can't leave |
| `timeline` | where the time of a conversation went |
| `short` | one line for `repr` |
| `page`, `style` | what they share |
| `preview` | a message before it goes, pages in the browser |
"""
