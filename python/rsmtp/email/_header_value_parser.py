"""The standard library's own module, because programs use its private names."""

import email._header_value_parser as _standard
import sys

sys.modules[__name__] = _standard
