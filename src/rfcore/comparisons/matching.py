"""Which layers of several networks belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rfcore.errors import ComparisonError, OptionError
from rfcore.scans import Scan, ScanRow

__all__ = ["Pairing", "matched"]

Pairing = Mapping[str, str | Sequence[str]]
"""From a layer of the first network to that of the second, or those of all others."""

Matched = list[tuple[ScanRow, ...]]
Unmatched = Mapping[str, tuple[str, ...]]


def matched(scans: Mapping[str, Scan], match: str | Pairing) -> tuple[Matched, Unmatched]:
    """Rows side by side, in the order of the first network, and the layers that are left over.

    Raises:
        ComparisonError: No layers belong together.
        OptionError: `match` is not known.
        UnknownLayerError: It names a layer that is not there.
    """
    if match == "order":
        names = {name: found.trunk for name, found in scans.items()}
        pairs = list(zip(*names.values(), strict=False))
    elif match == "name":
        names = {name: tuple(row.name for row in found) for name, found in scans.items()}
        common = set.intersection(*map(set, names.values()))
        pairs = [(n,) * len(scans) for n in next(iter(names.values())) if n in common]
    elif isinstance(match, Mapping):
        names = {}
        pairs = [(first, *_others(first, rest, len(scans) - 1)) for first, rest in match.items()]
    else:
        raise OptionError("match", match, ("order", "name", {"layer": "other.layer"}))
    if not pairs:
        hint = 'match="order", match="name", or a mapping from layers of the first to the others\'.'
        raise ComparisonError("no layers of theirs belong together", hint)
    used = list(zip(*pairs, strict=True))
    unmatched = {
        name: tuple(layer for layer in names[name] if layer not in set(taken))
        for name, taken in zip(scans, used, strict=True)
        if name in names
    }
    rows = [
        tuple(found[layer] for found, layer in zip(scans.values(), pair, strict=True))
        for pair in pairs
    ]
    return rows, {name: left for name, left in unmatched.items() if left}


def _others(first: str, given: str | Sequence[str], count: int) -> tuple[str, ...]:
    others = (given,) if isinstance(given, str) else tuple(given)
    if len(others) != count:
        raise ComparisonError(
            f"match names {len(others)} layers beside {first!r}, and there are {count} networks "
            "beside the first",
            "name one layer of each of them, in order.",
        )
    return others
