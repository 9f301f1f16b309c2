"""`rfcore effective`: inputs from files, what it prints, and how it stops."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("PIL")

from PIL import Image
from typer.testing import CliRunner

import rfcore
from mutants import installed
from rfcore import EffectiveReceptiveField
from rfcore.cli.commands import app
from rfcore.cli.given import GivenInputs
from rfcore.errors import RfcoreError, UnfitInputError
from rfcore.inputs import input_spec
from toy_erf import dense, measured
from toy_gradients import ToyGradientBackend

SHAPE = (3, 4, 6)
MODEL = dense(5, *SHAPE)
ASK = ("effective", "rftoy.py:net", "--input-shape", "3,4,6")
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a model, pictures and arrays."""
    (tmp_path / "rftoy.py").write_text(
        "from toy_erf import dense\nnet = dense(5, 3, 4, 6)\nflat = dense(5, 4, 6)\n"
    )
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(PIXELS):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "labels.csv").write_text("cat,dog")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "rftoy", raising=False)
    return tmp_path


def invoke(*arguments: str) -> Any:
    with installed(ToyGradientBackend()):
        return CliRunner().invoke(app, [*ASK, *arguments], catch_exceptions=False)


def printed(*arguments: str) -> dict[str, Any]:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def photos() -> np.ndarray:
    """The pictures as the model takes them: channels first, 0 to 1."""
    return PIXELS.transpose(0, 3, 1, 2).astype(np.float32) / 255


@pytest.mark.usefixtures("project")
def test_json_holds_all_but_the_map() -> None:
    found = printed("--index", "2", "--seed", "4", "--count", "3", "--aggregate", "square")
    asked: dict[str, Any] = {"index": 2, "seed": 4, "count": 3, "aggregate": "square"}
    same = measured(MODEL, input_shape=SHAPE, **asked)
    assert found == json.loads(json.dumps(same.about() | {"measures": same.measures()}))


@pytest.mark.usefixtures("project")
def test_the_tables_say_what_the_text_of_the_result_says() -> None:
    result = invoke("--count", "3")
    text = str(measured(MODEL, input_shape=SHAPE, count=3))
    assert result.exit_code == 0
    for word in text.replace("─", " ").split():
        assert word in result.stdout


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("source", "inputs"), [("random", "normal"), ("normal", "normal"), ("uniform", "uniform")]
)
def test_random_inputs_are_named(source: str, inputs: str) -> None:
    found = printed("--inputs", source)
    assert found["setting"]["inputs"] == f"{inputs}, seed 0"
    assert found["count"] == 20


def test_pictures_become_values_from_0_to_1_in_the_models_layout(project: Path) -> None:
    printed("--inputs", "photos", "--save", "erf.npz")
    expected = measured(MODEL, inputs=photos(), input_shape=SHAPE)
    assert EffectiveReceptiveField.load(project / "erf.npz") == expected


LAYOUTS = {"NCHW": (3, 4, 6), "NHWC": (4, 6, 3), "HWCN": (4, 6, 3), "NHCW": (4, 3, 6)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_channels_go_where_the_layout_has_them(project: Path, layout: str) -> None:
    given = GivenInputs(project / "photos", input_spec(LAYOUTS[layout], layout=layout))
    first = next(iter(given))
    letters = layout.replace("N", "")
    moved = np.transpose(first, [letters.index(letter) for letter in "HWC"])
    np.testing.assert_array_equal(moved, PIXELS[0].astype(np.float32) / 255)
    assert given.names == [str(project / "photos" / "0.png")]
    assert given.count == 5


@pytest.mark.parametrize(
    ("shape", "layout", "mode"),
    [((4, 6), "NHW", "L"), ((1, 4, 6), "NCHW", "L"), ((4, 4, 6), "NCHW", "RGBA")],
    ids=["no channel", "one channel", "four channels"],
)
def test_pictures_get_the_channels_that_the_model_has(
    project: Path, shape: Any, layout: str, mode: str
) -> None:
    given = list(GivenInputs(project / "photos", input_spec(shape, layout=layout)))
    assert [array.shape for array in given] == [shape] * 5
    picture = np.asarray(Image.fromarray(PIXELS[2]).convert(mode), np.float32) / 255
    expected = picture if mode == "L" else picture.transpose(2, 0, 1)
    np.testing.assert_array_equal(given[2].reshape(expected.shape), expected)


def test_deep_pictures_keep_their_range(project: Path) -> None:
    spec = input_spec((4, 6), layout="NHW")
    deep = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2000
    Image.fromarray(deep).save(project / "deep.png")
    floating = np.linspace(-3, 7, 24, dtype=np.float32).reshape(4, 6)
    Image.fromarray(floating).save(project / "floating.tiff")
    (one,) = GivenInputs(project / "deep.png", spec)
    (other,) = GivenInputs(project / "floating.tiff", spec)
    np.testing.assert_allclose(one, deep / 65535)
    np.testing.assert_array_equal(other, floating)
    with pytest.raises(UnfitInputError, match="takes 3 channels of it"):
        list(GivenInputs(project / "deep.png", input_spec(SHAPE, layout=None)))


WAYS: dict[str, Any] = {
    "one npy": lambda folder, stack: np.save(folder / "given.npy", stack),
    "an npz": lambda folder, stack: np.savez(folder / "given.npz", a=stack[:2], b=stack[2:]),
    "a folder": lambda folder, stack: [
        (folder / "given").mkdir(),
        *(np.save(folder / "given" / f"{n}.npy", image) for n, image in enumerate(stack)),
    ],
}
PATHS = {"one npy": "given.npy", "an npz": "given.npz", "a folder": "given"}


@pytest.mark.parametrize("way", WAYS)
def test_arrays_are_taken_as_they_are(project: Path, way: str) -> None:
    stack = np.random.default_rng(1).normal(size=(4, *SHAPE))
    WAYS[way](project, stack)
    printed("--inputs", PATHS[way], "--save", "erf.npz")
    expected = measured(MODEL, inputs=stack, input_shape=SHAPE)
    assert EffectiveReceptiveField.load(project / "erf.npz") == expected


@pytest.mark.parametrize(
    ("way", "name"), [("one npy", "given.npy"), ("an npz", "given.npz[b]"), ("a folder", "3.npy")]
)
def test_an_input_that_holds_nan_is_named_and_skipped_when_asked(
    project: Path, way: str, name: str
) -> None:
    stack = np.random.default_rng(1).normal(size=(4, *SHAPE))
    stack[3, 0, 0, 0] = np.nan
    WAYS[way](project, stack)
    result = invoke("--inputs", PATHS[way])
    assert result.exit_code == 2
    assert "Error: Input 3, '" in result.stderr
    assert f"{name}', holds NaN or infinities (1 of its values)." in result.stderr
    assert "Hint: repair it, or leave such inputs out with --skip-nan." in result.stderr
    found = printed("--inputs", PATHS[way], "--skip-nan")
    assert (found["count"], found["skipped"]) == (3, 1)


def empty(folder: Path) -> None:
    (folder / "given").mkdir()


def only_texts(folder: Path) -> None:
    empty(folder)
    (folder / "given" / "labels.csv").write_text("cat")


def only_folders(folder: Path) -> None:
    (folder / "given" / "cats").mkdir(parents=True)


def no_picture(folder: Path) -> None:
    (folder / "given.png").write_text("no picture")


def no_array(folder: Path) -> None:
    (folder / "given.npy").write_text("no array")


def pickled(folder: Path) -> None:
    np.save(folder / "given.npy", np.array([{"a": 1}]), allow_pickle=True)


def pickled_inside(folder: Path) -> None:
    with (folder / "given.npz").open("wb") as file:
        np.savez(file, allow_pickle=True, a=np.array([{"a": 1}]))


def larger(folder: Path) -> None:
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(folder / "given.png")


def another_shape(folder: Path) -> None:
    np.save(folder / "given.npy", np.zeros((3, 8, 9)))


def text(folder: Path) -> None:
    (folder / "given.txt").write_text("1 2 3")


REFUSED: dict[str, tuple[Any, str, str, str]] = {
    "an empty folder": (empty, "given", "the folder 'given' is empty", "put files there"),
    "no pictures": (only_texts, "given", "holds no picture and no npy file", "put files there"),
    "folders": (only_folders, "given", "holds no picture", "--inputs given/cats"),
    "nothing there": (empty, "nowhere", "there is no file or folder 'nowhere'", "random, normal"),
    "a text": (text, "given.txt", "'given.txt' is no npy, npz or picture", "ends in npy"),
    "no picture": (no_picture, "given.png", "Input 0 cannot be read: 'given.png'", "pictures"),
    "no array": (no_array, "given.npy", "Input 0 cannot be read: 'given.npy'", "npy or npz"),
    "a pickle": (pickled, "given.npy", "Python objects in dtype", "npy or npz"),
    "a pickle inside": (pickled_inside, "given.npz", "allow_pickle=False", "npy or npz"),
    "another size": (larger, "given.png", "of 9 x 8 pixels", "neither resized nor cropped"),
    "another shape": (another_shape, "given.npy", "has the shape (3, 8, 9)", "neither resized"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_measured_on_is_refused_with_a_hint(project: Path, name: str) -> None:
    make, path, problem, hint = REFUSED[name]
    make(project)
    result = invoke("--inputs", path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert problem in result.stderr
    assert hint in result.stderr.partition("Hint: ")[2]


def test_pictures_are_for_models_of_images(project: Path) -> None:
    with pytest.raises(UnfitInputError, match="has the axes CL"):
        list(GivenInputs(project / "photos", input_spec((3, 24), layout=None)))
    with pytest.raises(UnfitInputError, match="takes 2 channels"):
        list(GivenInputs(project / "photos", input_spec((2, 4, 6), layout=None)))


@pytest.mark.usefixtures("project")
def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = invoke("--inputs", "photos")
    assert result.exit_code == 2
    assert "pip install 'rfcore[plot]'" in result.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--index", "a"), "--index='a' is not a list of whole numbers"),
        (("--channels", "1.5"), "--channels='1.5' is not"),
        (("--index", "9"), "place 9 of an axis of length 5"),
        (("--aggregate", "max"), "aggregate='max' is not known"),
        (("--count", "0"), "count=0 is not a whole number above 0"),
        (("--inputs", "photos", "--count", "6"), "count=6 inputs were asked for, and there are 5"),
        (("--save", "nowhere/erf.npz"), "there is no folder"),
        (("--resume", "rftoy.py"), "is not an effective receptive field"),
    ],
    ids=range(8),
)
def test_what_is_asked_wrongly_is_refused(arguments: tuple[str, ...], problem: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "Hint: " in result.stderr


def test_a_saved_result_is_gone_on_with(project: Path) -> None:
    printed("--inputs", "photos", "--count", "2", "--save", "part.npz")
    found = printed("--inputs", "photos", "--resume", "part.npz", "--save", "erf.npz")
    assert found["count"] == 5
    whole = measured(MODEL, inputs=photos(), input_shape=SHAPE)
    assert EffectiveReceptiveField.load(project / "erf.npz") == whole
    result = invoke("--resume", "part.npz")
    assert "inputs was 'given' and is 'normal, seed 0'" in result.stderr


STOPPING = """
from dataclasses import replace
from toy_erf import dense, tanh
calls = 0
def bends(value):
    global calls
    calls += 1
    if calls == {calls}:
        raise KeyboardInterrupt
    return tanh(value)
net = replace(dense(5, 3, 4, 6), bends=bends)
"""


@pytest.mark.parametrize(
    ("calls", "save", "said"),
    [
        (1, True, "interrupted before the first input"),
        (4, False, "interrupted after 3 inputs; --save FILE would have kept it"),
        (4, True, "interrupted after 3 inputs; the same command with --resume"),
    ],
    ids=["at once", "not saved", "saved"],
)
def test_an_interrupt_shows_what_there_is_and_how_to_go_on(
    project: Path, calls: int, save: bool, said: str
) -> None:
    (project / "rftoy.py").write_text(STOPPING.format(calls=calls))
    result = invoke(*(["--save", "erf.npz"] if save else []))
    assert result.exit_code == 130
    assert said in result.stderr
    assert ("over 3 inputs" in result.stdout) == (calls == 4)
    assert (project / "erf.npz").exists() == (save and calls == 4)
    if save and calls == 4:
        (project / "rftoy.py").write_text("from toy_erf import dense\nnet = dense(5, 3, 4, 6)")
        sys.modules.pop("rftoy", None)
        printed("--resume", "erf.npz", "--save", "erf.npz")
        whole = measured(MODEL, input_shape=SHAPE)
        assert EffectiveReceptiveField.load(project / "erf.npz") == whole


PLUGIN = """
import time
from dataclasses import replace
from pathlib import Path
from rfcore import hookimpl
from toy_gradients import ToyGradientBackend
class Backend(ToyGradientBackend):
    def gradient(self, model, spec, output):
        measured = super().gradient(model, spec, output)
        def at(image):
            time.sleep(0.1)
            Path(f"input{len(list(Path().glob('input*')))}").touch()
            return measured.at(image)
        return replace(measured, at=at)
@hookimpl
def rfcore_backend():
    return Backend()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_on_the_running_command_keeps_what_was_measured(project: Path) -> None:
    (project / "rfslow.py").write_text(PLUGIN)
    info = project / "rfslow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rfslow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rfcore]\nslow = rfslow\n")
    # A shell that runs all this in the background has its children ignore the signal.
    listens = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listens}; from rfcore.cli import main; main()"
    command = [sys.executable, "-c", code, *ASK, "--count", "600", "--save", "erf.npz"]
    folders = [project, Path(__file__).parent, Path(rfcore.__file__).parents[1]]
    environment = {"PYTHONPATH": ":".join(map(str, folders)), "RFCORE_STRICT_PLUGINS": "0"}
    process = subprocess.Popen(
        command,
        cwd=project,
        env=environment | {"RFCORE_BLOCK_PLUGINS": "torch,jax,tf,keras", "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    began = time.monotonic()
    while not (project / "input3").exists() and time.monotonic() - began < 120:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=50)
    assert process.returncode == 130, err
    assert "--resume" in err
    count = EffectiveReceptiveField.load(project / "erf.npz").count
    assert f"over {count} inputs" in out
    assert 0 < count < 600


def test_errors_of_the_command_are_errors_of_rfcore() -> None:
    from rfcore.cli.given import PillowMissingError

    assert issubclass(PillowMissingError, RfcoreError)
