"""What a domain publishes for its mail, and what is wrong with it.

`rules.py` is the table: each rule with its weight, its reason, what to do, and the source. `policies.py`
(SPF, DMARC), `keys.py` (DKIM), `servers.py` (MX, MTA-STS, TLS-RPT, DANE) and `address.py` (the address
that sends) find where a rule is broken. `dns.py` asks. `check.py` is what people call. SPF and DMARC
records are read by checkdmarc, of the extra `domain`.
"""
