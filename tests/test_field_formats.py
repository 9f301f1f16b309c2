"""A field as JSON and as text, and what is refused as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from field_cases import GLOBAL, PAIRS, STEM, fields
from rfcore.errors import FieldFormatError
from rfcore.field import ReceptiveField


@given(fields())
def test_a_field_survives_json(field: ReceptiveField) -> None:
    again = ReceptiveField.from_json(field.to_json())
    assert again == field
    assert again.notes == field.notes
    assert again.to_dict() == json.loads(field.to_json())


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    data = ReceptiveField((STEM,), notes=("a note",)).to_dict()
    change(data)
    return data


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param({}, "it has no 'schema' entry", id="empty"),
        pytest.param([], "it has no 'schema' entry", id="a list"),
        pytest.param(
            changed(lambda d: d.update(schema="rfcore.field/2")),
            "its schema is 'rfcore.field/2', this version reads 'rfcore.field/1'",
            id="a later version",
        ),
        pytest.param(changed(lambda d: d.pop("axes")), "KeyError: 'axes'", id="no axes"),
        pytest.param(changed(lambda d: d.update(axes=[])), "at least one axis", id="no axis"),
        pytest.param(changed(lambda d: d.update(axes=["x"])), "TypeError", id="a text as axis"),
        pytest.param(changed(lambda d: d.update(exact=1)), "1 is not of type bool", id="exact"),
        pytest.param(changed(lambda d: d.update(notes="x")), "not of type list", id="notes"),
        pytest.param(
            changed(lambda d: d["axes"][0].update(lows=[0.5])), "0.5 is not of type int", id="lows"
        ),
        pytest.param(
            changed(lambda d: d["axes"][0].update(period=True)), "True is not of type", id="bool"
        ),
        pytest.param(
            changed(lambda d: d["axes"][0].update(lows=[99])), "interval is empty", id="impossible"
        ),
        pytest.param(
            changed(lambda d: d["axes"][0].update(density="1/0")), "ZeroDivision", id="density"
        ),
    ],
)
def test_a_dict_that_is_no_field_is_refused(data: Any, problem: str) -> None:
    with pytest.raises(FieldFormatError) as caught:
        ReceptiveField.from_dict(data)
    assert problem in caught.value.problem
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "ReceptiveField(size=(11,))"])
def test_a_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(FieldFormatError, match="it is not JSON") as caught:
        ReceptiveField.from_json(text)
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


# Faces


@pytest.mark.parametrize(
    ("field", "text"),
    [
        pytest.param(
            ReceptiveField((STEM,)),
            "ReceptiveField(size=(11,), stride=(4,), offset=(0.5,), input_shape=(224,))",
            id="one axis",
        ),
        pytest.param(
            ReceptiveField((replace(PAIRS, shift=1), GLOBAL), exact=False),
            "ReceptiveField(size=(3, global), stride=(1/2, 0), offset=(0.5, 4), "
            "input_shape=(8, 8), exact=False)",
            id="fraction, global, not exact",
        ),
    ],
)
def test_repr_is_one_line(field: ReceptiveField, text: str) -> None:
    assert repr(field) == text


def test_str_is_a_table_with_the_notes_below() -> None:
    field = ReceptiveField((replace(STEM, density=Fraction(1, 3)), GLOBAL), False, ("why",))
    header, first, second, *rest = str(field).splitlines()
    names = "axis size stride offset padding density period input output"
    assert header.split() == names.split()
    assert first.split() == ["0", "11", "4", "0.5", "5", "0.333", "1", "224", "56"]
    assert second.split() == ["1", "global", "(8)", "0", "4", "0", "1", "1", "8", "1"]
    assert len(header) == len(first) == len(second)
    assert rest == ["note: why", "not exact: see the notes"]


def test_html_escapes_the_notes() -> None:
    field = ReceptiveField((STEM,), True, ("<script>alert('x')</script> & more",))
    html = field._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; more" in html
    assert "<td>11</td>" in html
