"""Whether a framework is installed in a version that its plugin supports, without importing it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from rfcore.errors import FrameworkVersionError

__all__ = ["require"]


def require(distribution: str, oldest: str, *, or_else: Sequence[str] = ()) -> None:
    """Checks the version of an installed distribution.

    Args:
        distribution: The name that pip installs it by.
        oldest: The oldest version that will do, as in "2.16".
        or_else: Other distributions that bring the same package, as tensorflow-cpu does.

    Raises:
        FrameworkVersionError: None of them is installed, or only an older version.
    """
    _require(distribution, oldest, tuple(or_else), tuple(sys.path))


# To read a version from disk takes as long as hundreds of ops; what is missing is looked for anew.
@cache
def _require(
    distribution: str, oldest: str, or_else: tuple[str, ...], path: tuple[str, ...]
) -> None:
    """As `require`; what was found on a path of imports is not looked for on the same one again."""
    found = None
    for name in (distribution, *or_else):
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        if _release(found) >= _release(oldest):
            return
    raise FrameworkVersionError(distribution, found, oldest)


def _release(text: str) -> tuple[int, ...]:
    """The release numbers of a version: "2.16.0rc1+cpu" is (2, 16), trailing zeros left out."""
    numbers = re.match(r"\d+(\.\d+)*", text)
    release = [int(part) for part in numbers[0].split(".")] if numbers else []
    while release and release[-1] == 0:
        release.pop()
    return tuple(release)
