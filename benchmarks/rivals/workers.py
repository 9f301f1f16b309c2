"""The driver's end of a worker: start it, call it, and say how it ended if it did."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

__all__ = ["DEADLINE", "GIBIBYTES", "Worker", "working"]

SCRIPT = Path(__file__).with_name("worker.py")
# Seconds for one call; imports and building a network, which are nobody's merit, have longer.
DEADLINE = 300
LOADING = 900
GIBIBYTES = 4


class Worker:
    """A running worker; what went wrong with it is a reply like any other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.ended = False
        self._process = process
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _ordered(self, order: object, deadline: int) -> dict[str, Any]:
        assert self._process.stdin is not None
        # A worker that has ended says so by the end of its output.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=deadline)
        except Empty:
            self._process.kill()
            self.ended = True
            return {"error": f"no answer within {deadline} s"}
        if line is not None:
            return json.loads(line)
        self.ended = True
        code = self._process.wait()
        ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return {"error": f"the process ended {ended}"}

    def load(self, network: str, pixels: int) -> str | None:
        """Makes a network ready to be asked about; the reason if that failed."""
        return self._ordered((network, pixels), LOADING).get("error")

    def call(self) -> dict[str, Any]:
        return self._ordered("call", DEADLINE)


@contextmanager
def working(python: Path, key: str, environment: Mapping[str, str]) -> Iterator[Worker]:
    process = subprocess.Popen(
        [str(python), str(SCRIPT), *key.split(":"), str(GIBIBYTES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(environment),
    )
    try:
        yield Worker(process)
    finally:
        process.kill()
        process.wait()
