"""Writing results and reading them again: to the last bit, or refused by name."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfcore import AxisField, EffectiveReceptiveField, ReceptiveField
from rfcore.erf import Setting
from rfcore.errors import EffectiveFormatError, RfcoreError, SavePathError

FIELD = ReceptiveField(
    (AxisField(5, 3, (-1,), (2,)), AxisField(4, 4, None, None, density=Fraction(1, 2))),
    notes=("a note",),
)
EXAMPLE = EffectiveReceptiveField(
    np.arange(20.0).reshape(5, 4) / 7,
    3,
    (1.5, 2.0),
    Setting(
        *("square", "torch", "layer4", 0, (1, 3, 5, 4), "NCHW", (1, 8, 3, 4), "float32", (1, 1)),
        channels=(0, 2),
        inputs="normal, seed 3",
    ),
    FIELD,
    skipped=1,
    complete=False,
    notes=("measured by night",),
    digest="00ff",
    first=(1, 0.1 + 0.2),
)
OUTPUTS = st.none() | st.text() | st.integers(-3, 3)


@st.composite
def results(draw: Any) -> EffectiveReceptiveField:
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    numbers = st.lists(st.integers(-9, 9), max_size=3).map(tuple)
    return EffectiveReceptiveField(
        draw(arrays(np.float64, shape, elements=st.floats(0, 1e300))),
        draw(st.integers(1, 10**6)),
        tuple(draw(st.floats(-1e6, 1e6)) for _ in shape),
        Setting(
            aggregate=draw(st.text()),
            output=draw(OUTPUTS),
            input=draw(OUTPUTS),
            index=draw(numbers),
            channels=draw(st.none() | numbers),
            input_shape=draw(numbers),
        ),
        skipped=draw(st.integers(0, 9)),
        complete=draw(st.booleans()),
        notes=tuple(draw(st.lists(st.text()))),
        digest=draw(st.text("0123456789abcdef")),
        first=draw(st.none() | st.tuples(st.integers(0, 9), st.floats(0, 1e300))),
    )


@given(found=results())
def test_saving_and_loading_is_the_identity(
    found: EffectiveReceptiveField, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("erf") / "erf.npz"
    assert found.save(path) == path
    loaded = EffectiveReceptiveField.load(path)
    assert loaded == found
    assert loaded.total.tobytes() == found.total.tobytes()
    assert loaded.notes == found.notes


@given(found=results().filter(lambda found: found.total.max() < 1e100))
def test_a_dict_of_json_types_holds_everything(found: EffectiveReceptiveField) -> None:
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert EffectiveReceptiveField.from_dict(json.loads(text)) == found


def test_the_exact_field_is_kept_with_it(tmp_path: Path) -> None:
    EXAMPLE.save(tmp_path / "erf.npz")
    loaded = EffectiveReceptiveField.load(tmp_path / "erf.npz")
    assert loaded == EXAMPLE
    assert loaded.field == FIELD
    assert loaded.field is not None
    assert loaded.field.notes == ("a note",)


def test_results_differ_in_anything_that_is_written() -> None:
    changed = [
        EffectiveReceptiveField.from_dict(EXAMPLE.to_dict() | change)
        for change in (
            {"count": 4},
            {"skipped": 0},
            {"complete": True},
            {"center": [1.5, 2.5]},
            {"field": None},
            {"notes": []},
            {"digest": ""},
            {"first": None},
            {"total": (EXAMPLE.total * (1 + 2**-52)).tolist()},
            {"setting": Setting().to_dict()},
        )
    ]
    assert all(other != EXAMPLE for other in changed)
    assert EffectiveReceptiveField.from_dict(EXAMPLE.to_dict()) == EXAMPLE
    assert EXAMPLE != "a text"


def saved(tmp_path: Path) -> Path:
    return EXAMPLE.save(tmp_path / "erf.npz")


def refused(path: Path) -> str:
    with pytest.raises(EffectiveFormatError) as caught:
        EffectiveReceptiveField.load(path)
    assert repr(str(path)) in caught.value.message
    assert caught.value.hint
    return caught.value.problem


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = saved(tmp_path).read_bytes()
    cut = tmp_path / "cut.npz"
    # Every byte of the zip's directory at the end, and of the headers at the beginning.
    for length in [*range(100), *range(100, len(content), 9), *range(len(content))[-400:]]:
        cut.write_bytes(content[:length])
        refused(cut)


def test_a_file_with_a_wrong_byte_is_refused_or_the_same(tmp_path: Path) -> None:
    content = saved(tmp_path).read_bytes()
    damaged = tmp_path / "damaged.npz"
    noticed = 0
    for place in range(0, len(content), 7):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            # Some bytes say nothing, such as the time of writing.
            assert EffectiveReceptiveField.load(damaged) == EXAMPLE
        except EffectiveFormatError:
            noticed += 1
    assert noticed > 0.8 * len(content) / 7


class Trap:
    """Sets off when it is unpickled."""

    def __reduce__(self) -> Any:
        return _spring, ()


SPRUNG: list[int] = []


def _spring() -> None:
    SPRUNG.append(1)


@pytest.mark.parametrize("entry", ["total", "about", "another"])
def test_nothing_is_unpickled(entry: str, tmp_path: Path) -> None:
    trap = np.empty((), object)
    trap[()] = Trap()
    parts: dict[str, Any] = {"total": EXAMPLE.total, "about": np.array(json.dumps(EXAMPLE.about()))}
    path = tmp_path / "trap.npz"
    with path.open("wb") as file:
        np.savez(file, allow_pickle=True, **parts | {entry: trap})
    if entry == "another":
        # What nobody asks for is not read at all.
        assert EffectiveReceptiveField.load(path) == EXAMPLE
    else:
        assert "allow_pickle=False" in refused(path)
    assert not SPRUNG
    # The trap is one.
    pickle.loads(pickle.dumps(Trap()))
    assert SPRUNG.pop()


def foreign(kind: str) -> bytes:
    buffer = io.BytesIO()
    match kind:
        case "npy":
            np.save(buffer, np.ones((3, 3)))
        case "pickle":
            pickle.dump(EXAMPLE.about(), buffer)
        case "npz":
            np.savez(buffer, weights=np.ones(3))
        case "zip":
            with zipfile.ZipFile(buffer, "w") as file:
                file.writestr("total", "text")
                file.writestr("about", "text")
        case "number for text":
            np.savez(buffer, total=np.ones(3), about=np.ones(3))
        case "no JSON":
            np.savez(buffer, total=np.ones(3), about=np.array("{"))
        case "JSON of a list":
            np.savez(buffer, total=np.ones(3), about=np.array("[1]"))
        case "text":
            buffer.write(b"axis size\n0 31\n")
        case "nothing":
            pass
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        *("npy", "pickle", "npz", "zip", "number for text", "no JSON", "JSON of a list", "text"),
        "nothing",
    ],
)
def test_a_foreign_file_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.npz"
    path.write_bytes(foreign(kind))
    assert refused(path)


def test_what_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "erf.npz")
    assert refused(tmp_path)


def written(tmp_path: Path, total: Any = EXAMPLE.total, **changes: Any) -> Path:
    about = {key: value for key, value in (EXAMPLE.about() | changes).items() if value != "gone"}
    path = tmp_path / "changed.npz"
    np.savez(path, total=total, about=np.array(json.dumps(about)))
    return path


def test_a_newer_version_is_refused_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, schema="rfcore.effective/2")
    with pytest.raises(EffectiveFormatError, match=r"reads 'rfcore\.effective/1'") as caught:
        EffectiveReceptiveField.load(path)
    assert "pip install --upgrade rfcore" in caught.value.hint
    with pytest.raises(EffectiveFormatError, match=r"its schema is 'rfcore\.field/1'"):
        EffectiveReceptiveField.from_dict(FIELD.to_dict())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schema": "gone"}, "no 'schema' entry"),
        ({"schema": 1}, "no 'schema' entry"),
        ({"count": "gone"}, "no 'count' entry"),
        ({"count": 0}, "0 inputs measured"),
        ({"count": 2.0}, "2.0 is not of type int"),
        ({"count": True}, "True is not of type int"),
        ({"skipped": -1}, "-1 skipped"),
        ({"complete": 1}, "not of type bool"),
        ({"center": [1.5]}, "has no centre (1.5,)"),
        ({"center": [1.5, float("nan")]}, "is not finite"),
        ({"center": ["a", 2]}, "is not a number"),
        ({"center": 3}, "not of type list"),
        ({"notes": "text"}, "not of type list"),
        ({"notes": [1]}, "not of type str"),
        ({"digest": None}, "not of type str"),
        ({"first": [1]}, "not enough values"),
        ({"first": [1.5, 2.0]}, "not of type int"),
        ({"field": {"schema": "rfcore.field/9"}}, "its schema is 'rfcore.field/9'"),
        ({"field": 3}, "no 'schema' entry"),
        ({"setting": None}, "not of type dict"),
        ({"setting": {}}, "entry"),
        ({"setting": Setting().to_dict() | {"aggregate": 1}}, "aggregate is 1"),
        ({"setting": Setting().to_dict() | {"output": True}}, "output is True"),
        ({"setting": Setting().to_dict() | {"index": [0.5]}}, "index is [0.5]"),
        ({"setting": Setting().to_dict() | {"index": None}}, "index is None"),
        ({"total": np.ones((5, 4), np.float32)}, "float32"),
        ({"total": np.ones((5, 3))}, "for inputs (5, 4)"),
        ({"total": np.ones(())}, "not float64 over axes"),
        ({"total": np.full((5, 4), np.nan)}, "finite, and none below zero"),
        ({"total": np.full((5, 4), -1.0)}, "finite, and none below zero"),
    ],
    ids=str,
)
def test_a_file_whose_parts_do_not_fit_is_refused(
    changes: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    assert problem in refused(written(tmp_path, **changes))


@pytest.mark.parametrize(
    "data", [None, 3, [], {}, {"schema": "rfcore.effective/1"}, "text"], ids=repr
)
def test_a_foreign_dict_is_refused(data: Any) -> None:
    with pytest.raises(EffectiveFormatError, match="is not an effective receptive field"):
        EffectiveReceptiveField.from_dict(data)


def test_a_new_file_takes_the_place_of_the_old_one_and_leaves_nothing_beside_it(
    tmp_path: Path,
) -> None:
    path = saved(tmp_path)
    os.link(path, tmp_path / "old.npz")
    other = EffectiveReceptiveField.from_dict(EXAMPLE.to_dict() | {"count": 9})
    other.save(path)
    # A file that somebody had open, here under a second name, is as it was.
    assert EffectiveReceptiveField.load(tmp_path / "old.npz") == EXAMPLE
    assert EffectiveReceptiveField.load(path) == other
    assert {file.name for file in tmp_path.iterdir()} == {"erf.npz", "old.npz"}


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.npz").symlink_to(tmp_path / "folder" / "erf.npz")
    EXAMPLE.save(tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    assert EffectiveReceptiveField.load(tmp_path / "folder" / "erf.npz") == EXAMPLE


def test_a_file_is_as_readable_as_others(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (saved(tmp_path), tmp_path / "other")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_is_told_and_the_old_file_stays(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(SavePathError, match="No space left"):
        EffectiveReceptiveField.from_dict(EXAMPLE.to_dict() | {"count": 9}).save(path)
    assert EffectiveReceptiveField.load(path) == EXAMPLE
    assert [file.name for file in tmp_path.iterdir()] == ["erf.npz"]


@pytest.mark.parametrize("place", ["", "nowhere/erf.npz"])
def test_a_place_where_no_file_can_be_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(SavePathError, match="Nothing can be saved as") as caught:
        EXAMPLE.save(tmp_path / place)
    assert isinstance(caught.value, RfcoreError)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"total": np.ones(())}, "has no centre"),
        ({"total": np.ones((0, 4))}, "has no centre"),
        ({"count": 0}, "0 inputs"),
        ({"center": (float("inf"), 0.0)}, "not finite"),
    ],
    ids=["no axis", "empty", "no input", "infinite centre"],
)
def test_a_result_that_cannot_be_is_not_made(changes: dict[str, Any], problem: str) -> None:
    values = {"total": np.ones((5, 4)), "count": 1, "center": (1.0, 1.0)}
    with pytest.raises(ValueError, match=problem):
        EffectiveReceptiveField(**values | changes)


def test_a_result_is_a_value() -> None:
    given_map = np.ones((2, 2))
    found = EffectiveReceptiveField(given_map, 2, (1, 1))
    given_map[0, 0] = 5
    assert found.map.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    with pytest.raises(ValueError, match="read-only"):
        found.total[0, 0] = 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(found)
