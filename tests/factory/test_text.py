from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from greenlang.factory import text

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NASTY = [
    "",
    '"',
    "'",
    "'\"",
    '"""',
    "\\",
    "\\N{DEGREE SIGN}",
    "a\nb",
    "\x00\x1b\x7f\ufeff\u2028",
    "{{ 7 * 7 }}",
    "é \u202e x",
]


@given(ANY)
def test_python_literals_come_back(value: str) -> None:
    literal = text.py_text(value)
    assert "\n" not in literal
    assert ast.literal_eval(literal) == value


@given(ANY)
def test_docstrings_cannot_be_left(value: str) -> None:
    source = f'def f():\n    """{text.doc("x" + value)} x\n    """\n'
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) == 1


@given(ANY)
def test_toml_texts_come_back(value: str) -> None:
    assert tomllib.loads(f"a = {text.toml_text(value)}") == {"a": value}


WORDS = ["yes", "1.0", "0x1", "null", "2024-01-01", "a: b", "- a", "#a", "a #b", "e5", "1e5"]
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), ANY, st.sampled_from(NASTY + WORDS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY, inner, max_size=3)),
    max_leaves=8,
)


@given(VALUES)
def test_yaml_comes_back_unchanged(value: object) -> None:
    assert yaml.safe_load(text.yaml({"top": value})) == {"top": value}


@pytest.mark.parametrize("value", NASTY)
def test_table_cells_stay_one_cell(value: str) -> None:
    made = text.cell(value + "|")
    assert "\n" not in made
    assert made.count("|") == made.count("\\|")


def test_calls_break_like_a_formatter() -> None:
    source = "x = " + text.py_call("f(", ["a" * 50, "b" * 50]) + "\ny = " + text.py_call("f(", ["a", "b"]) + "\n"
    source += "".join(
        f"z = {text.py_text(value)}\n" for value in ("it's", 'say "a"', "both ' and \"", '"', "\x1b", "\\")
    )
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == source


def test_a_list_stands_on_one_line_an_entry() -> None:
    made = text.json_lines({"a": [{"b": "é"}, 2], "c": [], "d": {"e": None}})
    assert made.decode() == '{\n "a": [\n  {"b": "é"},\n  2\n ],\n "c": [],\n "d": {"e": null}\n}\n'
    assert json.loads(made) == {"a": [{"b": "é"}, 2], "c": [], "d": {"e": None}}


@given(ANY)
def test_any_text_is_one_scalar_of_yaml(value: str) -> None:
    assert yaml.safe_load(f"a: {text.yaml_text(value)}") == {"a": text.one_line(value)}


def test_a_long_import_breaks_like_a_formatter() -> None:
    assert text.py_import("a.b", "One", "two") == "from a.b import One, two"
    source = text.py_import(f"gl_{'a' * 80}.logs", "RUN_ID", "log_runs") + "\n\n__all__ = [RUN_ID, log_runs]\n"
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "I", "--line-length", "100", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert "(\n    RUN_ID,\n    log_runs,\n)" in source
    assert done.returncode == 0, done.stdout
