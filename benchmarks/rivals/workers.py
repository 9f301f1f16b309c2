"""The driver's end of a worker: start it, call it, and say how it ended if it did."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

__all__ = ["DEADLINE", "GIBIBYTES", "Worker", "working"]

SCRIPT = Path(__file__).with_name("worker.py")
DEADLINE = 120
GIBIBYTES = 4


class Worker:
    """A running worker; what went wrong with it is a reply like any other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def reply(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=DEADLINE)
        except Empty:
            self._process.kill()
            return {"error": f"no answer within {DEADLINE} s"}
        if line is not None:
            return json.loads(line)
        code = self._process.wait()
        ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return {"error": f"the process ended {ended}"}

    def call(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("call\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        return self.reply()


@contextmanager
def working(
    python: Path, key: str, network: str, pixels: int, environment: Mapping[str, str]
) -> Iterator[tuple[Worker, str | None]]:
    """A worker, and the reason if it could not be made ready."""
    arguments: Sequence[str] = (*key.split(":"), network, str(pixels), str(GIBIBYTES))
    process = subprocess.Popen(
        [str(python), str(SCRIPT), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(environment),
    )
    worker = Worker(process)
    try:
        yield worker, worker.reply().get("error")
    finally:
        process.kill()
        process.wait()
