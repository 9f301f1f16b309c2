"""An output of a model and its derivative, on copies of the model's own weights, by autograd."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rf_torch.forward import heard_by_running
from rf_torch.modules import Modules, modules_of
from rf_torch.outputs import array, tensors_by_path
from rf_torch.running import called, running
from rf_torch.stand_ins import KeptCopies
from rf_torch.tracing import explained, trace
from rfcore.addresses import addresses_of, resolve
from rfcore.errors import (
    BackendCapabilityError,
    IndependentOutputError,
    ModelError,
    RfcoreError,
)
from rfcore.hookspecs import Linearization, MeasuredOutput, Trace, TracedInput
from rfcore.inputs import InputSpec
from rfcore.output_axes import axes_at_asked_size, axes_in_place

__all__ = ["measured_output"]


def measured_output(model: Any, spec: InputSpec, output: str | int | None) -> MeasuredOutput:
    """Finds an output in a trace; each `at` runs one forward, each cotangent one backward.

    Args:
        model: An `nn.Module`, or a function of one tensor.
        spec: The measured input.
        output: What the user calls the output.

    Raises:
        ModelError: The forward failed.
        UnknownLayerError: Nothing has that name.
        IndependentOutputError: The output does not depend on the input.
    """
    model = getattr(model, "_orig_mod", model)
    modules = modules_of(model)
    found = _located(model, modules, spec, output)
    runner = _Runner(model, modules, spec, found.address, found.shape, KeptCopies())
    notes = []
    if any(module.training for module in modules.each):
        notes.append(
            "the model is in training mode: the gradient runs through batch statistics and past "
            "what dropout drops; call model.eval() to measure the inference network"
        )
    dtype = array(torch.zeros((), dtype=modules.example().dtype)).dtype
    return MeasuredOutput(runner.at, found.shape, found.axes, dtype, tuple(notes), found.trace)


@dataclass(frozen=True, slots=True)
class _Located:
    """Where an output is, its shape, its axes that follow the input's, and what told so."""

    address: str
    shape: tuple[int, ...]
    axes: tuple[int | None, ...] | None
    trace: Trace | None = None


def _located(model: Any, modules: Modules, spec: InputSpec, output: str | int | None) -> _Located:
    known = spec.trace if isinstance(spec, TracedInput) else None
    traced = known or trace(model, spec, ids=False)
    if traced.error is None or (output is not None and str(output) in traced.values):
        address = resolve(traced, output)
        axes = axes_at_asked_size(traced, spec, address)
        # One that stopped may do so for want of integers, and real values would be held too long.
        whole = None if traced.error or traced.concrete else traced
        return _Located(address, traced.shapes[address], axes, whole)
    # A forward that cannot be traced may run all the same.
    heard = heard_by_running(model, modules, spec, output, modules.example())
    address = resolve(heard, output)
    shape = heard.values[address].shape
    return _Located(address, shape, axes_in_place(spec, shape))


@dataclass(frozen=True, slots=True)
class _Runner:
    """Runs one model up to one of its outputs, with a graph of the derivative."""

    model: Any
    modules: Modules
    spec: InputSpec
    address: str
    shape: tuple[int, ...]
    copies: KeptCopies

    def at(self, image: NDArray[Any]) -> Linearization:
        """One forward; its graph is kept as long as the result is."""
        given, result = self._forward(image)
        if not result.requires_grad:
            raise IndependentOutputError(self.address, " by any path that has a gradient")

        def pull(cotangents: NDArray[Any]) -> NDArray[Any]:
            stack = torch.from_numpy(np.ascontiguousarray(cotangents))
            return np.stack([array(self._pulled(given, result, one)) for one in stack])

        return Linearization(lambda: array(result.detach()), pull)

    def _pulled(
        self, given: torch.Tensor, result: torch.Tensor, cotangent: torch.Tensor
    ) -> torch.Tensor:
        try:
            # Checkpointed parts of a model run again during the backward pass.
            with self._running(lambda name, value: None):
                (gradient,) = torch.autograd.grad(
                    result, given, cotangent.to(result), retain_graph=True, allow_unused=True
                )
        except (RuntimeError, NotImplementedError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            hint = f'{reason}; leave method="exact".'
            raise BackendCapabilityError("torch", "the gradient of this model", hint) from error
        return torch.zeros_like(given) if gradient is None else gradient

    def _forward(self, image: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """The input and the addressed tensor, with the graph between them."""
        calls: dict[str, list[dict[str, torch.Tensor]]] = defaultdict(list)

        def keep(name: str, value: Any) -> None:
            # A copy, for layers that work in place may write into it later.
            wanted = self.address == name or self.address.startswith(f"{name}[")
            parts = dict(tensors_by_path(value)) if wanted else {}
            if parts:
                calls[name].append({path: part.clone() for path, part in parts.items()})

        failed: Exception | None = None
        with self._running(keep):
            example = self.modules.example()
            given = torch.from_numpy(np.ascontiguousarray(image)).to(example).requires_grad_()
            try:
                # A copy, for autograd forbids to write into what gradients are asked of.
                keep("", called(self.model, self.spec, given.clone()))
            except Exception as error:
                failed = explained(error)
        found: dict[str, torch.Tensor] = {}
        for name, parts in calls.items():
            found.update(addresses_of(name, parts))
        if self.address not in found:
            if isinstance(failed, RfcoreError):
                raise failed
            cause = failed or LookupError(f"{self.address!r} did not run")
            raise ModelError(self.spec.shape, cause) from failed
        result = found[self.address]
        if tuple(result.shape) != self.shape:
            hint = "measure a layer before the shape begins to depend on the input's values."
            wanted = f"gradients of an output of shape {self.shape} and now {tuple(result.shape)}"
            raise BackendCapabilityError("torch", wanted, hint)
        return given, result

    @contextmanager
    def _running(self, keep: Any) -> Iterator[None]:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            _repeatable(),
            running(self.modules, keep, self.copies.of),
        ):
            yield


@contextmanager
def _repeatable() -> Iterator[None]:
    """With cuDNN's kernels that give the same bits each time."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before
