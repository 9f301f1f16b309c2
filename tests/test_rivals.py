"""Other tools are judged by the benchmarks; here is that they are judged fairly."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "rivals"


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return pytest.importorskip("verdicts")


def subject(size=(7, 7), stride=(2, 2), padding=(3, 3)):
    from subjects import Subject

    return Subject("a network", 64, size, stride, padding, "by hand")


NAN = float("nan")


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        ({"size": [7, 7], "stride": [2, 2], "padding": [3, 3]}, "right", "7 / 2 / 3"),
        ({"size": [7.0], "stride": [2.0], "padding": [3.0]}, "right", "7 / 2 / 3"),
        ({"size": [7]}, "right", "7 / · / ·"),
        # Output 0 sees [-3, 4), whose centre is 0.5.
        ({"size": [7, 7], "stride": [2, 2], "offset": [0.5, 0.5]}, "right", "7 / 2 / 3"),
        ({"size": [7, 7], "stride": [2, 2], "offset": [3.5, 3.5]}, "wrong", "7 / 2 / 0"),
        ({"size": [7, 7], "stride": [0, 0]}, "wrong", "7 / 0 / ·"),
        ({"size": [7, 5], "stride": [2, 2]}, "wrong", "7 × 5 / 2 / ·"),
        ({"size": [0, 0], "stride": [NAN, NAN]}, "nothing", "0 / nan / ·"),
        ({"size": ["global"]}, "wrong", "global"),
    ],
)
def test_every_value_that_is_told_has_to_be_right(verdicts, answer, kind, text) -> None:
    assert verdicts.judged(subject(), {"answer": answer}) == verdicts.Verdict(kind, text)


def test_a_global_field_has_to_be_called_global(verdicts) -> None:
    everywhere = subject((), (), ())
    assert verdicts.judged(everywhere, {"answer": {"size": ["global"]}}).kind == "right"
    infinite = {"size": [float("inf")], "stride": [1]}
    assert verdicts.judged(everywhere, {"answer": infinite}).kind == "right"
    all_of_64 = {"size": [64.0, 64.0], "stride": [0.0, 0.0]}
    assert verdicts.judged(everywhere, {"answer": all_of_64}).kind == "right"
    assert verdicts.judged(everywhere, {"answer": {"size": [3], "stride": [1]}}).kind == "wrong"


def test_an_error_is_no_answer(verdicts) -> None:
    found = verdicts.judged(subject(), {"error": "ValueError: Unknown layer"})
    assert found == verdicts.Verdict("refused", "ValueError: Unknown layer")


def test_whole_strides_are_added_until_a_field_and_its_neighbours_fit(verdicts) -> None:
    # 427 + 3 * 32 = 523 pixels are needed, and 17 * 32 = 544.
    assert subject((427, 427), (32, 32), (213, 213)).enough == 544
    assert subject().enough == 64


def test_the_readme_tells_of_other_tools_what_the_page_does() -> None:
    root = Path(__file__).parents[1]
    readme, page = ((root / name).read_text() for name in ("README.md", "docs/benchmarks.md"))
    (asked, told) = re.search(r"Of (\d+) PyTorch networks ([^;]+);", readme).groups()
    tools = re.findall(r"(\S+ \d[\d.]*)(?: is right)? on (\d+)", told)
    assert [tool for tool, _ in tools] == [
        "torchscan 0.1.2",
        "receptivefield 0.5.0",
        "rf-calc 0.0.7",
    ]
    for tool, right in tools:
        assert re.search(rf"\| {tool}(, as is)? \| PyTorch \| {asked} \| {right} \|", page)
