"""`estimate`: the one verb of rfcore, in a few lines; everything else is a part of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Literal, overload

from rfcore.errors import OptionError
from rfcore.exact import exact_field
from rfcore.field import ReceptiveField
from rfcore.garbage import old_objects_set_aside
from rfcore.gradient_field import gradient_field
from rfcore.guard import ask_input_spec, fault
from rfcore.hookspecs import Backend, Trace
from rfcore.inputs import InputSpec
from rfcore.plugins import find_backend
from rfcore.traces import TraceSet
from rfcore.walk import OpFaultError

__all__ = ["estimate", "exact_fields"]

LOG = logging.getLogger(__name__)

Output = str | int | None
Method = Literal["exact", "gradient"]
GlobalPaths = Literal["follow", "ignore"]


@overload
def estimate(
    model: Any,
    *,
    backend: str | None = None,
    input_shape: Sequence[int] | None = None,
    output: Output = None,
    input: str | int | None = None,
    layout: str | None = None,
    method: Method = "exact",
    global_paths: GlobalPaths = "follow",
) -> ReceptiveField: ...


@overload
def estimate(
    model: Any,
    *,
    backend: str | None = None,
    input_shape: Sequence[int] | None = None,
    output: list[str] | list[int] | list[str | int],
    input: str | int | None = None,
    layout: str | None = None,
    method: Method = "exact",
    global_paths: GlobalPaths = "follow",
) -> dict[str | int, ReceptiveField]: ...


def estimate(
    model: Any,
    *,
    backend: str | None = None,
    input_shape: Sequence[int] | None = None,
    output: Output | Sequence[str | int] = None,
    input: str | int | None = None,
    layout: str | None = None,
    method: Method = "exact",
    global_paths: GlobalPaths = "follow",
) -> ReceptiveField | dict[str | int, ReceptiveField]:
    """The theoretical receptive field of a model's output, or of inner layers.

    Args:
        model: A model of an installed framework as it is, or a function of one array.
        backend: Name of the backend; None asks every installed one, exactly one must accept.
        input_shape: Shape of the input without the batch, in the framework's own order:
            (channels, height, width) for torch.
        output: A layer's name as the framework's users write it, an index or key into the
            model's output, or None for that output itself. A list gives a dict of results,
            all from the same traces.
        input: Which of several inputs is measured; None for the first.
        layout: One letter per axis with the batch ("NCHW", "NHWC", "NCL", "NCDHW", …), where
            the backend's default does not hold.
        method: "exact" traces the model; "gradient" measures the gradient on its real weights,
            a lower bound of the field, and warns where the exact one is larger.
        global_paths: "follow" all paths, or "ignore" those through reductions over a whole
            spatial axis (squeeze-and-excite, pooled context, instance-norm statistics); a
            measured gradient runs through them all.

    Returns:
        The field, in pixels per spatial axis; a dict of them by name if `output` is a list.

    Raises:
        RfcoreError: One of its kinds, where there is no exact answer: what was asked cannot
            be read, the model does not run, or its field cannot be told.

    Warns:
        GradientFieldWarning: The field that gradients show is not the exact one.

    Example:
        >>> import rfcore
        >>> rfcore.estimate("conv 7 s2 p3, maxpool 3 s2 p1", input_shape=(224,))
        ReceptiveField(size=(11,), stride=(4,), offset=(0.5,), input_shape=(224,))
    """
    _check("method", method, ("exact", "gradient"))
    _check("global_paths", global_paths, ("follow", "ignore"))
    if method == "gradient" and global_paths != "follow":
        raise OptionError("global_paths", global_paths, ("follow",), beside='method="gradient"')
    chosen = find_backend(model, backend)
    spec = ask_input_spec(chosen, model, input_shape, layout, input)
    LOG.info(
        "measuring a %s with the backend %s: input %s of shape %s, method %s, global paths: %s",
        type(model).__name__,
        chosen.name,
        spec.layout,
        spec.shape,
        method,
        global_paths,
    )
    names: list[Output] = [*output] if isinstance(output, list | tuple) else [output]  # type: ignore[list-item]
    if method == "gradient":
        fields = _gradient_fields(chosen, model, spec, names)
    else:
        fields = exact_fields(chosen, model, spec, names, ignore=global_paths == "ignore")
    for name, found in zip(names, fields, strict=True):
        _report(name, found)
    if not isinstance(output, list | tuple):
        return fields[0]
    return dict(zip(output, fields, strict=True))


# Around all of it, so that the traces are gone when the collector looks again.
@old_objects_set_aside()
def exact_fields(
    backend: Backend,
    model: Any,
    spec: InputSpec,
    names: Sequence[Output],
    *,
    ignore: bool,
    known: Trace | None = None,
) -> list[ReceptiveField]:
    """The exact fields of some outputs, from the same traces.

    Args:
        backend: The model's backend.
        model: The model.
        spec: The measured input.
        names: What the user calls the outputs.
        ignore: Cut paths through reductions over whole spatial axes.
        known: The trace by this very spec, where it was made already.

    Raises:
        RfcoreError: One of its kinds, where there is no exact answer.
    """
    traces = TraceSet(backend, model, spec, known)
    return [_exact(lambda: traces, name, ignore_global=ignore) for name in names]


def _gradient_fields(
    backend: Backend, model: Any, spec: InputSpec, names: Sequence[Output]
) -> list[ReceptiveField]:
    traces = cache(partial(TraceSet, backend, model, spec))
    fields = []
    # No comprehension: it is a frame of its own in some Pythons, and warnings count frames.
    for name in names:
        exact = partial(_exact, traces, name, ignore_global=False)
        fields.append(gradient_field(backend, model, spec, name, exact))
    return fields


def _exact(
    traces: Callable[[], TraceSet], output: Output, *, ignore_global: bool
) -> ReceptiveField:
    try:
        return exact_field(traces(), output, ignore_global=ignore_global)
    except OpFaultError as error:
        raise fault(
            traces().backend, "trace", f"has an op, {error.op}, that {error.problem}"
        ) from error


def _report(output: Output, found: ReceptiveField) -> None:
    name = "the model's output" if output is None else output
    LOG.info("%s: %r", name, found)
    for note in found.notes:
        LOG.info("%s: note: %s", name, note)


def _check(argument: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(argument, value, allowed)
