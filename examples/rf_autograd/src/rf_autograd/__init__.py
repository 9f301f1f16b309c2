"""rfcore's backend for HIPS autograd: functions of one array, and the gradients they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rfcore
from rfcore.errors import BackendCapabilityError, ModelError, OptionError, UnknownLayerError
from rfcore.hookspecs import Linearization, MeasuredOutput, Trace
from rfcore.inputs import InputSpec, input_spec
from rfcore.output_axes import axes_in_place

__all__ = ["AutogradBackend", "Network", "network", "rfcore_backend"]


@dataclass(frozen=True, slots=True)
class Network:
    """A function of one array (batch, channels, *spatial), written with `autograd.numpy`.

    It returns an array with the same axes, or a dict of them by layer, the output last.
    """

    function: Callable[[Any], Any]

    def layers(self, x: Any) -> Mapping[str, Any]:
        """What the function returns, as a dict."""
        result = self.function(x)
        return result if isinstance(result, Mapping) else {"output": result}


def network(function: Callable[[Any], Any]) -> Network:
    """Decorates a function, so that rfcore knows whose model it is."""
    return Network(function)


class AutogradBackend:
    """Measures networks by their gradients."""

    name = "autograd"

    def accepts(self, model: object) -> bool:
        """Whether `model` was made by `network`; a plain function may be anybody's."""
        return isinstance(model, Network)

    def input_spec(
        self, model: Any, input_shape: Sequence[int] | None, layout: str | None, name: Any
    ) -> InputSpec:
        """The measured input; a function does not tell its shape."""
        if name not in (None, 0):
            raise OptionError("input", name, (None, 0))
        return input_spec(input_shape, layout=layout)

    def trace(self, model: Any, spec: InputSpec) -> Trace:
        """Refused: autograd has no values without content."""
        hint = 'write method="gradient", which gives a lower bound of the field.'
        raise BackendCapabilityError(self.name, "exact fields", hint)

    def gradient(self, model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
        """An output and its derivative: one forward per input, one backward per cotangent."""
        from autograd import make_vjp  # type: ignore[import-untyped]

        try:
            layers = model.layers(np.ones(spec.shape))
        except Exception as error:
            raise ModelError(spec.shape, error) from error
        name = list(layers)[-1] if output is None else output
        if name not in layers:
            raise UnknownLayerError(str(name), list(layers))

        def at(image: NDArray[Any]) -> Linearization:
            pull, value = make_vjp(lambda x: model.layers(x)[name])(image.astype(float))
            return Linearization(lambda: np.asarray(value), lambda c: np.stack([*map(pull, c)]))

        shape = np.shape(layers[name])
        return MeasuredOutput(at, shape, axes_in_place(spec, shape), np.dtype(float))


@rfcore.hookimpl
def rfcore_backend() -> AutogradBackend:
    """The backend called "autograd"."""
    return AutogradBackend()
