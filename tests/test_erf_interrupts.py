"""Whatever interrupts a measurement, and wherever: what is kept goes on to the same bits."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rfcore
from rfcore import EffectiveReceptiveField, MeasurementInterrupted
from rfcore.erf import keeping
from toy_erf import Wire, WiredBackend, dense, measured

MODEL = dense(4, 5, 6)
STACK = np.random.default_rng(1).normal(size=(4, 1, 5, 6))
STACK[2, 0, 3, 3] = np.nan
OPTIONS: dict[str, Any] = {"input_shape": (1, 5, 6), "index": (2,), "on_nan": "skip"}


@pytest.fixture(scope="module")
def whole() -> EffectiveReceptiveField:
    return measured(MODEL, inputs=STACK, **OPTIONS)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is written after each input."""
    monkeypatch.setattr(keeping, "SAVE_EVERY_SECONDS", 0.0)


def stream(wire: Wire) -> Iterator[np.ndarray]:
    for image in STACK:
        wire.step()
        yield image


def wired_run(wire: Wire, path: Path, monkeypatch: pytest.MonkeyPatch) -> EffectiveReceptiveField:
    """A measurement with a step at everything that it does, writing of files included."""
    replace, fsync, savez = os.replace, os.fsync, np.savez

    def stepping(function: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **more: Any) -> Any:
            wire.step()
            result = function(*args, **more)
            wire.step()
            return result

        return stepped

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", stepping(replace))
        patched.setattr(os, "fsync", stepping(fsync))
        patched.setattr(np, "savez", stepping(savez))
        return measured(
            MODEL,
            WiredBackend(wire),
            inputs=stream(wire),
            save=path,
            progress=lambda done, total: wire.step(),
            **OPTIONS,
        )


def continued(path: Path) -> EffectiveReceptiveField:
    """What a second try makes of what the first one left."""
    return measured(MODEL, inputs=STACK, resume=path if path.exists() else None, **OPTIONS)


def outcome(run: Callable[[], Any]) -> Any:
    """What a run returns, or the interrupt that ends it."""
    try:
        return run()
    except KeyboardInterrupt as interrupt:
        return interrupt


@pytest.mark.usefixtures("often")
def test_an_interrupt_at_any_call_leaves_a_state_that_ends_in_the_same_bits(
    whole: EffectiveReceptiveField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = tmp_path / "erf.npz", []
    for number in count():
        path.unlink(missing_ok=True)
        wire = Wire((number,))
        interrupt = outcome(lambda wire=wire: wired_run(wire, path, monkeypatch))
        if wire.steps <= number:
            assert interrupt == whole
            break
        assert isinstance(interrupt, MeasurementInterrupted) or not kept
        so_far = getattr(interrupt, "so_far", None)
        if isinstance(interrupt, MeasurementInterrupted):
            kept.append(0 if so_far is None else so_far.count)
        if so_far is not None:
            assert interrupt.saved == path
            assert EffectiveReceptiveField.load(path) == so_far
            assert not so_far.complete
            assert measured(MODEL, inputs=STACK, resume=so_far, **OPTIONS) == whole
        assert [file.name for file in tmp_path.iterdir()] in ([], ["erf.npz"])
        assert continued(path) == whole
    # Of three good inputs each number was seen, in order, and many times.
    assert sorted(kept) == kept
    assert set(kept) == {0, 1, 2, 3}
    assert len(kept) > 30


@pytest.mark.usefixtures("often")
def test_a_second_interrupt_while_the_first_is_answered_spoils_nothing(
    whole: EffectiveReceptiveField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "erf.npz"
    counted = Wire()
    wired_run(counted, path, monkeypatch)
    for first in range(2, counted.steps, 3):
        for second in range(first + 1, first + 7):
            path.unlink(missing_ok=True)
            with pytest.raises(KeyboardInterrupt) as caught:
                wired_run(Wire((first, second)), path, monkeypatch)
            so_far = getattr(caught.value, "so_far", None)
            assert continued(path) == whole
            if so_far is not None:
                assert measured(MODEL, inputs=STACK, resume=so_far, **OPTIONS) == whole


def interrupted_at_line(number: int, path: Path) -> tuple[bool, Any]:
    """Runs until the n-th line of rfcore.erf; whether there was one, and what came out."""
    seen = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal seen
        if "/rfcore/erf/" not in frame.f_code.co_filename.replace(os.sep, "/"):
            return None
        if event == "line":
            seen += 1
            if seen == number:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        found = outcome(
            lambda: measured(
                MODEL, inputs=STACK[:2], save=path, progress=lambda *_: None, **OPTIONS
            )
        )
    finally:
        sys.settrace(before)
    return seen >= number, found


# Between a file's opening and the `with` that closes it there is a line for a trace to raise on.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.usefixtures("often")
def test_an_interrupt_at_any_line_leaves_a_file_that_is_whole_or_none(tmp_path: Path) -> None:
    path = tmp_path / "erf.npz"
    whole = measured(MODEL, inputs=STACK[:2], **OPTIONS)
    files = 0
    for number in count(1):
        path.unlink(missing_ok=True)
        reached, interrupt = interrupted_at_line(number, path)
        if not reached:
            break
        files += path.exists()
        earlier = path if path.exists() else getattr(interrupt, "so_far", None)
        again = measured(MODEL, inputs=STACK[:2], resume=earlier, **OPTIONS)
        assert again == whole, f"line {number}"
    assert number > 200
    assert files > 100
    del interrupt
    gc.collect()


def test_what_was_measured_is_kept_when_an_input_is_bad(
    whole: EffectiveReceptiveField, tmp_path: Path
) -> None:
    path = tmp_path / "erf.npz"
    strict = OPTIONS | {"on_nan": "raise"}
    with pytest.raises(rfcore.RfcoreError, match="Input 2 holds NaN"):
        measured(MODEL, inputs=STACK, save=path, **strict)
    assert EffectiveReceptiveField.load(path).count == 2
    assert measured(MODEL, inputs=STACK, resume=path, save=path, **OPTIONS) == whole
    assert EffectiveReceptiveField.load(path) == whole


def test_what_was_measured_is_kept_when_the_stream_breaks(
    whole: EffectiveReceptiveField, tmp_path: Path
) -> None:
    def breaking() -> Iterator[np.ndarray]:
        yield from STACK[:1]
        raise OSError("the disk is gone")

    path = tmp_path / "erf.npz"
    with pytest.raises(OSError, match="the disk is gone"):
        measured(MODEL, inputs=breaking(), save=path, **OPTIONS)
    assert EffectiveReceptiveField.load(path).count == 1
    assert continued(path) == whole


def test_the_state_is_written_from_time_to_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 13))
    monkeypatch.setattr(keeping.time, "monotonic", lambda: next(clock))
    path, seen = tmp_path / "erf.npz", []

    def look(done: int, total: int | None) -> None:
        seen.append(EffectiveReceptiveField.load(path).count if path.exists() else 0)

    measured(dense(4, 5, 6), count=9, input_shape=(1, 5, 6), save=path, progress=look)
    # The clock goes on by 13 s each time it is asked; 39 s after the last are enough.
    assert seen == [0, 0, 0, 3, 3, 3, 6, 6, 6]


def test_the_message_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "erf.npz"

    def stop(done: int, total: int | None) -> None:
        assert total == 20
        if done == 3:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"input_shape": (1, 5, 6), "progress": stop}
    with pytest.raises(MeasurementInterrupted, match="after 3 inputs") as caught:
        measured(MODEL, save=path, **options)
    assert f"resume={str(path)!r}" in str(caught.value)
    with pytest.raises(MeasurementInterrupted, match=r"resume=interrupted\.so_far") as caught:
        measured(MODEL, **options)
    assert caught.value.so_far.count == 3
    assert caught.value.saved is None
    assert not isinstance(caught.value, Exception)

    def at_once() -> Iterator[np.ndarray]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(MeasurementInterrupted, match="before the first input") as caught:
        measured(MODEL, inputs=at_once(), input_shape=(1, 5, 6))
    assert caught.value.so_far is None
