"""What is kept of a measurement while it goes on: results made of states, on disk if asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rfcore.erf.accumulating import State
from rfcore.erf.result import EffectiveReceptiveField
from rfcore.erf.setting import Setting
from rfcore.errors import MeasurementInterrupted, ResumeMismatchError
from rfcore.field import ReceptiveField

__all__ = ["Keeper"]

SAVE_EVERY_SECONDS = 30.0


@dataclass(slots=True)
class Keeper:
    """Makes results, and writes them where that was asked for.

    Attributes:
        setting: What is measured.
        exact: The exact field, where it can be told.
        center: The unit's centre in pixels.
        notes: What a reader should know.
        path: The file, if there is to be one.
        written: When it was written last.
    """

    setting: Setting
    exact: ReceptiveField | None
    center: tuple[float, ...]
    notes: tuple[str, ...]
    path: str | Path | None
    written: float = field(default_factory=lambda: time.monotonic())

    def result(self, state: State, *, complete: bool) -> EffectiveReceptiveField | None:
        """The result that a state amounts to; None before the first input."""
        if state.total is None:
            return None
        return EffectiveReceptiveField(
            total=state.total,
            count=state.count,
            center=self.center,
            setting=self.setting,
            field=self.exact,
            skipped=state.skipped,
            complete=complete,
            notes=self.notes,
            digest=state.digest,
            first=state.first,
        )

    def write(self, result: EffectiveReceptiveField | None) -> Path | None:
        """Writes a result, if there is one and a place for it."""
        if result is None or self.path is None:
            return None
        place = result.save(self.path)
        self.written = time.monotonic()
        return place

    def write_now_and_then(self, state: State) -> None:
        """Writes every half minute: what ends a process may not let it say a last word."""
        if self.path is not None and time.monotonic() - self.written >= SAVE_EVERY_SECONDS:
            self.write(self.result(state, complete=False))

    def raise_interrupted(self, state: State, interrupt: KeyboardInterrupt) -> NoReturn:
        """Raises the interrupt with the result so far, which is written if it can be."""
        so_far, saved = self.result(state, complete=False), None
        try:
            saved = self.write(so_far)
        finally:
            # Whatever comes in the way of writing, a second interrupt too, takes nothing from it.
            raise MeasurementInterrupted(so_far, saved) from interrupt

    def taken_up(
        self, earlier: str | Path | EffectiveReceptiveField | None, count: int | None
    ) -> State:
        """The state to begin with.

        Raises:
            EffectiveFormatError: The file is none.
            ResumeMismatchError: It is of another measurement, or has more inputs than are asked.
        """
        if earlier is None:
            return State()
        if not isinstance(earlier, EffectiveReceptiveField):
            earlier = EffectiveReceptiveField.load(earlier)
        differences = earlier.setting.differences(self.setting)
        if earlier.field is not None and self.exact is not None and earlier.field != self.exact:
            differences["the exact field"] = (earlier.field, self.exact)
        if differences:
            raise ResumeMismatchError(differences)
        taken = earlier.count + earlier.skipped
        if count is not None and count < taken:
            hint = f"ask for count={taken} or more, or leave resume=None to begin anew."
            raise ResumeMismatchError({"count": (taken, count)}, hint)
        return State(earlier.total, earlier.count, earlier.skipped, earlier.digest, earlier.first)
