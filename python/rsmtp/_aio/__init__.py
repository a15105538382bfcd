"""`AsyncMailer`: what an event loop does where `Mailer` has threads."""
