"""`scan`: one set of traces, every layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rfcore.errors import CustomRuleError, OptionError, PluginFaultError, RfcoreError
from rfcore.exact import field_or_refusal
from rfcore.field import ReceptiveField
from rfcore.garbage import old_objects_set_aside
from rfcore.guard import ask_input_spec, fault
from rfcore.hookspecs import Backend
from rfcore.inputs import InputSpec
from rfcore.plugins import find_backend
from rfcore.scans.layers import Layers
from rfcore.scans.names import chosen
from rfcore.scans.planning import walk_ahead
from rfcore.scans.refusals import Refusal, refusal_of
from rfcore.scans.result import Scan
from rfcore.scans.row import ScanRow
from rfcore.scans.trunk import trunk_of
from rfcore.traces import TraceSet
from rfcore.walk import OpFaultError

__all__ = ["scan"]


def scan(
    model: Any,
    *,
    backend: str | None = None,
    input_shape: Sequence[int] | None = None,
    input: str | int | None = None,
    layout: str | None = None,
    layers: Sequence[str] | None = None,
    depth: int | None = None,
    global_paths: Literal["follow", "ignore"] = "follow",
) -> Scan:
    """The receptive fields of all layers of a model, from the same traces.

    Each row is what `estimate` gives for that layer; one that has no field says why.

    Args:
        model: As for `estimate`, like all that is not described here.
        backend: Name of the backend; None asks every installed one.
        input_shape: Shape of the input without the batch.
        input: Which of several inputs is measured; None for the first.
        layout: One letter per axis with the batch.
        layers: Names of layers, each with all that is inside of it; None for all. Wildcards
            are those of a shell: "*.conv?".
        depth: How deep names may be nested (1: only the model's own layers); None for all.
        global_paths: "follow" all paths, or "ignore" those through whole-axis reductions.

    Returns:
        A table of the layers, in the order in which they run.

    Raises:
        RfcoreError: The model cannot be traced, or has no layer of these names.

    Example:
        >>> import rfcore
        >>> print(rfcore.scan("conv 7 s2 p3, maxpool 3 s2 p1", input_shape=(224,)))
        layer     type         output  size  stride  offset  padding
        (output)                   56    11       4     0.5        5
          0       Convolution     112     7       2     0.5        3
          1       Pooling          56    11       4     0.5        5
    """
    if global_paths not in ("follow", "ignore"):
        raise OptionError("global_paths", global_paths, ("follow", "ignore"))
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
        raise OptionError("depth", depth, (None, 1, 2, 3))
    found = find_backend(model, backend)
    spec = ask_input_spec(found, model, input_shape, layout, input)
    return _scanned(found, model, spec, layers, depth, global_paths)


# Around all of it, so that the traces are gone when the collector looks again.
@old_objects_set_aside()
def _scanned(
    backend: Backend,
    model: Any,
    spec: InputSpec,
    layers: Sequence[str] | None,
    depth: int | None,
    global_paths: Literal["follow", "ignore"],
) -> Scan:
    """The scan of a model whose input is known; see `scan`."""
    traces = TraceSet(backend, model, spec)
    if not traces.asked.values:
        traces.address(None)
    addresses = chosen(traces.asked, layers, depth)
    ignore = global_paths == "ignore"
    scanning = _Scanning(traces, ignore)
    walk_ahead(traces, scanning.first_of_each(addresses), ignore_global=ignore)
    rows = tuple(scanning.rows(addresses))
    trunk, notes = scanning.trunk(addresses), tuple(_notes(traces))
    partial = layers is not None or depth is not None
    return Scan(rows, spec.spatial_shape, backend.name, global_paths, partial, trunk, notes)


def _notes(traces: TraceSet) -> Iterator[str]:
    error = traces.asked.error
    if error is not None:
        first_line = str(error).strip().partition("\n")[0] or type(error).__name__
        yield f"the forward stopped before its end, and later layers are not here: {first_line}"


@dataclass(slots=True)
class _Scanning:
    """The layers measured so far, by the node that their value is the same as."""

    traces: TraceSet
    ignore_global: bool
    fields: dict[int, ReceptiveField] = field(default_factory=dict)
    refused: dict[int | None, Refusal] = field(default_factory=dict)
    origins: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.origins = self.traces.asked.graph.origins()

    def first_of_each(self, addresses: Sequence[str]) -> list[str]:
        """One address for each value: an activation sees what the layer before it sees."""
        first: dict[int, str] = {}
        for address in addresses:
            node = self.traces.asked.values[address]
            if node is not None:
                first.setdefault(self.origins[node], address)
        return list(first.values())

    def trunk(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """The layers with windows on the longest path to the last one that was asked about."""
        values = self.traces.asked.values
        nodes = [(address, values[address]) for address in addresses]
        known = [(address, node) for address, node in nodes if node is not None]
        names = {self.origins[node]: address for address, node in known[::-1]}
        last = max((node for _, node in known), default=0)
        return trunk_of(self.traces.asked.graph, last, names)

    def rows(self, addresses: Sequence[str]) -> Iterator[ScanRow]:
        """A row for each address."""
        asked = self.traces.asked
        measured = [(address, *self._measured(address)) for address in addresses]
        layers = Layers.of(self.traces, addresses)
        sizes = {node: found.size for node, found in self.fields.items()}
        for address, found, refused in measured:
            yield ScanRow(
                address,
                type_of(address, asked.layer_types),
                tuple(asked.shapes[address]),
                found,
                *refused,
                layers.growth(address, lambda node: sizes.get(self.origins[node])),
                layers.shortest(address),
                layers.read(address),
            )

    def _measured(self, address: str) -> tuple[ReceptiveField | None, Refusal]:
        node = self.traces.asked.values[address]
        origin = None if node is None else self.origins[node]
        if origin is not None and origin in self.fields:
            return self.fields[origin], Refusal()
        if origin is not None and origin in self.refused:
            return None, self.refused[origin]
        try:
            # The address "" is the model's own output, which `None` stands for.
            found = field_or_refusal(self.traces, address or None, ignore_global=self.ignore_global)
        except OpFaultError as error:
            problem = f"has an op, {error.op}, that {error.problem}"
            raise fault(self.traces.backend, "trace", problem) from error
        except (CustomRuleError, PluginFaultError):
            raise
        except RfcoreError as error:
            self.refused[origin] = refusal_of(error)
            return None, self.refused[origin]
        if origin is not None:
            self.fields[origin] = found
        return found, Refusal()


def type_of(address: str, types: Mapping[str, str]) -> str:
    """The type of the layer that an address is a value of."""
    if address in types:
        return types[address]
    return types.get(address.partition("[")[0], "")
