"""What can be wrong with a Keras model alone."""

from __future__ import annotations

from collections.abc import Sequence

from rfcore.errors import RfcoreError

__all__ = ["BuilderError", "FixedSizeError", "UnbuiltLayerError", "WeightsTooLargeError"]


class UnbuiltLayerError(RfcoreError):
    """A layer ran that has no weights yet."""

    def __init__(self, layer: str, kind: str, input_shape: Sequence[int]) -> None:
        self.layer, self.kind, self.input_shape = layer, kind, tuple(input_shape)
        super().__init__(
            f"The layer {layer!r} ({kind}) was never built: its weights do not exist yet.",
            "call the model once before it is measured, as in "
            f"model(keras.ops.zeros({self.input_shape})), or give a builder: "
            'rfcore.estimate(build, backend="keras", input_shape=…), where build(input_shape) '
            "returns the model.",
        )


class FixedSizeError(RfcoreError):
    """A model that was built for one input size does not run at another."""

    def __init__(
        self, input_shape: Sequence[int], built_for: Sequence[int | None], cause: BaseException
    ) -> None:
        self.input_shape, self.built_for = tuple(input_shape), tuple(built_for)
        first_line = (str(cause).strip() or "no message").splitlines()[0]
        super().__init__(
            f"The model was built for an input of shape {self.built_for} and does not run at "
            f"{self.input_shape} (batch included): {type(cause).__name__}: {first_line}",
            "give a function that builds it for any size, "
            'rfcore.estimate(build, backend="keras", input_shape=…), where build(input_shape) '
            "returns the model; or build it without its dense head (include_top=False).",
        )


class BuilderError(RfcoreError):
    """What was to build a model did not return one."""

    def __init__(self, builder: object, input_shape: Sequence[int], problem: str) -> None:
        self.builder, self.input_shape = builder, tuple(input_shape)
        name = getattr(builder, "__name__", type(builder).__name__)
        super().__init__(
            f"The builder {name!r}, called with input_shape={self.input_shape}, {problem}.",
            "pass a Keras model, or a function that takes input_shape (without the batch) and "
            "returns one.",
        )


class WeightsTooLargeError(RfcoreError):
    """A builder asked for more weights than an abstract trace is worth."""

    def __init__(self, elements: int, limit: int) -> None:
        self.elements, self.limit = elements, limit
        super().__init__(
            f"The model would have more than {limit:,} weights at this input size "
            f"({elements:,} and counting).",
            "leave its dense head out (include_top=False): that has a weight for every position "
            "of the input.",
        )
