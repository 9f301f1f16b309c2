"""The model's own forward up to one of its outputs, the same to the last bit each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rf_torch.modules import Modules, modules_of
from rf_torch.outputs import array, tensors_by_path
from rf_torch.running import called, running
from rf_torch.tracing import explained, no_fast_paths
from rfcore.addresses import addresses_of, resolve
from rfcore.errors import InputTypeError, ModelError, RfcoreError
from rfcore.hookspecs import OutputForward
from rfcore.inputs import InputSpec

__all__ = ["Heard", "Place", "heard_by_running", "output_forward", "plain_kernels"]

SEED = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor comes up in a forward: which call of which layer, and where in its output."""

    layer: str
    call: int
    path: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one forward let be heard, by address."""

    values: dict[str, Place]
    layers: tuple[str, ...]


def output_forward(model: Any, spec: InputSpec, output: str | int | None) -> OutputForward:
    """The forward of a module or function at the spec's shape, by kernels without tiles.

    Args:
        model: An `nn.Module`, or a function of one tensor.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed before it came to the output.
        UnknownLayerError: Nothing has that name.
    """
    model = getattr(model, "_orig_mod", model)
    modules = modules_of(model)
    example = modules.example()
    try:
        heard = heard_by_running(model, modules, spec, output, example)
    except InputTypeError:
        example = example.long()
        heard = heard_by_running(model, modules, spec, output, example)
    place = heard.values[resolve(heard, output)]

    def run(image: NDArray[Any]) -> NDArray[Any]:
        given = torch.from_numpy(np.ascontiguousarray(image))
        calls = 0
        kept: list[torch.Tensor] = []

        def keep(layer: str, value: Any) -> None:
            nonlocal calls
            if layer != place.layer:
                return
            parts = dict(tensors_by_path(value))
            if parts and calls == place.call:
                # Activations that work in place may write into it later.
                kept.append(parts[place.path].detach().clone())
            calls += bool(parts)

        failed = _run(model, modules, spec, given.to(example), keep)
        if not kept:
            raise ModelError(spec.shape, failed or LookupError(f"{place.layer!r} did not run"))
        return array(kept[0])

    dtype = torch.zeros((), dtype=example.dtype)
    return OutputForward(run, array(dtype).dtype, tuple(_notes(modules)))


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Convolutions as matrix products: no tiles over which values, NaN above all, could spread."""
    with (
        # Naming a TF32 choice here warns on machines without an Intel GPU.
        torch.backends.mkldnn.flags(enabled=False, allow_tf32=None),
        torch.backends.nnpack.flags(enabled=False),
        torch.backends.cudnn.flags(enabled=False),
    ):
        yield


def heard_by_running(
    model: Any, modules: Modules, spec: InputSpec, output: str | int | None, example: torch.Tensor
) -> Heard:
    """What one forward on a random input lets be heard.

    Args:
        model: The model.
        modules: Its modules.
        spec: The measured input.
        output: What the user calls the output.
        example: A tensor of the input's type, where the model is.

    Raises:
        ModelError: It failed before it came to the output.
        InputTypeError: It wants an input of integers.
    """
    calls: dict[str, list[dict[str, Place]]] = defaultdict(list)

    def keep(layer: str, value: Any) -> None:
        parts = dict(tensors_by_path(value))
        if parts:
            number = len(calls[layer])
            places = {p: Place(layer, number, p, tuple(t.shape)) for p, t in parts.items()}
            calls[layer].append(places)

    generator = torch.Generator().manual_seed(SEED)
    image = torch.rand(spec.shape, generator=generator).to(example)
    failed = _run(model, modules, spec, image, keep)
    values: dict[str, Place] = {}
    for layer, parts in calls.items():
        values.update(addresses_of(layer, parts))
    if failed is not None and (output is None or str(output) not in values):
        if isinstance(failed, RfcoreError):
            raise failed
        raise ModelError(spec.shape, failed) from failed
    return Heard(values, modules.layers())


def _run(
    model: Any,
    modules: Modules,
    spec: InputSpec,
    image: torch.Tensor,
    keep: Callable[[str, Any], None],
) -> Exception | None:
    """One forward; an error is returned, since layers before it ran all the same."""
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        no_fast_paths(),
        plain_kernels(),
        running(modules, keep),
    ):
        try:
            keep("", called(model, spec, image))
        except Exception as error:
            return explained(error)
    return None


def _notes(modules: Modules) -> Iterator[str]:
    if any(module.training for module in modules.each):
        yield (
            "the model is in training mode: batch statistics let every output see all positions, "
            "and what dropout drops shows nothing; call model.eval() to verify the inference "
            "network"
        )
