"""The commands `scan` and `compare`, and rules in the list of backends."""

import json

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

import rfcore
from rfcore.cli.commands import app

NETS = """
text = "conv 5 s2, conv 3"
other = "conv 7"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)


def invoke(*arguments):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_scan_prints_a_table_and_what_follows_from_it():
    done = invoke("scan", "nets.py:text", "--input-shape", "64")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split() == [
        *("layer", "type", "output", "size", "stride", "offset", "padding")
    ]
    # 5, then 4 more at stride 2.
    assert done.stdout.splitlines()[-1] == "feasible input sizes: 9 to 9 pixels"


def test_scan_prints_json_and_csv():
    told = json.loads(invoke("scan", "nets.py:text", "--input-shape", "64", "--json").stdout)
    assert rfcore.Scan.from_dict(told)["0"].field.size == (5,)
    lines = invoke("scan", "nets.py:text", "--input-shape", "64", "--csv").stdout.splitlines()
    assert lines[0].startswith("name,type,output,size_0")


def test_scan_takes_columns_layers_and_depth():
    options = ("--columns", "size, padding", "--layer", "1", "--depth", "1")
    done = invoke("scan", "nets.py:text", "--input-shape", "64", *options)
    assert done.stdout.splitlines() == ["layer  size  padding", "1         9        0"]
    refused = invoke("scan", "nets.py:text", "--input-shape", "64", "--columns", "sise")
    assert refused.exit_code == 2
    assert "columns='sise' is not known" in refused.stderr


def test_compare_exits_with_1_where_models_differ():
    same = invoke("compare", "a=nets.py:text", "b=nets.py:text", "--input-shape", "64")
    assert same.exit_code == 0
    assert same.stdout.strip() == "All 2 layers have the same field in a and b."
    other = invoke("compare", "a=nets.py:text", "b=nets.py:other", "--input-shape", "64")
    assert other.exit_code == 1
    assert "In layer 0 b moves 1 pixel less per output than a" in other.stdout
    told = invoke("compare", "a=nets.py:text", "b=nets.py:other", "--json")
    assert json.loads(told.stdout)["equal"] is False


def test_compare_takes_an_option_for_each_model():
    pair = ("a=nets.py:text", "b=nets.py:text")
    done = invoke("compare", *pair, "--input-shape", "64", "--input-shape", "65")
    assert done.exit_code == 2
    assert "different sizes" in done.stderr
    mapped = invoke("compare", *pair, "--pair", "0=0", "--input-shape", "64")
    assert mapped.stdout.strip() == "All 1 layers have the same field in a and b."
    many = invoke("compare", *pair, *("--layout", "NL") * 3)
    assert many.exit_code == 2
    assert "--layout was given 3 times for 2 models" in many.stderr
    assert invoke("compare", pair[0], pair[0]).exit_code == 2


def test_backends_lists_the_rules_of_a_module(tmp_path, monkeypatch):
    code = 'import rfcore\n@rfcore.rule("layers", "mylib::roi")\ndef roi(op):\n    return None\n'
    (tmp_path / "own_rules.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("rfcore.custom._RULES", {})
    done = invoke("backends", "--rules", "own_rules")
    assert "layers: rule for mylib::roi: own_rules.roi" in done.stdout
