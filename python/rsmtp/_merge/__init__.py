"""A template for each row of a table: messages that `send_all`, an outbox and a queue take. Loaded when
`rsmtp.merge` is used."""
