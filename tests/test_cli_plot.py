"""`rfcore plot`: which picture it saves, and how it fails before it has measured anything."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("matplotlib")

from PIL import Image
from typer.testing import CliRunner

import rfcore.plot
from mutants import LayersWithGradients, installed
from rfcore import EffectiveReceptiveField
from rfcore.cli.commands import app
from rfcore.erf import Setting

NETS = """
from mutants import Net
from rfcore.layer_text import parse_layers

def line():
    return Net(parse_layers("conv 3 s2 p1, conv 3 p1"))

many = "conv 3 s2 p1, conv 3 p1"
"""
MAP = ("conv 3 s2 p1, conv 3 p1", "--backend", "layers", "--input-shape", "8,12")
LINE = (*MAP[:3], "--input-shape", "12")
SOLID = (*MAP[:3], "--input-shape", "8,12,10")
DRAWN = ("grid", "timeline", "slices", "growth", "panels")
MEASURED = ("gradient", "effective", "profile", "effective_slices")


@pytest.fixture
def drawn(monkeypatch):
    """The pictures that are drawn, by name, with what they were drawn of."""
    calls = []

    def watched(name, draw):
        def watching(*subject, **options):
            calls.append((name, subject, options))
            return draw(*subject, **options)

        return watching

    for name in (*DRAWN, *MEASURED):
        monkeypatch.setattr(rfcore.plot, name, watched(name, getattr(rfcore.plot, name)))
    return calls


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(app, ["plot", *map(str, arguments)], catch_exceptions=False)


def saved(total, **more):
    field = rfcore.estimate(MAP[0], input_shape=total.shape)
    index = tuple(n // 2 for n in field.output_shape)
    setting = Setting(index=index)
    return EffectiveReceptiveField(total, 2, field.center(index), setting, field, **more)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (MAP, "grid"),
        (LINE, "timeline"),
        (SOLID, "slices"),
        ((*MAP, "--kind", "growth"), "growth"),
        ((*MAP, "--output", "0", "--output", "1"), "panels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_picture_fits_the_axes_unless_a_kind_is_asked_for(arguments, name, drawn, folder):
    done = invoke(*arguments, "--save", "picture.png")
    assert (done.exit_code, done.stdout) == (0, "The picture is picture.png.\n")
    assert [call[0] for call in drawn] == [name]
    with Image.open("picture.png") as picture:
        assert picture.format == "PNG"


def test_an_index_and_a_title_and_a_naive_grid_are_passed_on(drawn, folder):
    invoke(*MAP, "--index", "-1,0", "--naive", "--output", "0", "--save", "picture.svg")
    ((_, (field,), options),) = drawn
    assert field == rfcore.estimate("conv 3 s2 p1", input_shape=(8, 12))
    assert options == {"index": (-1, 0), "naive": True, "title": "0"}
    assert Path("picture.svg").read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize("image", ["sample", "own.png"])
def test_an_image_of_any_size_is_drawn_on(image, drawn, folder):
    Image.new("RGB", (300, 200), (0, 255, 0)).save("own.png")
    assert invoke(*MAP, "--image", image, "--save", "picture.png").exit_code == 0
    given = drawn[0][2]["image"]
    assert given.shape == (8, 12, 3)
    assert (given == (0, 255, 0)).all() == (image == "own.png")


def test_a_text_behind_a_target_is_measured_too(drawn, folder):
    target = ("nets.py:many", "--backend", "layers", "--input-shape", "8,12")
    assert invoke(*target, "--save", "picture.png").exit_code == 0
    assert drawn[0][2]["title"] == "nets.py:many"


@pytest.mark.parametrize(
    ("shape", "kind", "name", "count"),
    [
        ("8,12", "effective", "effective", 20),
        ("8,12", "gradient", "gradient", 1),
        ("8,12", "profile", "profile", 20),
        ("12", "effective", "profile", 20),
        ("4,8,12", "gradient", "effective_slices", 1),
    ],
)
def test_what_is_asked_for_is_measured_on_the_spot(shape, kind, name, count, drawn, folder):
    with installed(LayersWithGradients()):
        done = invoke(
            *("nets.py:line", "--input-shape", shape, "--kind", kind, "--save", "picture.png")
        )
    assert done.exit_code == 0, done.stderr
    ((called, subject, options),) = drawn
    assert called == name
    if name == "gradient":
        # The middle of 4 × 6 outputs sees [1, 8) × [3, 10), and so its gradient is there.
        assert options["index"] == (2, 3)
        rows, columns = np.nonzero(subject[0])
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 7, 3, 9)
        assert options["label"] == "mean |gradient|, 1 input"
    else:
        assert subject[0].count == count


@pytest.mark.parametrize(
    ("shape", "kind", "name"),
    [
        ((8, 12), None, "effective"),
        ((8, 12), "gradient", "gradient"),
        ((12,), None, "profile"),
        ((8, 8, 8), None, "effective_slices"),
    ],
)
def test_a_saved_field_is_drawn_without_its_model(shape, kind, name, drawn, folder):
    saved(np.ones(shape)).save("layer3.npz")
    kinds = () if kind is None else ("--kind", kind)
    done = invoke("--effective", "layer3.npz", *kinds, "--log", "--save", "picture.png")
    assert done.exit_code == 0, done.stderr
    ((called, _, options),) = drawn
    assert (called, options["title"], options["log"]) == (name, "layer3", True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*MAP,), "The picture has no place to go to."),
        ((*MAP, "--save", "picture"), "'picture' is in no format that pictures have."),
        ((*MAP, "--save", "picture.txt"), "'picture.txt' is in no format"),
        ((*MAP, "--save", "folder.png"), "The picture cannot be written to 'folder.png'."),
        ((*MAP, "--save", "gone/picture.png"), "The folder 'gone' does not exist."),
        (("--save", "picture.png"), "There is nothing to draw."),
        ((*MAP, "--effective", "a.npz", "--save", "picture.png"), "There are two things to draw."),
        ((*MAP, "--kind", "pie", "--save", "picture.png"), "kind='pie' is not known."),
        ((*MAP, "--kind", "slices", "--save", "picture.png"), "does not go with a field of 2 axes"),
        ((*LINE, "--naive", "--save", "picture.png"), "--naive does not go with --kind timeline."),
        ((*MAP, "--log", "--save", "picture.png"), "--log does not go with --kind grid."),
        ((*MAP, "--count", "3", "--kind", "gradient", "--save", "p.png"), "--count does not go"),
        ((*MAP, "--index", "one", "--save", "p.png"), "The index 'one' is not a list of whole"),
        ((*MAP, "--index", "9,9", "--save", "p.png"), "index=(9, 9) names no output"),
        ((*MAP, "--image", "gone.png", "--save", "p.png"), "The image 'gone.png' does not exist."),
        ((*MAP, "--kind", "effective", "--save", "p.png"), "does not offer gradients"),
        (("--effective", "gone.npz", "--save", "p.png"), "'gone.npz' is not an effective"),
        (("--effective", "a.npz", "--index", "1", "--save", "p.png"), "one output that was chosen"),
        (("--effective", "a.npz", "--kind", "grid", "--save", "p.png"), "is drawn from a model"),
        (
            (*MAP, "--kind", "effective", "--output", "0", "--output", "1", "--save", "p.png"),
            "2 outputs were named; one is measured at a time.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_drawn_is_one_error_with_a_hint(arguments, told, folder):
    saved(np.ones((8, 12))).save("a.npz")
    (folder / "folder.png").mkdir()
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert "\nHint: " in done.stderr
    assert not list(folder.glob("p*.png"))


def test_without_matplotlib_it_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from rfcore.cli import main; main()"
    env = os.environ | {"PYTHONPATH": str(Path(rfcore.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code, "plot", *MAP, "--save", str(tmp_path / "p.png")],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "rfcore.plot needs matplotlib.\nHint: pip install 'rfcore[plot]'" in done.stderr
