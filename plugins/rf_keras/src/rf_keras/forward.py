"""One forward of a Keras model as a function of one array: what the other backends trace."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

from rf_keras.declared import DeclaredInput, declared_inputs
from rf_keras.layer_names import NamedLayers, named_layers, short_names
from rf_keras.measured_input import KerasInput
from rf_keras.recording import Recording, listening
from rfcore.addresses import returns_by_address
from rfcore.errors import InputShapeError

__all__ = ["Forward"]

SEED = 0


class Ran(NamedTuple):
    """What is known of a run once it is over; its tensors would hold all that was traced.

    Attributes:
        addresses: What it computed, in execution order.
        error: Why it stopped, if it did.
    """

    addresses: tuple[str, ...] = ()
    error: Exception | None = None


@dataclass(slots=True)
class Forward:
    """A model, ready to be traced.

    Attributes:
        model: The Keras layer that runs.
        spec: The measured input.
        named: The layers inside.
        notes: What a reader of a result should know about its other inputs.
        holds: What the measured input is declared to hold, as "int32"; None where nothing is.
        last: The latest run; an empty one before the first.
    """

    model: Any
    spec: KerasInput
    named: NamedLayers = field(init=False)
    notes: tuple[str, ...] = field(init=False)
    holds: str | None = field(init=False)
    last: Ran = field(default=Ran(), init=False)
    _recording: Recording | None = field(default=None, init=False)
    _arguments: Callable[[Any], Any] = field(init=False)
    _is_open: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.named = named_layers(self.model)
        declared = declared_inputs(self.model)
        position = declared.position(self.spec.name)
        measured = declared.inputs[position]
        self.holds = measured.dtype
        others = [
            None if number == position else _constant(given, measured, self.spec)
            for number, given in enumerate(declared.inputs)
        ]
        self._arguments = lambda image: declared.pack(
            [image if make is None else make() for make in others]
        )
        constant = [given.name for given in declared.inputs if given is not measured]
        self.notes = (
            (
                f"the input {measured.name!r} is measured; {', '.join(map(repr, constant))} "
                "is held at positive constants",
            )
            if constant
            else ()
        )

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Prepares the model to be run, and puts everything back when the context closes.

        It has to be open around the other backend's trace, not only inside of what is traced:
        that backend puts things back too, and would else bring back what was prepared.
        """
        if self._is_open:
            yield
            return
        with listening(self.model, self.named, self._keep, self.spec.shape):
            self._is_open = True
            try:
                yield
            finally:
                self._is_open = False

    def function(self, only: str | None = None) -> Callable[[Any], Any]:
        """The plain function: from the measured input to every layer's output by address.

        Args:
            only: The one address whose tensor is returned, instead of all; nested layers go by
                their own name too.
        """

        @returns_by_address
        def forward(image: Any) -> Any:
            tensors, error = self._run(image, only)
            if only is None:
                return tensors
            address = self._whole(only, tensors)
            if address not in tensors and error is not None:
                raise error
            return tensors[address]

        if keras.config.backend() != "tensorflow":
            return forward
        # Keras' own training and prediction run layers without autograph too.
        plain = sys.modules["tensorflow"].autograph.experimental.do_not_convert
        unconverted: Callable[[Any], Any] = plain(forward)
        return unconverted

    def _run(self, image: Any, only: str | None) -> tuple[dict[str, Any], Exception | None]:
        """Every tensor by its address, and why the forward stopped, if it did."""
        self._recording, stopped = Recording(image, only), None
        try:
            with _plain_errors(), keras.StatelessScope(), self.opened():
                self._keep("", self.model(self._arguments(image), training=False))
        except Exception as error:
            stopped = error
        tensors, self._recording = self._recording.addressed(), None
        self.last = Ran(tuple(tensors), stopped)
        if stopped is not None and (not tensors or _asks_for_values(stopped)):
            raise stopped
        return tensors, stopped

    def _whole(self, address: str, tensors: Mapping[str, Any]) -> str:
        """The address with the whole path of a nested layer that goes by its own name."""
        if address in tensors:
            return address
        short = short_names(list(dict.fromkeys([*tensors, *self.named.names()])))
        return next((path for path, name in short.items() if name == address), address)

    def _keep(self, path: str, output: Any) -> None:
        if self._recording is not None:
            self._recording.keep(path, output)


def _asks_for_values(error: BaseException) -> bool:
    """Whether torch's fake tensors were asked for a value: its backend then runs for real."""
    return type(error).__module__.startswith("torch._subclasses")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Errors as they were raised: Keras rewrites them, and loses the types of some."""
    rewrites = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if rewrites:
            keras.config.enable_traceback_filtering()


def _constant(given: DeclaredInput, measured: DeclaredInput, spec: KerasInput) -> Callable[[], Any]:
    """Makes an input that is not measured: positive, and no two neighbours the same.

    It is a sum of one random vector per axis, so that it costs nothing at any size.
    """
    shape = _shape_beside(given, measured, spec)
    dtype = given.dtype or keras.config.floatx()
    if not dtype.startswith(("float", "bfloat")):
        return lambda: keras.ops.ones(shape, dtype=dtype)
    generator = np.random.default_rng(SEED)
    vectors = [generator.uniform(0.5, 1.5, size=n).astype("float32") for n in shape]

    def make() -> Any:
        total = keras.ops.zeros((1,) * len(shape), dtype="float32")
        for axis, vector in enumerate(vectors):
            places = [-1 if dim == axis else 1 for dim in range(len(shape))]
            total = total + keras.ops.convert_to_tensor(vector.reshape(places))
        return keras.ops.cast(total, dtype)

    return make


def _shape_beside(
    given: DeclaredInput, measured: DeclaredInput, spec: KerasInput
) -> tuple[int, ...]:
    """The shape of an input that is not measured: lengths tied to the measured one's go along.

    Raises:
        InputShapeError: Nothing tells one of its lengths.
    """
    if given.shape is None or measured.shape is None:
        raise InputShapeError(
            spec.shape[1:],
            f"leaves the input {given.name!r} unknown",
            "call the model once on real inputs before it is measured.",
        )
    beside = len(given.shape) == len(spec.shape)
    lengths: list[int | None] = [1]
    for dim, length in enumerate(given.shape[1:], start=1):
        if not beside or dim not in spec.axes:
            lengths.append(length)
        elif length is None:
            lengths.append(spec.shape[dim])
        else:
            lengths.append(_scaled(length, measured.shape[dim], spec.shape[dim]))
    known = [n for n in lengths if n is not None]
    if len(known) < len(lengths):
        raise InputShapeError(
            spec.shape[1:],
            f"leaves the size of the input {given.name!r} unknown, {tuple(given.shape)}",
            "give that input a size of its own in keras.Input(…).",
        )
    return tuple(known)


def _scaled(length: int, own: int | None, asked: int) -> int:
    """A length that is a part or a multiple of the measured input's grows with it."""
    if own is None or own == asked or (own % length and length % own):
        return length
    return length * asked // own if length * asked % own == 0 else length
