"""Calendar objects (RFC 5545) in messages (RFC 6047), written and read by the package icalendar."""
