"""Regular expressions: none can be made to run for long, whatever is fed to it."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from house import worst_inputs

_TESTS = Path(__file__).resolve().parent
_PACKAGE = _TESTS.parent / "movie_sync"
_ON_THE_FLY = {"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}


@pytest.mark.timeout(600)
def test_every_expression_is_linear_in_its_worst_input() -> None:
    """Each one ends in milliseconds on twelve thousand characters of its own pieces, repeated."""
    tried = subprocess.run(
        [sys.executable, "-m", "house.worst_inputs"],
        cwd=_TESTS,
        env=os.environ | {"PYTHONPATH": str(_TESTS.parent)},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    slow = [line for line in tried.stdout.splitlines() if line.startswith("SLOW")]
    assert not slow, "\n".join(slow)
    assert tried.stdout.splitlines()[-1].startswith("done"), tried.stdout[-500:] + tried.stderr[-500:]


def test_expressions_are_kept_where_they_can_be_tried() -> None:
    """No function makes one of its own: all stand at the top of their modules, but for known secrets."""
    found = [
        f"{file.relative_to(_PACKAGE)}: {ast.unparse(node)}"
        for file in sorted(_PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if _makes_an_expression(node)
    ]
    assert not found


def _makes_an_expression(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "re"
        and node.func.attr in _ON_THE_FLY
        and "re.escape" not in ast.unparse(node)  # a known secret stands for itself alone
    )


@pytest.mark.parametrize(
    ("expression", "is_slow"),
    [
        (r"x[^>]*y[^>]*z", True),
        pytest.param(r"\s+$", True, marks=pytest.mark.long),
        pytest.param(r"\w+-\w+-$", True, marks=pytest.mark.long),
        (r"[a-z]{1,9}:", False),
        (r"\w+", False),
    ],
)
def test_what_runs_away_is_noticed(expression: str, is_slow: bool) -> None:
    """The inputs are bad enough: they find what is known to be slow, and nothing else."""
    seconds, _text = worst_inputs.slowest(re.compile(expression), ["finditer"])
    assert (seconds > worst_inputs.SECONDS) is is_slow
