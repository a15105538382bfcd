"""What came back: reports about mail that was sent, read."""
