"""`python -m sfmodel` is the command `sfmodel`."""

from sfmodel.cli import main

if __name__ == "__main__":
    main()
