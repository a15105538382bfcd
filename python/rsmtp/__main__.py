"""``python -m rsmtp``, and the ``rsmtp`` command."""

import sys

from rsmtp.cli import main

if __name__ == "__main__":
    sys.exit(main())
