"""Every Python block of the pages for users runs, and gives what the comments beside it say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/reliability.md", "docs/effective.md")
SECTIONS = [
    section
    for page in PAGES
    for section in re.split(r"^## ", (ROOT / page).read_text("utf-8"), flags=re.M)[1:]
]


def code_of(section: str) -> str:
    return "\n".join(re.findall(r"```python\n(.*?)```", section, re.S))


CODE = {section.partition("\n")[0]: code_of(section) for section in SECTIONS if code_of(section)}


def promises(code: str) -> dict[int, str]:
    """The value that the comment on a line begins with, by the line's number."""
    found = {}
    for number, line in enumerate(code.splitlines(), start=1):
        tail = line.partition("  # ")[2]
        if tail.startswith("("):
            found[number] = balanced(tail)
    return found


def balanced(text: str) -> str:
    """The leading parenthesised expression of a text."""
    depth = 0
    for end, character in enumerate(text, start=1):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[:end]
    raise AssertionError(text)


def test_each_framework_is_shown() -> None:
    assert {"A Keras model", "A PyTorch model", "A JAX function", "A TensorFlow graph"} <= set(CODE)
    assert sum(len(promises(code)) for code in CODE.values()) >= 8


@pytest.mark.parametrize("section", CODE)
def test_the_code_runs_and_gives_what_it_says(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some of it writes files
    code = CODE[section]
    expected, names = promises(code), {}
    for statement in ast.parse(code).body:
        promise = expected.pop(statement.lineno, None)
        if promise is None:
            exec(compile(ast.Module([statement], []), "a page", "exec"), names)
        else:
            assert isinstance(statement, ast.Expr), promise
            value = eval(compile(ast.Expression(statement.value), "a page", "eval"), names)
            assert value == ast.literal_eval(promise), ast.unparse(statement)
    assert not expected
