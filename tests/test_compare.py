"""Comparisons of written-out networks: what differs, from where on, and by how much."""

import json

import pytest

import rfcore
from rfcore.errors import ComparisonError, OptionError, UnknownLayerError

PADDED = "a: conv 3 s2 p1, b: conv 3 p1"
VALID = "a: conv 3 s2, b: conv 3 p1"


def compared(first, second, **options):
    return rfcore.compare({"one": first, "other": second}, input_shape=(64,), **options)


def test_the_same_network_is_equal():
    comparison = compared(PADDED, PADDED)
    assert comparison.equal
    assert comparison.first is None
    assert str(comparison) == "All 2 layers have the same field in one and other."


def test_a_shift_is_told_in_pixels_from_where_it_begins():
    comparison = compared(PADDED, VALID)
    assert not comparison.equal
    assert comparison.first.rows[0].name == "a"
    # Padding 1 less moves the first output's centre by 1.
    assert comparison.summary() == (
        "In layer a other shifts the map by 1 pixel against one from here on: "
        "padding 0 instead of 1."
    )
    shift = next(d for d in comparison.first.differences if d.quantity == "offset")
    assert shift.by == (1,)


def test_half_a_pixel():
    # An even kernel: padding 1 of 4 taps is centred half a pixel off padding 1 of 3 and 2 of 4.
    comparison = compared("conv 2 p1, conv 3 p1", "conv 2, conv 3 p1")
    (difference,) = (d for d in comparison.first.differences if d.quantity == "offset")
    assert difference.values == (0.0, 1.0)
    # Pooling by 2 against striding from the first pixel on: centres 1 and 0.5.
    pooled = compared("maxpool 2 s2", "conv 3 s2 p1")
    assert "sees 1 pixel more than one" in pooled.summary()
    (moved,) = (d for d in pooled.first.differences if d.quantity == "offset")
    assert moved.by == (-0.5,)


def test_what_begins_later_is_told_too():
    comparison = compared("conv 3 s2, conv 3, conv 5", "conv 3 s4, conv 3, conv 7")
    first, second, *_ = comparison.summary().splitlines()
    assert first == (
        "In layer 0 other moves 2 pixels more per output than one from here on: "
        "stride 4 instead of 2."
    )
    # 3 + 2·2 = 7 against 3 + 2·4 = 11.
    assert second.startswith("In layer 1 other sees 4 pixels more than one from here on")


def test_layers_that_are_left_over_make_a_difference():
    comparison = compared(PADDED, f"{PADDED}, c: conv 3 p1")
    assert not comparison.equal
    assert comparison.unmatched == {"other": ("c",)}
    assert comparison.summary() == "1 layers of other have no counterpart: 'c'."


def test_layers_are_matched_by_name():
    comparison = compared(PADDED, "a: conv 3 s2 p1, x: relu, b: conv 3 p1", match="name")
    assert [layer.rows[0].name for layer in comparison.layers] == ["a", "b", ""]
    assert comparison.unmatched == {"other": ("x",)}
    assert all(layer.equal for layer in comparison.layers)


def test_layers_are_matched_by_a_given_map():
    other = "stem: conv 3 s2 p1, x: relu, y: conv 3 p1"
    assert compared(PADDED, other, match={"a": "stem", "b": "y"}).equal
    with pytest.raises(UnknownLayerError):
        compared(PADDED, other, match={"a": "stm"})


def test_three_networks_are_held_against_the_first():
    comparison = rfcore.compare({"a": PADDED, "b": PADDED, "c": VALID}, input_shape=(64,))
    assert comparison.first.differences[0].values[:2] == (0.5, 0.5)
    assert "c shifts the map by 1 pixel against a" in comparison.summary()


def test_scans_are_taken_as_they_are():
    scans = {
        name: rfcore.scan(text, input_shape=(64,))
        for name, text in {"a": PADDED, "b": VALID}.items()
    }
    assert (
        rfcore.compare(scans).to_dict()
        == rfcore.compare({"a": PADDED, "b": VALID}, input_shape=(64,)).to_dict()
    )


def test_json_holds_the_differences():
    told = json.loads(compared(PADDED, VALID).to_json())
    assert told["equal"] is False
    assert told["layers"][0]["layers"] == {"one": "a", "other": "a"}
    assert {"quantity": "padding", "axis": 0, "values": [1, 0]} in told["layers"][0]["differences"]


def test_the_table_shows_what_differs():
    comparison = compared(PADDED, "a: conv 3 s2 p1, b: conv 5 p2")
    lines = comparison.table().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("≠")
    assert len(comparison.table(all_layers=True).splitlines()) == 3


FAULTS = {
    "one network": lambda: rfcore.compare({"a": PADDED}),
    "no mapping": lambda: rfcore.compare([PADDED, VALID]),
    "other sizes": lambda: rfcore.compare(
        {"a": PADDED, "b": PADDED}, input_shape={"a": (64,), "b": (65,)}
    ),
    "nothing belongs together": lambda: compared("relu", "conv 3"),
    "too many": lambda: compared(PADDED, VALID, match={"a": ("a", "b")}),
}


@pytest.mark.parametrize("ask", FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_compared_is_refused(ask):
    with pytest.raises(ComparisonError) as raised:
        ask()
    assert raised.value.hint


def test_an_unknown_way_to_match_is_refused():
    with pytest.raises(OptionError, match="match"):
        compared(PADDED, VALID, match="shape")
