"""The gradient callable: |d output / d input| on the model's own weights, by autograd."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rf_torch.modules import modules_of
from rf_torch.outputs import tensors_by_path
from rf_torch.running import called, running
from rf_torch.tracing import trace
from rfcore.addresses import addresses_of, resolve
from rfcore.errors import IndependentOutputError, ModelError, RfcoreError
from rfcore.hookspecs import MeasuredOutput
from rfcore.inputs import InputSpec
from rfcore.output_axes import axes_at_asked_size

__all__ = ["measured_output"]

SEED = 0


def measured_output(model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
    """Runs one forward on a random input; each probe is one backward from it.

    Args:
        model: An `nn.Module`, or a function of one tensor.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        NoSpatialAxesError: The output has not the input's axes.
        IndependentOutputError: The output does not depend on the input.
    """
    traced = trace(model, spec)
    if traced.error is not None and (output is None or str(output) not in traced.values):
        if isinstance(traced.error, RfcoreError):
            raise traced.error
        raise ModelError(spec.shape, traced.error) from traced.error
    address = resolve(traced, output)
    axes = axes_at_asked_size(traced, spec, address)
    image, result = _forward(model, spec, address)
    if not result.requires_grad:
        raise IndependentOutputError(address, " by any path that has a gradient")
    others = tuple(d for d in range(len(spec.shape)) if d not in spec.axes)

    def probe(mask: NDArray[Any]) -> NDArray[Any]:
        wide = np.transpose(mask, np.argsort(axes).tolist())
        wide = np.expand_dims(wide, tuple(d for d in range(result.ndim) if d not in axes))
        cotangent = torch.as_tensor(wide, dtype=result.dtype, device=result.device)
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(
                result, image, cotangent.expand_as(result), retain_graph=True, allow_unused=True
            )
        if gradient is None:
            return np.zeros(spec.spatial_shape)
        summed: NDArray[Any] = gradient.abs().double().sum(dim=others).cpu().numpy()
        return summed

    shape = tuple(result.shape[axis] for axis in axes)
    notes = [
        f"one forward on a uniform random input (seed {SEED}); |gradient| summed over channels"
    ]
    if any(module.training for module in modules_of(model).each):
        notes.append(
            "the model is in training mode: the gradient runs through batch statistics and past "
            "what dropout drops; call model.eval() to measure the inference network"
        )
    return MeasuredOutput(probe, spec.spatial_shape, shape, tuple(notes))


def _forward(model: Any, spec: InputSpec, address: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The random input and the addressed tensor, with the graph between them."""
    modules = modules_of(model)
    calls: dict[str, list[dict[str, torch.Tensor]]] = defaultdict(list)

    def keep(name: str, value: Any) -> None:
        parts = dict(tensors_by_path(value))
        if parts:
            calls[name].append(parts)

    with torch.inference_mode(False), torch.enable_grad(), running(modules, keep):
        image = _random_input(spec, modules.example())
        # A copy, for autograd forbids to write into the tensor that gradients are asked of.
        read = image.clone()
        keep("", called(model, spec, read))
    tensors: dict[str, torch.Tensor] = {}
    for name, parts in calls.items():
        tensors.update(addresses_of(name, parts))
    return image, tensors[address]


def _random_input(spec: InputSpec, example: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(SEED)
    values = torch.rand(spec.shape, generator=generator, dtype=torch.float64)
    return values.to(device=example.device, dtype=example.dtype).requires_grad_()
