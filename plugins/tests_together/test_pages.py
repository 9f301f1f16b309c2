"""The pages for users run from top to bottom, and give what they say beside and below their code.

A comment behind an expression begins with its value; a `text` block below code is what it printed.
Python that begins with `# name.py` is a file, and commands that begin with `rfcore` are run.
"""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from promised_values import promise

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(python|sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
# By tests/test_plugin_page.py and tests/test_plots_page.py.
RUN_ELSEWHERE = ("plugins.md", "plots.md")


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    code: str
    printed: str | None


def blocks_of(page: Path) -> Iterator[Block]:
    """The code of a page; a `text` block that follows another at once is what that one printed."""
    text = page.read_text("utf-8")
    for block in BLOCK.finditer(text):
        language, code = block.groups()
        if language != "text":
            below = BLOCK.match(text[block.end() :].lstrip())
            yield Block(language, code, below[2] if below and below[1] == "text" else None)


PAGES = {
    str(page.relative_to(ROOT)): [*blocks_of(page)]
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if page.name not in RUN_ELSEWHERE
}
PAGES = {page: blocks for page, blocks in PAGES.items() if blocks}


def run(code: str, names: dict[str, Any]) -> None:
    """Runs code, and holds its expressions to the values beside them."""
    promises = {n: promise(line) for n, line in enumerate(code.splitlines(), start=1)}
    for statement in ast.parse(code).body:
        expected = promises.pop(statement.end_lineno, None)  # type: ignore[arg-type]
        if expected is None:
            exec(compile(ast.Module([statement], []), "a page", "exec"), names)
        else:
            assert isinstance(statement, ast.Expr), expected
            value = eval(compile(ast.Expression(statement.value), "a page", "eval"), names)
            assert value == eval(expected, dict(names)), ast.unparse(statement)
    assert not any(promises.values()), "a value stands where it cannot be held to"


def run_commands(code: str) -> None:
    import shlex

    from rfcore.cli.commands import app

    for line in code.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        if program == "rfcore" and "package.module:attribute" not in arguments:
            app(arguments, prog_name="rfcore", standalone_mode=False)


@pytest.fixture
def logger_put_back() -> Iterator[None]:
    """A page may listen to rfcore; tests after it must not."""
    yield
    logger = logging.getLogger("rfcore")
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)


def test_each_framework_is_shown() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert {"A Keras model", "A PyTorch model", "A JAX function", "A TensorFlow graph"} <= set(
        re.findall(r"^## (.*)$", text, re.MULTILINE)
    )


def test_values_beside_code_are_found() -> None:
    code = "\n".join(block.code for blocks in PAGES.values() for block in blocks)
    assert sum(promise(line) is not None for line in code.splitlines()) >= 20
    assert promise("field.size  # (4, 4), by hand") == "(4, 4)"
    assert promise("field.period  # 16: one for each phase") == "16"
    assert promise("field.stride  # 3 pixels") is None


@pytest.mark.usefixtures("logger_put_back")
@pytest.mark.parametrize("page", PAGES)
def test_the_code_runs_and_gives_what_it_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in PAGES[page]:
        printed = StringIO()
        file = FILE.match(block.code)
        with redirect_stdout(printed):
            if block.language == "sh":
                run_commands(block.code)
            elif file:
                (tmp_path / file[1]).write_text(block.code, "utf-8")
            else:
                run(block.code, names)
        if block.printed is not None:
            assert printed.getvalue().rstrip() == block.printed.rstrip()
