"""`effective` and `effective_replknet`: measure one unit on many inputs, kept whatever happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rfcore.erf.accumulating import Accumulation
from rfcore.erf.aggregation import check_aggregate
from rfcore.erf.keeping import Keeper
from rfcore.erf.maps import Maps
from rfcore.erf.progress import Progress, shown_on_terminal
from rfcore.erf.reading import is_inside
from rfcore.erf.replknet import REPLKNET
from rfcore.erf.result import EffectiveReceptiveField
from rfcore.erf.saving import check_path
from rfcore.erf.sources import source
from rfcore.erf.subject import Subject, Unit
from rfcore.errors import DeadGradientError, NumberError, OptionError
from rfcore.field import ReceptiveField

__all__ = ["effective", "effective_replknet"]

DEFAULT_COUNT = 20

Inputs = str | Any | Iterable[Any]
OnNan = Literal["raise", "skip"]


def effective(
    model: Any,
    *,
    inputs: Inputs = "normal",
    count: int | None = None,
    seed: int = 0,
    index: int | Sequence[int] | None = None,
    channels: Sequence[int] | None = None,
    aggregate: str = "abs",
    backend: str | None = None,
    input_shape: Sequence[int] | None = None,
    output: str | int | None = None,
    input: str | int | None = None,
    layout: str | None = None,
    on_nan: OnNan = "raise",
    save: str | Path | None = None,
    resume: str | Path | EffectiveReceptiveField | None = None,
    progress: Progress | None = None,
) -> EffectiveReceptiveField:
    """The effective receptive field of a unit: its mean gradient over inputs, pixel by pixel.

    It runs the model on its own weights, one forward and one backward per input. Inputs are taken
    as they are: nothing is resized, cropped, scaled or normalised.

    Args:
        model: A model of an installed framework as it is, or a function of one array.
        inputs: "normal" (mean 0, variance 1) or "uniform" (0 to 1) random numbers; one array of
            the input's shape without the batch; an array with a batch axis where the layout has
            it; or any iterable of such arrays, which is streamed.
        count: How many inputs to take; None for 20 random ones, or for all that are given.
        seed: For random inputs; the i-th depends on (seed, i) only.
        index: The unit: one number per spatial axis where the outputs are a grid over the input,
            else one per axis of the output after the batch, leading ones first. None for the
            middle of the grid; where there is no grid, for the sum of all of the output.
        channels: The unit's channels; None for the sum of all.
        aggregate: What is summed over the input's channels and averaged over inputs: "abs" the
            gradient's magnitude, "square" its square, "positive" its positive part.
        backend: As in `estimate`, like the next four.
        input_shape: Shape of the input without the batch.
        output: The layer or output that holds the unit.
        input: Which of several inputs is measured.
        layout: One letter per axis with the batch.
        on_nan: "raise" at an input that is not finite or has a gradient that is not, or "skip" it
            and count it.
        save: A file for the result. It is written every half minute too, and after an interrupt
            or error.
        resume: A result, or a file of one, to go on from: the same inputs again, of which those
            that were taken are passed over.
        progress: Called with (inputs done, of how many or None) after each; None shows a bar, on
            a terminal only.

    Returns:
        The mean map with its centre, and what can be measured on it.

    Raises:
        MeasurementInterrupted: A KeyboardInterrupt came; it holds the result so far.
        RfcoreError: One of its kinds: the inputs do not fit or are not finite, the unit is dead or
            the gradients of its channels cancel, the state belongs to another measurement, the
            model does not run.

    Example:
        >>> import rfcore
        >>> found = rfcore.effective(model, input_shape=(3, 224, 224))  # doctest: +SKIP
        >>> found.sigma, found.luo_size, found.ratio  # doctest: +SKIP
    """
    check_aggregate(aggregate)
    run = _Run(inputs, count, seed, on_nan, save, resume, progress)
    subject = Subject.of(
        model, backend=backend, input_shape=input_shape, output=output, input=input, layout=layout
    )
    unit = subject.unit(index, channels)
    return run.on(unit, aggregate)


def effective_replknet(
    model: Any,
    *,
    inputs: Inputs = "normal",
    count: int | None = None,
    seed: int = 0,
    backend: str | None = None,
    input_shape: Sequence[int] | None = None,
    output: str | int | None = None,
    input: str | int | None = None,
    layout: str | None = None,
    on_nan: OnNan = "raise",
    save: str | Path | None = None,
    resume: str | Path | EffectiveReceptiveField | None = None,
    progress: Progress | None = None,
) -> EffectiveReceptiveField:
    """The map that the script of the RepLKNet authors measures, for figures published with it.

    Those channels of the middle output that are above zero are summed and differentiated, and the
    positive part of the gradient is summed over the input's channels and averaged over inputs.
    `replknet_area_ratios()` of the result are the script's figures.

    Args:
        model: As in `effective`, like everything else.
        inputs: What to measure on; the authors take images of 1024 × 1024 pixels.
        count: How many inputs to take.
        seed: For random inputs.
        backend: Name of the backend.
        input_shape: Shape of the input without the batch.
        output: The layer or output that holds the unit; the authors take the last feature map.
        input: Which of several inputs is measured.
        layout: One letter per axis with the batch.
        on_nan: "raise", or "skip" as the script does.
        save: A file for the result.
        resume: A result, or a file of one, to go on from.
        progress: Called after each input.

    Returns:
        The mean map, with aggregate "replknet".

    Raises:
        MeasurementInterrupted: A KeyboardInterrupt came; it holds the result so far.
        RfcoreError: As `effective` does.

    Source: Ding, Zhang, Han, Ding, "Scaling Up Your Kernels to 31×31: Revisiting Large Kernel
    Design in CNNs", CVPR 2022, and the ERF script of its repository.
    """
    run = _Run(inputs, count, seed, on_nan, save, resume, progress)
    subject = Subject.of(
        model, backend=backend, input_shape=input_shape, output=output, input=input, layout=layout
    )
    unit = subject.unit(None, None)
    return run.on(unit, REPLKNET)


@dataclass(frozen=True, slots=True)
class _Run:
    """How to measure, whatever the unit is."""

    inputs: Inputs
    count: int | None
    seed: int
    on_nan: str
    save: str | Path | None
    resume: str | Path | EffectiveReceptiveField | None
    progress: Progress | None

    def __post_init__(self) -> None:
        if self.count is not None and (type(self.count) is not int or self.count < 1):
            raise NumberError("count", self.count, "a whole number above 0", DEFAULT_COUNT)
        if type(self.seed) is not int or self.seed < 0:
            raise NumberError("seed", self.seed, "a whole number from 0 on", 0)
        if self.on_nan not in ("raise", "skip"):
            raise OptionError("on_nan", self.on_nan, ("raise", "skip"))
        if self.save is not None:
            check_path(self.save)

    def on(self, unit: Unit, aggregate: str) -> EffectiveReceptiveField:
        """Measures a unit."""
        measured = unit.subject.measured
        given = source(self.inputs, unit.subject.spec, measured.dtype, self.seed)
        count = DEFAULT_COUNT if self.count is None and given.endless else self.count
        setting = unit.setting(aggregate, given.label)
        keeper = Keeper(setting, *_placed(unit), path=self.save)
        accumulation = Accumulation(
            given,
            Maps(unit, aggregate),
            count,
            self.on_nan == "skip",
            keeper.taken_up(self.resume, count),
        )
        total = given.length if count is None else count
        try:
            with ExitStack() as stack:
                report = self.progress or stack.enter_context(shown_on_terminal())
                for state in accumulation.run():
                    report(state.taken, total)
                    keeper.write_now_and_then(state)
            result = keeper.result(accumulation.state, complete=True)
            keeper.write(result)
        except KeyboardInterrupt as interrupt:
            keeper.raise_interrupted(accumulation.state, interrupt)
        except BaseException:
            keeper.write(keeper.result(accumulation.state, complete=False))
            raise
        assert result is not None  # it has measured one at least
        if not result.mass:
            raise DeadGradientError(result.count, aggregate)
        return result


def _placed(
    unit: Unit,
) -> tuple[ReceptiveField | None, tuple[float, ...], tuple[str, ...]]:
    """The exact field, the unit's centre, and notes."""
    notes = unit.subject.measured.notes
    field, why_not = unit.subject.field()
    if field is not None and is_inside(unit.index, field.output_shape):
        return field, field.center(unit.index), (*notes, *field.notes)
    reason = why_not or "the unit is no place of the exact field's grid"
    middle = tuple(length / 2 for length in unit.subject.spec.spatial_shape)
    return field, middle, (*notes, f"centred on the middle of the input: {reason}")
