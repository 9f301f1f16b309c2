"""What the machine is, told without its name: cores, memory, system, and how busy it is."""

from __future__ import annotations

import datetime
import os
import platform

__all__ = ["described", "load", "today"]


def described() -> str:
    parts = [f"{os.cpu_count()} cores ({platform.machine()})"]
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        parts.append(f"{memory:.0f} GiB of memory")
    return ", ".join([*parts, platform.system()])


def load() -> float | None:
    """How many processes wanted a core in the last minute, or None where nobody counts."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def today() -> str:
    return datetime.date.today().isoformat()
