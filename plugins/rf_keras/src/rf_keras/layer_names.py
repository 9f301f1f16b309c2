"""The layers of a model with the names their users give them: paths through nested models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["NamedLayers", "named_layers", "short_names"]


@dataclass(frozen=True, slots=True)
class NamedLayers:
    """Every layer below a model, the model itself left out.

    Attributes:
        each: Each layer once, by identity.
        paths: Its paths, such as "backbone/conv1", by identity; several where it is shared.
    """

    each: dict[int, Any]
    paths: dict[int, list[str]]

    def path(self, layer: Any, inside: str) -> str:
        """The layer's path while the layer at `inside` runs."""
        paths = self.paths[id(layer)]
        below = (path for path in paths if inside and path.startswith(f"{inside}/"))
        return next(below, paths[0])

    def types(self) -> dict[str, str]:
        """The class of each layer, by all its paths."""
        return {
            path: type(layer).__name__
            for key, layer in self.each.items()
            for path in self.paths[key]
        }

    def names(self) -> tuple[str, ...]:
        """All paths."""
        return tuple(dict.fromkeys(path for paths in self.paths.values() for path in paths))


def named_layers(model: Any) -> NamedLayers:
    """Walks a model, the operations of functional ones included."""
    found = NamedLayers({}, {})
    _walk(model, "", found, ())
    return found


def _walk(parent: Any, prefix: str, found: NamedLayers, above: tuple[int, ...]) -> None:
    for layer in _parts(parent):
        if id(layer) in above:
            continue
        path = prefix + layer.name
        found.each.setdefault(id(layer), layer)
        found.paths.setdefault(id(layer), []).append(path)
        _walk(layer, f"{path}/", found, (*above, id(layer)))


def _parts(parent: Any) -> Iterator[Any]:
    """What runs inside a layer: the operations of a functional model, or tracked layers."""
    seen: set[int] = set()
    for part in (*getattr(parent, "operations", ()), *getattr(parent, "_layers", ())):
        if id(part) not in seen:
            seen.add(id(part))
            yield part


def short_names(addresses: Sequence[str]) -> dict[str, str]:
    """For addresses of nested layers, the last part of their path where it is unique."""
    last = {address: address.rpartition("/")[2] for address in addresses}
    often = Counter(last.values())
    return {address: name for address, name in last.items() if "/" in address and often[name] == 1}
