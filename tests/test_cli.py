"""The command: what it prints, where it finds models, and how it fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

import rfcore
from rfcore import ReceptiveField
from rfcore.cli.commands import app
from rfcore.cli.targets import TargetError, load_target

NETS = """
import warnings
print("printed on import")

text = "conv 5 s2, conv 3"
count = 3

class Holder:
    layers = ["first", "second"]
    net = "conv 7"

class Network(str):
    def __new__(cls):
        return super().__new__(cls, "conv 9")

class Needy:
    def __init__(self, width, depth=2):
        pass

def build():
    print("printed while building")
    return "conv 3 p1, maxpool 2"

def warns():
    warnings.warn("old weights\\nare old", UserWarning)
    return "conv 3"

def breaks():
    raise ValueError("no weights here\\nnor there")

def leaves():
    raise SystemExit(3)

def nothing():
    pass

def forward(x, scale):
    return x
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder of modules that one works in; what it changes in the interpreter is undone."""
    (tmp_path / "rfpackage").mkdir()
    (tmp_path / "rfpackage" / "__init__.py").touch()
    (tmp_path / "rfpackage" / "nets.py").write_text(NETS)
    (tmp_path / "rfpackage" / "sibling.py").write_text("net = 'conv 11'")
    (tmp_path / "rfpackage" / "uses.py").write_text("from sibling import net")
    (tmp_path / "rfbroken.py").write_text("import rf_is_not_installed")
    (tmp_path / "rfsyntax.py").write_text("def net(:")
    (tmp_path / "rfleaves.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def invoke(*arguments):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def run(*arguments, folders=(), code="from rfcore.cli import main; main()", environ=()):
    """The command in a fresh interpreter, from the current folder."""
    places = [*map(str, folders), str(Path(rfcore.__file__).parents[1])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(places), "COLUMNS": "100"}
    env |= dict(environ)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True
    )


# --- answers


def test_calc_prints_a_table():
    done = invoke("calc", "conv 7 s2 p3, maxpool 3 s2 p1")
    assert done.exit_code == 0
    assert done.stderr == ""
    # Size 7 + 2·2, stride 2·2, padding 3 + 2·1, offset 1/2 (a field of 11 that begins at -5).
    assert "0     11        4      0.5         5         1         224 -> 56" in done.stdout
    assert "conv 7 s2 p3, maxpool 3 s2 p1" in done.stdout


def test_calc_shows_the_period_of_decoders_only():
    assert "period" not in invoke("calc", "conv 3").stdout
    assert "period" in invoke("calc", "up 2").stdout


def test_brackets_of_a_text_are_not_markup():
    assert "[skip | conv 3 p1]+" in invoke("calc", "[skip | conv 3 p1]+").stdout


def test_notes_stand_below_the_table():
    done = invoke("calc", "conv 3 p1, [skip | globalpool]+", "--input-shape", "16")
    assert "global (16)" in done.stdout
    assert "\nnote: axis 0: " in done.stdout
    assert "GlobalPooling in '1.1.0'" in done.stdout


def test_calc_json_is_the_field_and_nothing_else():
    done = invoke("calc", "conv 3", "--input-shape", "8,9", "--json")
    assert ReceptiveField.from_dict(json.loads(done.stdout)) == rfcore.estimate(
        "conv 3", input_shape=(8, 9)
    )


def test_named_outputs_give_json_by_name():
    done = invoke("calc", "a: conv 3, b: conv 3", "--output", "a", "--output", "b", "--json")
    fields = json.loads(done.stdout)
    assert {name: field["size"] for name, field in fields.items()} == {"a": [3], "b": [5]}


def test_backends_are_listed():
    assert "layers" in invoke("backends").stdout
    listed = json.loads(invoke("backends", "--json").stdout)
    expected = {"name": "layers", "distribution": "rfcore (built in)", "problem": "", "rules": []}
    assert listed[0] == expected


def test_version():
    assert invoke("--version").stdout.startswith("rfcore ")


@pytest.mark.parametrize(
    ("target", "size"),
    [
        ("rfpackage.nets:text", (9,)),
        ("rfpackage/nets.py:text", (9,)),
        ("rfpackage.nets:build", (4,)),
        ("rfpackage.nets:Network", (9,)),
        ("rfpackage.nets:Holder.net", (7,)),
        ("rfpackage/uses.py:net", (11,)),
    ],
)
def test_estimate_finds_what_a_target_names(project, target, size):
    done = invoke("estimate", target, "--json")
    assert tuple(json.loads(done.stdout)["size"]) == size


def test_an_absolute_path_is_a_target(project):
    assert load_target(f"{project / 'rfpackage' / 'nets.py'}:text") == "conv 5 s2, conv 3"


def test_what_the_model_prints_goes_to_stderr(project):
    done = invoke("estimate", "rfpackage.nets:build", "--json")
    assert json.loads(done.stdout)["size"] == [4]
    assert done.stderr == "printed on import\nprinted while building\n"


def test_options_reach_estimate(project):
    arguments = ["--input-shape", "2,16,24", "--layout", "NCHW", "--backend", "layers"]
    done = invoke("estimate", "rfpackage.nets:text", *arguments, "--output", "0", "--json")
    field = json.loads(done.stdout)["0"]
    assert [axis["input_size"] for axis in field["axes"]] == [16, 24]
    assert field["stride"] == ["2", "2"]


# --- failures

BAD_TARGETS = {
    "no colon": ("nets", "does not name an attribute of a module", "package.module:attribute"),
    "no attribute": ("rfpackage.nets:", "does not name an attribute", "path/file.py:attribute"),
    "no module": ("rfpackage.nats:x", "no module called 'rfpackage.nats'", "install it"),
    "no package": ("rfpackge.nets:x", "no module called 'rfpackge'", "install it"),
    "no file": ("rfpackage/nats.py:x", "a file that does not exist", "did you mean nets.py"),
    "no folder": ("rfnowhere/nets.py:x", "a file that does not exist", "check the path"),
    "attribute": ("rfpackage.nets:txt", "has no attribute 'txt'", "did you mean text?"),
    "nested": ("rfpackage.nets:Holder.nat", "Holder has no attribute 'nat'", "did you mean net?"),
    "import": ("rfbroken:x", "ModuleNotFoundError: No module named 'rf_is_not_inst", "repair it"),
    "file import": ("rfbroken.py:x", "ModuleNotFoundError: No module named", "repair it"),
    "syntax": ("rfsyntax:net", "SyntaxError: invalid syntax", "repair it"),
    "exit": ("rfleaves.py:net", "rfleaves.py raised SystemExit: 3", "repair it"),
    "builder": ("rfpackage.nets:breaks", "breaks() raised ValueError: no weights here", "repair"),
    "builder exits": ("rfpackage.nets:leaves", "leaves() raised SystemExit: 3", "repair it"),
    "None": ("rfpackage.nets:nothing", "nothing() returned None", "let it return the model"),
    "class": ("rfpackage.nets:Needy", "Needy needs width", "without arguments"),
    "function": ("rfpackage.nets:forward", "forward needs x, scale", "--backend"),
    "an int": ("rfpackage.nets:count", "No backend accepts a model of type builtins.int", "plugin"),
}


@pytest.mark.parametrize(("target", "problem", "hint"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_a_bad_target_is_one_short_error(project, target, problem, hint):
    done = invoke("estimate", target)
    assert done.exit_code == 2
    assert done.stdout == ""
    printed, _, error = done.stderr.partition("Error: ")
    assert printed in ("", "printed on import\n")
    message, told = error.strip().split("\nHint: ")
    assert problem in message
    assert hint in told
    assert "\n" not in message + told


def test_a_function_is_the_model_where_a_backend_is_named(project):
    model = load_target("rfpackage.nets:forward", functions_are_models=True)
    assert model.__name__ == "forward"


def test_the_cause_of_a_target_error_is_kept(project):
    with pytest.raises(TargetError) as raised:
        load_target("rfpackage.nets:breaks")
    assert isinstance(raised.value.__cause__, ValueError)
    assert raised.value.target == "rfpackage.nets:breaks"


@pytest.mark.parametrize("text", ["3;4", "3,x", "", "3.5", "3,,4"])
def test_a_shape_that_cannot_be_read(text):
    done = invoke("calc", "conv 3", f"--input-shape={text}")
    assert done.exit_code == 2
    assert f"input_shape={text!r} is not a list of whole numbers" in done.stderr
    assert "--input-shape 3,224,224" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["calc", "covn 3"], "'covn' is not a layer"),
        (["calc", "conv 3", "--input-shape", "0"], "is not a sequence of positive integers"),
        (["calc", "conv 9", "--input-shape", "4"], "is too small"),
        (["calc", "conv 3", "--output", "nope"], "no layer or output called 'nope'"),
        (["estimate", "rfpackage.nets:text", "--backend", "leyers"], "did you mean"),
        (["estimate", "rfpackage.nets:text", "--method", "guess"], "method='guess' is not known"),
        (["estimate", "rfpackage.nets:text", "--method", "gradient"], "does not offer gradients"),
        (["estimate", "rfpackage.nets:text", "--global-paths", "cut"], "global_paths='cut'"),
        (["estimate", "rfpackage.nets:text", "--layout", "CH"], "layout='CH' does not say"),
        (["estimate", "--inputshape", "3"], "No such option"),
        (["measure"], "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_go_to_stderr_with_exit_code_2(project, arguments, problem):
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert problem in done.stderr


def test_debug_raises_the_error_itself(project):
    with pytest.raises(TargetError, match="no weights here"):
        invoke("estimate", "rfpackage.nets:breaks", "--debug")


def test_an_error_with_a_foreign_cause_tells_of_debug(project):
    assert "--debug shows what caused it" in invoke("estimate", "rfpackage.nets:breaks").stderr
    assert "--debug" not in invoke("calc", "covn 3").stderr


# --- the process


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "rfcore", "calc", "conv 3", "--json"],
        env=os.environ | {"PYTHONPATH": str(Path(rfcore.__file__).parents[1])},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["size"] == [3]


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_extra_it_says_what_to_install(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; from rfcore.cli import main; main()"
    done = run("--help", code=code)
    assert done.returncode == 2
    assert f"needs {missing}, which is not installed" in done.stderr
    assert "pip install 'rfcore[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def plugin(folder, name, code):
    """Makes a folder look as if a plugin were installed in it."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rfcore]\n{name} = {name}\n")


def test_help_imports_no_plugin(tmp_path):
    plugin(tmp_path, "rftalks", "print('the plugin was imported')")
    assert "the plugin was imported" not in run("--help", folders=[tmp_path]).stdout
    # The check can fail: listing the backends does import it.
    assert "the plugin was imported" in run("backends", folders=[tmp_path]).stderr


def test_help_imports_no_framework():
    code = (
        "import sys, atexit; from rfcore.cli import main; names = ('torch', 'jax', 'keras', "
        "'tensorflow', 'matplotlib'); atexit.register(lambda: print([n for n in names if n in "
        "sys.modules])); main()"
    )
    assert run("--help", code=code).stdout.splitlines()[-1] == "[]"
    assert (
        run(
            "--help", code="import json as torch, sys; sys.modules['torch'] = torch\n" + code
        ).stdout.splitlines()[-1]
        == "['torch']"
    )


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["e"], ["estimate", "effective"]),
        (["estimate", "net", "--met"], ["--method"]),
        (["estimate", "net", "--method", ""], ["exact", "gradient"]),
        (["scan", "net", "--global-paths", "f"], ["follow"]),
        (["compare", "net", "--match", "n"], ["name"]),
        (["effective", "net", "--aggregate", "s"], ["square"]),
        (["compare", "net", "--backend", "lay"], ["layers"]),
    ],
    ids=" ".join,
)
def test_shells_are_told_what_could_follow(tmp_path, typed, offered):
    plugin(tmp_path, "rfbad", "raise RuntimeError('built for another version')")
    words = ["rfcore", *typed]
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = run(folders=[tmp_path], environ={"_RFCORE_COMPLETE": "complete_bash", **asked})
    assert done.stdout.split() == offered
    assert not done.stderr


def test_a_broken_plugin_is_one_line_on_stderr(tmp_path):
    plugin(tmp_path, "rfbad", "raise RuntimeError('built for\\nanother version')")
    done = run("calc", "conv 3", "--json", folders=[tmp_path])
    assert json.loads(done.stdout)["size"] == [3]
    lines = [line for line in done.stderr.splitlines() if "rfbad" in line]
    assert lines == [
        "Warning: the rfcore plugin 'rfbad' of rfbad 1.0 does not load "
        "(RuntimeError: built for another version)"
    ]
    listed = run("backends", folders=[tmp_path])
    assert listed.returncode == 0
    assert "broken: RuntimeError" in listed.stdout


def test_warnings_of_a_model_are_one_line(project):
    done = run("estimate", "rfpackage.nets:warns", "--json")
    assert json.loads(done.stdout)["size"] == [3]
    assert "Warning: old weights are old\n" in done.stderr


TOY = '''
import numpy as np

import rfcore
from rfcore.hookspecs import OutputForward
from rfcore.layers import LayersBackend


class Net:
    """Three neighbours by its own account; how many it sums up is another matter."""

    def __init__(self, padding):
        self.padding = padding


class Toy(LayersBackend):
    name = "toy"

    def accepts(self, model):
        return isinstance(model, Net)

    def input_spec(self, model, *asked):
        return super().input_spec("conv 3", *asked)

    def trace(self, model, spec):
        return super().trace("conv 3", spec)

    def forward(self, model, spec, output):
        def run(x):
            x = np.pad(x, [(0, 0), (model.padding, model.padding)])
            width = 3 + 2 * model.padding
            return np.lib.stride_tricks.sliding_window_view(x, width, axis=1).sum(-1)

        return OutputForward(run, np.dtype("float32"))


honest, lying = Net(0), Net(1)


@rfcore.hookimpl
def rfcore_backend():
    return Toy()
'''


@pytest.fixture
def toy(tmp_path):
    plugin(tmp_path, "rftoy", TOY)
    return tmp_path


def test_verify_shows_the_field_and_what_its_forward_says(toy):
    done = run("verify", "rftoy:honest", "--input-shape", "20", folders=[toy])
    assert done.returncode == 0
    assert "rftoy:honest" in done.stdout
    assert "\npassed\n" in done.stdout
    assert "axis 0, high edge: seen by" in done.stdout


def test_verify_exits_with_one_and_a_counter_example(toy):
    done = run("verify", "rftoy:lying", "--input-shape", "20", folders=[toy])
    assert done.returncode == 1
    assert "failed: " in done.stdout
    # Output 8 of 18 says that it sees the pixels 8, 9 and 10.
    assert "output 8 sees pixel 7, beyond its low edge at pixel 8" in done.stdout
    assert "Traceback" not in done.stderr


def test_verify_prints_json_alone(toy):
    one = run("verify", "rftoy:lying", "--input-shape", "20", "--json", folders=[toy])
    assert one.returncode == 1
    assert json.loads(one.stdout)["passed"] is False
    assert ReceptiveField.from_dict(json.loads(one.stdout)["field"]).size == (3,)
    several = run(
        "verify", "rftoy:honest", "--input-shape", "20", "--output", "0", "--json", folders=[toy]
    )
    assert several.returncode == 0
    assert json.loads(several.stdout)["0"]["complete"] is True


def test_verify_needs_a_model_that_runs(project):
    done = run("verify", "rfpackage.nets:text", "--input-shape", "20")
    assert done.returncode == 2
    assert "does not offer forwards" in done.stderr
    assert "Hint: " in done.stderr
