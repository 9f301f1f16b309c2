"""Which names of a trace become rows, and how deep they are nested."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from rfcore.errors import UnknownLayerError
from rfcore.hookspecs import Trace

__all__ = ["chosen", "parts_of", "separator_of"]


def chosen(trace: Trace, layers: Sequence[str] | None, depth: int | None) -> list[str]:
    """The addresses that become rows, in execution order.

    Args:
        trace: The trace at the asked size.
        layers: Names, with a shell's wildcards, of layers that are shown with what is inside.
        depth: How deep names may be nested.

    Raises:
        UnknownLayerError: No layer has such a name.
    """
    names = _as_they_run(_without_second_names(trace.values), trace.values)
    separator = separator_of(names)
    if layers is not None:
        for pattern in layers:
            if not any(_is_under(name, pattern, separator) for name in names):
                raise UnknownLayerError(pattern, [name for name in names if name])
        names = [n for n in names if any(_is_under(n, each, separator) for each in layers)]
    if depth is not None:
        names = [name for name in names if len(parts_of(name, separator)) <= depth]
    return names


def separator_of(names: Iterable[str]) -> str:
    """What stands between the names of nested layers: a slash, where any name has one."""
    return "/" if any("/" in name.partition("[")[0] for name in names) else "."


def parts_of(name: str, separator: str) -> tuple[str, ...]:
    """The steps from the model to a layer; a call or a part of its output stays with the last.

    Outputs of the model itself begin with a bracket and are one step.
    """
    if not name or name.startswith("["):
        return (name,) if name else ()
    plain, bracket, rest = name.partition("[")
    *outer, last = plain.split(separator)
    return (*outer, f"{last}{bracket}{rest}")


def _is_under(name: str, pattern: str, separator: str) -> bool:
    steps = parts_of(name, separator)
    above = (separator.join(steps[:end]) for end in range(1, len(steps) + 1))
    return any(fnmatchcase(outer.partition("[")[0] or outer, pattern) for outer in above)


def _as_they_run(names: Sequence[str], values: Mapping[str, int | None]) -> list[str]:
    """Names by when their value is made: a layer's later calls come with its first one."""
    places: dict[str, int] = {}
    place = 0
    for name in names:
        node = values[name]
        place = place if node is None else node
        places[name] = place
    return sorted(names, key=places.__getitem__)


def _without_second_names(values: Mapping[str, int | None]) -> list[str]:
    """Without names that stand for a value that a fuller name stands for as well.

    Backends let nested layers go by their own name too ("conv1" just before "backbone/conv1"),
    and first results by number ("relu:0" for "relu").
    """
    names = list(values)
    second = {
        name
        for name, fuller in itertools.pairwise(names)
        if fuller.endswith(f"/{name}") and values[name] == values[fuller]
    }
    second |= {name for name in names if name.endswith(":0") and name[:-2] in values}
    return [name for name in names if name not in second]
