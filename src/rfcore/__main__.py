"""`python -m rfcore` is the command `rfcore`."""

from rfcore.cli import main

if __name__ == "__main__":
    main()
