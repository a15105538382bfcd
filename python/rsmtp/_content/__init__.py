"""Content of messages beyond their text: `Message`'s keywords for header fields, replies, forwards.
Loaded when one of them is used."""
