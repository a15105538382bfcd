from email.quoprimime import *
