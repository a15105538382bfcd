from email.base64mime import *
