"""The classes of `email.mime` at their import paths."""
