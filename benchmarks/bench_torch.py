"""How long an estimate takes, as ratios to PyTorch's own trace of the same model.

Absolute times depend on the machine; ratios of runs that alternate on it do so much less. Run it
with `nox -s bench`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import median

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import ResNetConfig, ResNetModel

import rfcore
from rfcore.plugins import find_backend
from rfcore.traces import TraceSet
from rfcore.walk import Walker, one_hot

PAIRS = 9
INPUT_SHAPE = (3, 224, 224)
LAST_MAP = "encoder.stages.3"
ESTIMATE_LIMIT = 2.5
WALK_LIMIT = 0.1

CHAIN_LAYERS = 10
CHAIN_FIELDS = (1_001, 10_001, 100_001)

Ratio = tuple[str, Sequence[float], float | None]


def seconds(action: Callable[[], object]) -> float:
    gc.collect()
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def paired_ratios(action: Callable[[], object], baseline: Callable[[], object]) -> list[float]:
    """Time of `action` over time of `baseline`, one ratio per alternating pair."""
    # The first run of each pays for imports and caches, which are not what is compared.
    baseline()
    action()
    ratios = []
    for _ in range(PAIRS):
        reference = seconds(baseline)
        ratios.append(seconds(action) / reference)
    return ratios


def fake_trace(model: nn.Module) -> None:
    """PyTorch's own shape propagation through the model: the least that any trace costs."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        model(torch.empty(1, *INPUT_SHAPE))


def estimate_against_fake_trace(model: nn.Module) -> Ratio:
    ratios = paired_ratios(
        lambda: rfcore.estimate(model, input_shape=INPUT_SHAPE, output=LAST_MAP),
        lambda: fake_trace(model),
    )
    return "estimate / fake trace", ratios, ESTIMATE_LIMIT


def walk_against_one_trace(model: nn.Module) -> Ratio:
    """The walks that find the field, one per axis on the larger trace, against one trace."""
    backend = find_backend(model, None)
    spec = backend.input_spec(model, INPUT_SHAPE, None, None)
    traces = TraceSet(backend, model, spec)
    comparison = traces.compare(LAST_MAP, traces.growths(LAST_MAP)[0][0], 0)
    assert comparison is not None
    graph, node = comparison.large.graph, comparison.node
    walker = Walker(graph, comparison.alignment.elastic)
    shape = graph.nodes[node].shape
    masks = [
        one_hot(shape, [dim], [[shape[dim] // 2 + step] for step in range(6)])
        for dim in range(2, len(shape))
    ]
    ratios = paired_ratios(
        lambda: [walker.influence(node, mask) for mask in masks],
        lambda: backend.trace(model, spec),
    )
    return "walks on both axes / one trace", ratios, WALK_LIMIT


def dilated_chain(field_size: int) -> nn.Module:
    """A 1-D chain with that field: the number of layers is fixed and their dilation grows."""
    dilation, rest = divmod(field_size - 1, 2 * CHAIN_LAYERS)
    if rest:
        raise ValueError(f"{field_size - 1} is not a multiple of {2 * CHAIN_LAYERS}")
    convolutions = (
        nn.Conv1d(1, 1, 3, padding=dilation, dilation=dilation) for _ in range(CHAIN_LAYERS)
    )
    return nn.Sequential(*convolutions).eval()


def estimate_chain(field_size: int) -> Callable[[], object]:
    model = dilated_chain(field_size)

    def action() -> None:
        field = rfcore.estimate(model, input_shape=(1, 3 * field_size))
        if field.size != (field_size,):
            raise AssertionError(f"the chain of field {field_size} was measured as {field.size}")

    return action


def growth_with_field_size() -> Iterable[Ratio]:
    """Each field is ten times the one before; so may the time be, but no more."""
    for small, large in pairwise(CHAIN_FIELDS):
        ratios = paired_ratios(estimate_chain(large), estimate_chain(small))
        yield f"1-D chain, field {large:,} / field {small:,}", ratios, None


def cells(ratio: Ratio) -> tuple[str, ...]:
    name, values, limit = ratio
    shown = "" if limit is None else f"{limit:g}"
    return (name, *(f"{value:.2f}" for value in (median(values), min(values), max(values))), shown)


def show(ratios: Sequence[Ratio]) -> None:
    head = ("ratio of times", "median", "min", "max", "limit")
    rows = [cells(ratio) for ratio in ratios]
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for row in (head, *rows):
            print(f"{row[0]:<44}" + "".join(f"{cell:>9}" for cell in row[1:]))
    else:
        table = Table(*head, title=f"{PAIRS} alternating pairs each")
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    for name, values, limit in ratios:
        if limit is not None:
            print(f"{name}: median {median(values):.2f} (limit {limit:g})")


def main() -> None:
    model = ResNetModel(ResNetConfig()).eval()
    show(
        [
            estimate_against_fake_trace(model),
            walk_against_one_trace(model),
            *growth_with_field_size(),
        ]
    )


if __name__ == "__main__":
    main()
