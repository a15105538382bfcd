from email.quoprimime import *  # noqa: F403
