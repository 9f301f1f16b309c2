"""One forward of a model on abstract tensors, recorded as a graph.

The forward runs under torch's own fake tensors: shapes without values, whatever its Python
does. Where it asks for a value (`.item()`, a branch on data), it runs again on a real input,
on copies of its weights.
"""

from __future__ import annotations

import logging
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
)

from rf_torch.listening import listening
from rf_torch.measured import TorchInput
from rf_torch.memory import Memory
from rf_torch.modules import Modules, cuda_devices, modules_of
from rf_torch.outputs import tensors_by_path
from rf_torch.recorder import Recorder
from rf_torch.shield import Shield, generators_kept
from rf_torch.stand_ins import Copies, Fakes, StandIns
from rfcore.addresses import addresses_of
from rfcore.errors import InputTypeError, UnsupportedOpError
from rfcore.graph import GraphBuilder
from rfcore.hookspecs import Trace
from rfcore.inputs import InputSpec

__all__ = ["trace"]

Kept = tuple[int | None, tuple[int, ...]]

_NEEDS_VALUES = (DataDependentOutputException, DynamicOutputShapeException)
_READS_VALUES = (
    "the forward reads values of its input (as .item() or a branch on data do); the field is "
    "that of the branch that a random input takes, and misses what passes through those values"
)


def trace(model: Any, spec: InputSpec, *, ids: bool = True) -> Trace:
    """Traces one forward of a module or function, which is left as it is.

    Args:
        model: An `nn.Module`, or a function of one tensor.
        spec: The measured input.
        ids: Whether to try integers (token numbers) where the forward cannot do with floats.
    """
    found = _traced(model, spec, None)
    if ids and isinstance(found.error, InputTypeError):
        again = _traced(model, spec, torch.long)
        return again if again.error is None else found
    return found


def _traced(model: Any, spec: InputSpec, kind: torch.dtype | None) -> Trace:
    model = getattr(model, "_orig_mod", model)
    modules = modules_of(model)
    _refuse_untraceable(modules)
    try:
        fakes = spec.fakes if isinstance(spec, TorchInput) else Fakes()
        fakes.begin()
        found = _Run(model, modules, spec, fakes, kind).trace()
        if fakes.is_outdated:
            fakes.begin_anew()
            found = _Run(model, modules, spec, fakes, kind).trace()
        return found
    except _NEEDS_VALUES:
        return _Run(model, modules, spec, None, kind).trace()


def _refuse_untraceable(modules: Modules) -> None:
    for module in modules.each:
        if isinstance(module, torch.jit.ScriptModule):
            raise UnsupportedOpError(
                type(module).__name__,
                modules.names.get(id(module), [""])[0],
                "TorchScript does not run op by op in Python; pass the Python model it was made of",
            )
        lazy = nn.modules.lazy.LazyModuleMixin
        if isinstance(module, lazy) and module.has_uninitialized_params():
            name = modules.names.get(id(module), [""])[0]
            raise UnsupportedOpError(
                type(module).__name__,
                name,
                "it is a lazy module whose parameters do not exist yet; call the model once on "
                "a real input first",
            )


class _Run:
    """One forward, on fake or (without `fakes`) on real tensors.

    Args:
        model: The model.
        modules: Its modules.
        spec: The measured input.
        fakes: Stand-ins of its parameters.
        kind: Type of the input's values; None for that of the weights.
    """

    def __init__(
        self,
        model: Any,
        modules: Modules,
        spec: InputSpec,
        fakes: Fakes | None,
        kind: torch.dtype | None,
    ) -> None:
        self.model, self.modules, self.spec, self.fakes = model, modules, spec, fakes
        self.kind = modules.example().dtype if kind is None else kind
        self.builder = GraphBuilder(spec.shape)
        self.memory = Memory(self.builder)
        self.stand_ins: StandIns = Copies() if fakes is None else fakes
        self.calls: dict[str, list[dict[str, Kept]]] = defaultdict(list)

    def trace(self) -> Trace:
        """Runs the forward and gathers what it left."""
        recorder = Recorder(self.memory, self.stand_ins)
        error: Exception | None = None
        with ExitStack() as stack:
            stack.enter_context(no_fast_paths())
            stack.enter_context(_silent_logger())
            stack.enter_context(generators_kept(cuda_devices(self.modules)))
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.no_grad())
            stack.enter_context(_no_grad_warnings())
            if self.fakes is not None:
                stack.enter_context(self.fakes.mode)
            shield = stack.enter_context(Shield(self.stand_ins.of))
            shield.add(self.modules.each)
            image = self._input()
            self.memory.bind(image, 0)
            stack.enter_context(listening(self.modules, self._keep, self._run_in, shield.entering))
            try:
                with recorder:
                    output = self._forward(image)
            except _NEEDS_VALUES:
                raise
            except Exception as raised:
                error = explained(raised)
            else:
                self._keep("", output)
        values, shapes = self._addressed()
        return Trace(
            self.builder.finish(),
            values,
            shapes,
            self.modules.layers(),
            error,
            self.fakes is None,
            (_READS_VALUES,) if recorder.reads_values else (),
            {"": type(self.model).__name__, **self.modules.types()},
        )

    def _input(self) -> torch.Tensor:
        example = self.modules.example()
        if self.fakes is not None:
            return torch.empty(self.spec.shape, dtype=self.kind, device=example.device)
        generator = torch.Generator().manual_seed(0)
        values = torch.rand(self.spec.shape, generator=generator) + 0.1
        return values.to(device=example.device, dtype=self.kind)

    def _forward(self, image: torch.Tensor) -> Any:
        if isinstance(self.spec.name, str):
            return self.model(**{self.spec.name: image})
        return self.model(image)

    def _run_in(self, layer: str) -> None:
        self.builder.layer = layer

    def _keep(self, name: str, output: Any) -> None:
        """Notes the nodes of what a layer returned, as they are now: it may be written later."""
        parts = dict(tensors_by_path(output))
        if parts:
            self.calls[name].append(
                {path: (self.memory.read(t), tuple(t.shape)) for path, t in parts.items()}
            )

    def _addressed(self) -> tuple[dict[str, int | None], dict[str, tuple[int, ...]]]:
        values: dict[str, int | None] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        for name, calls in self.calls.items():
            for address, (node, shape) in addresses_of(name, calls).items():
                values[address], shapes[address] = node, shape
        return values, shapes


def explained(error: Exception) -> Exception:
    """An error of the forward, told as what it means for the input where that is known."""
    text = str(error)
    wanted = ("scalar types: Long, Int", "LongTensor", "dtype int", "indices must be long, int")
    if any(words in text for words in wanted):
        explained = InputTypeError("integers (such as token numbers)")
        explained.__cause__ = error
        return explained
    return error


@contextmanager
def no_fast_paths() -> Iterator[None]:
    """Without the fused transformer kernels, which hide their layers."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _silent_logger() -> Iterator[None]:
    """Without torch's log of every shape error: the error itself is reported."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def _no_grad_warnings() -> Iterator[None]:
    """Without the warning that making a fake of a cached activation sets off."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor")
        yield
