"""What a message says beside its text: `Message`'s keywords for header fields, replies and forwards.
Loaded when one of them is used."""
