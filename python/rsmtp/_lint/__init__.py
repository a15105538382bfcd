"""What receivers and readers may object to in a message.

`rules.py` is the table: each rule with its weight, its reason, what to do, and the source. `header.py`,
`structure.py`, `content.py` and `html.py` find where a rule is broken; they know nothing of each other.
`run.py` is what people call.
"""
