from email.headerregistry import *  # noqa: F403
from email.headerregistry import HeaderRegistry
