"""The standard library's own module, because programs use its private names."""

import email._parseaddr as _standard  # type: ignore[import-not-found]
import sys

sys.modules[__name__] = _standard
