"""Published fields of TF-slim's networks, measured on plain graphs by the names of their nodes.

The numbers are those of tests/data/published.csv, where each names its source. Rows without a
resolution hold at every size, and are asked about at one that fits no stride.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

import rfcore
from slim_networks import graph, node

PUBLISHED = Path(__file__).parents[3] / "tests" / "data" / "published.csv"
ANY_SIZE = 321


def rows_by_graph() -> dict[tuple[str, int], list[dict[str, str]]]:
    rows = defaultdict(list)
    with PUBLISHED.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["where"] == "TF-slim":
                size = ANY_SIZE if row["resolution"] == "None" else int(row["resolution"])
                rows[row["network"], size].append(row)
    return dict(rows)


ROWS = rows_by_graph()


def test_rows_are_those_of_the_published_table() -> None:
    assert {network for network, _ in ROWS} == {
        "alexnet_v2",
        "vgg_16",
        "inception_v3",
        "resnet_v1_50",
    }
    assert sum(map(len, ROWS.values())) == 84


@pytest.mark.parametrize(("network", "size"), ROWS, ids=lambda value: str(value))
def test_slim_networks_have_their_published_fields(network: str, size: int) -> None:
    rows = ROWS[network, size]
    names = [node(network, row["feature_map"]) for row in rows]
    fields = rfcore.estimate(graph(network), input_shape=(size, size, 3), output=names)
    for name, row in zip(names, rows, strict=True):
        field = fields[name]
        assert field.exact
        assert field.size == 2 * (int(row["size"]),), name
        assert field.stride == 2 * (int(row["stride"]),), name
        if row["padding"]:
            assert field.padding == 2 * (int(row["padding"]),), name
