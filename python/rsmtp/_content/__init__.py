"""The parts of `Message` beyond text: keywords for header fields, replies, forwards.
This package is loaded when one of them is used."""
