"""`python -m chipsim` is `chipsim`."""

from chipsim.cli import main

if __name__ == "__main__":
    main()
