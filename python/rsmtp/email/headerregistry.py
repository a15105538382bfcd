from email.headerregistry import *
from email.headerregistry import HeaderRegistry
