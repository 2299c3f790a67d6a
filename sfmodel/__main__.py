"""`python -m sfmodel` is the command `sfmodel`."""

import sys

from sfmodel.cli import main

if __name__ == "__main__":
    sys.exit(main())
