"""What is shown while a measurement goes on: on terminals, after a while, and nowhere else."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import Any

import numpy as np
import pytest

import rfcore
from rfcore.erf import progress
from rfcore.erf.progress import shown_on_terminal
from toy_erf import dense, measured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Goes on by half a second each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.0)


@pytest.fixture
def _no_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rich", "rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("_quick", "_no_rich")
def test_without_rich_a_line_is_written_over_and_wiped_out() -> None:
    with redirect_stderr(Terminal()) as stderr, shown_on_terminal() as report:
        report(1, 3)
        report(2, 3)
        report(3, None)
    wipe = "\r\x1b[K"
    lines = ["inputs: 1 of 3", "inputs: 2 of 3", "inputs: 3", ""]
    assert stderr.getvalue() == "".join(wipe + line for line in lines)


@pytest.mark.usefixtures("_quick")
def test_with_rich_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    with redirect_stderr(Terminal()) as stderr, shown_on_terminal() as report:
        report(1, 3)
        report(3, 3)
    assert "3/3" in stderr.getvalue()


@pytest.mark.usefixtures("_no_rich")
def test_nothing_is_shown_before_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.time, "monotonic", Clock())
    with redirect_stderr(Terminal()) as stderr, shown_on_terminal() as report:
        # It began at 0.5 and is asked at 1.0, 1.5, 2.0 and, 2 s later, at 2.5.
        for done in (1, 2, 3):
            report(done, 9)
            assert stderr.getvalue() == ""
        report(4, 9)
        assert "4 of 9" in stderr.getvalue()


@pytest.mark.usefixtures("_quick", "_no_rich")
def test_lines_are_not_written_more_often_than_they_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 1e9)
    with redirect_stderr(Terminal()) as stderr, shown_on_terminal() as report:
        for done in range(50):
            report(done, 50)
    assert stderr.getvalue().count("inputs") <= 1


@pytest.mark.usefixtures("_quick")
def test_pipes_get_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    found = measured(dense(3, 4, 5), input_shape=(4, 5), layout="NHW")
    assert found.count == 20
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_quick", "_no_rich")
def test_the_line_is_wiped_out_after_an_interrupt() -> None:
    def images() -> Iterator[Any]:
        yield np.ones((4, 5))
        raise KeyboardInterrupt

    with redirect_stderr(Terminal()) as stderr, pytest.raises(rfcore.MeasurementInterrupted):
        measured(dense(3, 4, 5), inputs=images(), input_shape=(4, 5), layout="NHW")
    assert "inputs: 1" in stderr.getvalue()
    assert stderr.getvalue().endswith("\r\x1b[K")


@pytest.mark.usefixtures("_quick")
def test_a_function_takes_the_place_of_the_bar() -> None:
    reports: list[Any] = []
    with redirect_stderr(Terminal()) as stderr:
        measured(
            dense(3, 4, 5),
            count=2,
            input_shape=(4, 5),
            layout="NHW",
            progress=lambda done, total: reports.append((done, total)),
        )
    assert reports == [(1, 2), (2, 2)]
    assert stderr.getvalue() == ""
