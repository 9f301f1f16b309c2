"""Scans of networks that are written out: every number here is derived by hand."""

import csv
import io
import json

import pytest

import rfcore
from rfcore.errors import (
    FieldFormatError,
    InputRangeError,
    LayerSpecError,
    OptionError,
    UnknownLayerError,
)
from rfcore.layers import Branches, Convolution, GlobalPooling, Identity, Pooling, Upsampling
from rfcore.scans.names import parts_of, separator_of

# Sizes 7, 11, then 3 more steps of stride 4 on each side of the block's path: 11 + 2·4 = 19.
STEM = (
    Convolution(7, stride=2, padding=3, name="conv1"),
    Pooling(3, stride=2, padding=1, name="pool"),
)
BLOCK = Branches(
    ((Identity(name="skip"),), (Convolution(3, padding=1, name="conv"),)), name="block"
)
TAIL = Convolution(3, stride=2, padding=1, name="tail")
NETWORK = (*STEM, BLOCK, TAIL)
SQUEEZED = Branches(((Identity(),), (GlobalPooling(name="squeeze"),)), join="multiply", name="se")


@pytest.fixture(scope="module")
def scan():
    return rfcore.scan(NETWORK, input_shape=(224, 224))


def test_every_layer_has_its_row_in_the_order_in_which_it_runs(scan):
    assert [(row.name, row.type) for row in scan] == [
        ("conv1", "Convolution"),
        ("pool", "Pooling"),
        ("block.0.skip", "Identity"),
        ("block.1.conv", "Convolution"),
        ("block", "Branches"),
        ("tail", "Convolution"),
        ("", ""),
    ]


def test_the_rows_hold_the_fields(scan):
    assert {row.name: row.field.size[0] for row in scan} == {
        "conv1": 7,
        "pool": 11,
        "block.0.skip": 11,
        "block.1.conv": 19,
        "block": 19,
        # The next map's stride is 4: 19 + 2·4.
        "tail": 27,
        "": 27,
    }
    assert scan["tail"].field.stride == (8, 8)
    assert scan["tail"].shape == (1, 28, 28)


def test_growth_is_what_a_layer_adds_to_the_widest_that_it_reads(scan):
    grown = {row.name: row.growth for row in scan}
    assert grown["conv1"] == (6, 6)
    assert grown["pool"] == (4, 4)
    assert grown["block.1.conv"] == (8, 8)
    assert grown["tail"] == (8, 8)
    assert grown["block"] is None


def test_the_shortest_path_goes_around_the_block(scan):
    # conv1 7, pool 11, around the block 11, and tail 11 + 2·4.
    assert scan["block"].shortest == (11, 11)
    assert scan["tail"].shortest == (19, 19)
    assert scan["block.1.conv"].shortest == (19, 19)
    assert scan["tail"].read == (11, 11)


def test_each_axis_has_a_shortest_path_of_its_own():
    wide = Convolution((3, 5), padding=(1, 2), name="wide")
    scan = rfcore.scan((wide, Convolution(3, padding=1, name="square")), input_shape=(64, 64))
    assert scan["wide"].shortest == (3, 5)
    assert scan["square"].shortest == (5, 7)
    assert scan["square"].read == (3, 5)


def test_sizes_that_suit_and_layers_that_bring_nothing_together(scan):
    assert scan.input_range() == ((19, 19), (27, 27))
    # Both convolutions read 11 pixels by the shortest path.
    assert [row.name for row in scan.unproductive(11)] == ["block.1.conv", "tail"]
    assert scan.unproductive(12) == []
    assert [row.name for row in scan.critical(18)] == ["block.1.conv", "tail", ""]
    assert scan.critical((18, 19)) == []


@pytest.mark.parametrize("size", [0, (3,), "224", (3, 3, 3), True])
def test_an_input_size_that_is_none_is_refused(scan, size):
    with pytest.raises(OptionError, match="input_size"):
        scan.unproductive(size)


def test_the_first_global_layer_is_named():
    scan = rfcore.scan((*STEM, SQUEEZED, TAIL), input_shape=(224, 224))
    # The squeezed map itself has no spatial axes left.
    assert scan.first_global.name == "se"
    assert scan["tail"].global_because == "GlobalPooling in 'se.1.squeeze'"
    with pytest.raises(InputRangeError, match="the network goes on to widen it"):
        scan.input_range()
    local = rfcore.scan((*STEM, SQUEEZED, TAIL), input_shape=(224, 224), global_paths="ignore")
    assert local.first_global is None
    assert local.input_range() == ((19, 19), (19, 19))


def test_upsampling_has_no_shortest_path_of_even_steps():
    scan = rfcore.scan((*STEM, Upsampling(2), TAIL), input_shape=(224,))
    assert scan["tail"].shortest == (None,)
    with pytest.raises(InputRangeError, match="upsamples"):
        scan.input_range()


def test_a_scan_that_left_layers_out_tells_no_range():
    with pytest.raises(InputRangeError, match="left out"):
        rfcore.scan(NETWORK, input_shape=(64,), depth=1).input_range()


def test_the_table_is_a_tree(scan):
    assert scan.table(["type", "size"]).splitlines() == [
        "layer       type         size",
        "(output)                   27",
        "  conv1     Convolution     7",
        "  pool      Pooling        11",
        "  block     Branches       19",
        "    0",
        "      skip  Identity       11",
        "    1",
        "      conv  Convolution    19",
        "  tail      Convolution    27",
    ]
    assert "skip" not in scan.table(depth=1)


def test_a_narrow_table_leaves_columns_out(scan):
    assert max(map(len, scan.table(width=48).splitlines())) <= 48
    assert "type" not in scan.table(width=48)
    assert "size" in scan.table(width=48)


def test_an_unknown_column_is_refused(scan):
    with pytest.raises(OptionError, match="columns"):
        scan.table(["sise"])


def test_it_reads_back_what_it_wrote(scan):
    assert rfcore.Scan.from_json(scan.to_json()) == scan
    assert rfcore.Scan.from_dict(json.loads(json.dumps(scan.to_dict()))) == scan


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": "rfcore.scan/0"}', '{"schema": "rfcore.scan/1", "rows": [3]}'],
)
def test_what_is_no_scan_is_refused(text):
    with pytest.raises(FieldFormatError):
        rfcore.Scan.from_json(text)


def test_csv_has_a_column_for_each_axis(scan):
    rows = list(csv.DictReader(io.StringIO(scan.to_csv())))
    assert [row["size_1"] for row in rows][:2] == ["7", "11"]
    assert rows[0]["name"] == "conv1"


def test_pandas_gets_the_records_by_name(scan):
    pandas = pytest.importorskip("pandas")
    frame = scan.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.loc["tail", "size_0"] == 27


def test_html_escapes_names():
    html = rfcore.Scan((rfcore.ScanRow("a<b", "T", (1, 2), None, "none"),), (9,))._repr_html_()
    assert "a&lt;b" in html
    assert "a<b" not in html


def test_layers_are_chosen_by_name_and_wildcard():
    chosen = rfcore.scan(NETWORK, input_shape=(64,), layers=["block"])
    assert [row.name for row in chosen] == ["block.0.skip", "block.1.conv", "block"]
    assert [r.name for r in rfcore.scan(NETWORK, input_shape=(64,), layers=["*conv*"])] == [
        "conv1",
        "block.1.conv",
    ]
    with pytest.raises(UnknownLayerError, match="blok"):
        rfcore.scan(NETWORK, input_shape=(64,), layers=["blok"])


def test_depth_leaves_inner_layers_out():
    names = [row.name for row in rfcore.scan(NETWORK, input_shape=(64,), depth=1)]
    assert names == ["conv1", "pool", "block", "tail", ""]


@pytest.mark.parametrize("depth", [0, -1, 1.5, True])
def test_a_depth_that_is_none_is_refused(depth):
    with pytest.raises(OptionError, match="depth"):
        rfcore.scan(NETWORK, input_shape=(64,), depth=depth)


def test_a_model_that_cannot_be_read_raises():
    with pytest.raises(LayerSpecError):
        rfcore.scan("conv 3, con 4", backend="layers", input_shape=(64,))


def test_a_layer_without_a_field_says_why():
    scan = rfcore.scan((*STEM, GlobalPooling(name="mean")), input_shape=(64, 64))
    assert scan["mean"].field is None
    assert scan["mean"].refusal == "no spatial axes"
    assert "no spatial axes" in scan["mean"].reason
    assert "no spatial axes" in str(scan)


def test_the_trunk_is_the_path_with_the_most_windows(scan):
    assert scan.trunk == ("conv1", "pool", "block.1.conv", "tail")


NAMES = {
    "a.b.c": ("a", "b", "c"),
    "a.b[1]": ("a", "b[1]"),
    "a[x.y]": ("a[x.y]",),
    "[logits]": ("[logits]",),
    "": (),
}


@pytest.mark.parametrize(("name", "parts"), NAMES.items(), ids=repr)
def test_names_are_taken_apart_at_their_dots(name, parts):
    assert parts_of(name, ".") == parts


def test_slashes_separate_where_there_are_any():
    assert separator_of(["a/b", "c.d"]) == "/"
    assert separator_of(["a.b", "c"]) == "."
