"""Texts that only who has the secret can have made, in addresses and in links."""
