"""Real mail servers on loopback, for tests: Postfix, with Dovecot for SASL and LMTP."""
