"""The command `rfcore`; its commands need the extra `cli` and are imported when it is called."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command with the arguments of the process; exits with 2 after any error."""
    try:
        from rfcore.cli.commands import app
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        print(
            f"Error: The command line of rfcore needs {missing}, which is not installed.\n"
            "Hint: pip install 'rfcore[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    app(prog_name="rfcore")
