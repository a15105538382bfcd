from email.base64mime import *  # noqa: F403
