"""A process that holds one network and one way to ask about it, and asks whenever it is told to.

It runs in the environment of the tool it asks, so it has to work on Python 3.7 as well. A line of
JSON on its input is an order, `[network, pixels]` to load one or `"call"` to ask about it; a line
on its output is what came of it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def resident(field: str) -> int | None:
    """Memory in MiB, VmRSS for now or VmHWM for the peak; None where the system has no /proc."""
    if not CLEAR.exists():
        return None
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) // 1024


def forget_peak() -> None:
    if CLEAR.exists():
        CLEAR.write_text("5")


def limit_memory(gibibytes: int) -> None:
    """Makes an allocation beyond the limit fail, instead of the machine."""
    try:
        import resource
    except ImportError:
        return
    size = gibibytes * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def called(action: object) -> dict:
    forget_peak()
    before = resident("VmRSS")
    begin = time.perf_counter()
    try:
        reply = {"answer": action()}
    except Exception as error:
        reply = {"error": told(error)}
    reply["seconds"] = time.perf_counter() - begin
    peak = resident("VmHWM")
    reply["memory"] = None if peak is None else max(peak - before, 0)
    return reply


def told(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def main(module: str, function: str, gibibytes: str) -> None:
    # What a tool prints must not get among the replies.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    limit_memory(int(gibibytes))
    action = None
    for line in sys.stdin:
        order = json.loads(line)
        if order == "call":
            reply = called(action)
        else:
            try:
                action = getattr(importlib.import_module(module), function)(*order)
                reply = {}
            except Exception as error:
                reply = {"error": told(error)}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
