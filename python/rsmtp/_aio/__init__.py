"""`AsyncMailer`: an event loop does what `Mailer` does with threads."""
