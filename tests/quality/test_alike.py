"""Packages that differ in nothing that a type checker looks at, and what is saved by telling."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from mypy import api

from greenlang.quality import tools
from greenlang.quality.alike import form
from greenlang.quality.tools import PackRef, prepare

AGENT = '''\
"""What it is for."""

from greenlang_sdk.agent import CalculatorAgent


class Agent(CalculatorAgent[int, int]):
    """Some words,
    on two lines.
    """

    agent_id = "a/b"
    version = "1.0.0"

    def answer(self) -> int:
        """Forty-two."""
        return 42
'''
BAD = "def answer() -> int:\n    {doc}\n    return 'text'\n"


def _form(folder: Path, text: str, package: str = "gl_a", **others: str) -> str:
    home = folder / package
    home.mkdir(parents=True)
    files = {"agent.py": text, **{name.replace("_py", ".py"): said for name, said in others.items()}}
    for name, said in files.items():
        (home / name).write_bytes(said.encode())
    texts = {f"{package}/{name}": said.encode() for name, said in files.items() if name.endswith(".py")}
    return form(folder, package, {name: ast.parse(text) for name, text in texts.items()}, texts)


@pytest.fixture
def same(tmp_path: Path) -> Callable[[str], bool]:
    """Whether a text has the form of `AGENT`."""

    def told(text: str) -> bool:
        return _form(tmp_path / "other", text, "gl_b") == _form(tmp_path / "one", AGENT)

    return told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What it is for.", "For something else,\n\nat some length."),
        ("Some words,\n    on two lines.\n    ", "Few words."),
        ('"""Forty-two."""', "'The answer.'"),
        ('"a/b"', '"c/another"'),
        ('"1.0.0"', '"2.0.0"'),
    ],
)
def test_words_and_names_are_no_part_of_the_form(same: Callable[[str], bool], old: str, new: str) -> None:
    assert same(AGENT.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 42", "return 43"),
        ("-> int", "-> str"),
        ("answer(self)", "answer(self, more: int)"),
        ("greenlang_sdk.agent", "elsewhere"),  # what its base says of these names is not known
        ("What it is for.", "\n# mypy: ignore-errors\n"),
        ('"""Forty-two."""', '"""Forty-two."""; self.version = 1'),
        ('agent_id = "a/b"', 'agent_name = "a/b"'),
        ('version = "1.0.0"', "version = 1"),
        ("(CalculatorAgent[int, int])", "(CalculatorAgent[int, int], Other)"),
        ("\n        return", "\r\n        return"),
    ],
)
def test_everything_else_is(same: Callable[[str], bool], old: str, new: str) -> None:
    assert old in AGENT
    assert not same(AGENT.replace(old, new))


def test_another_id_or_version_is_another_form_where_the_base_is_not_the_sdk_s(tmp_path: Path) -> None:
    text = AGENT.replace("greenlang_sdk.agent", "elsewhere")
    other = text.replace('"1.0.0"', '"2.0.0"')
    assert _form(tmp_path / "one", text) != _form(tmp_path / "other", other)


def test_every_file_counts(tmp_path: Path) -> None:
    one = _form(tmp_path / "one", AGENT, tools_py="A = 1\n")
    assert one != _form(tmp_path / "two", AGENT, tools_py="A = 2\n")
    assert one != _form(tmp_path / "three", AGENT, other_py="A = 1\n")
    assert one != _form(tmp_path / "four", AGENT, tools_py="A = 1\n", **{"tools.pyi": "A: str\n"})


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[list[str]]:
    """The packages that mypy was asked about, run by run, by a process that knows nothing yet."""
    asked: list[list[str]] = []
    run = api.run
    tools._base_cache(cache)

    def counted(arguments: list[str]) -> tuple[str, str, int]:
        asked.append([Path(a).name for a in arguments if not a.startswith("--")])
        return run(arguments)

    monkeypatch.setattr(api, "run", counted)
    monkeypatch.setattr(tools, "_SOUND", set())
    return asked


def _packs(folder: Path, **texts: str) -> list[PackRef]:
    for name, text in texts.items():
        home = folder / name / name
        home.mkdir(parents=True)
        (home / "__init__.py").write_text(text)
        (home / "py.typed").touch()
    return [PackRef(folder / name, name) for name in texts]


@pytest.mark.slow
def test_of_packs_that_are_alike_one_is_type_checked(tmp_path: Path, cache: Path, runs: list[list[str]]) -> None:
    good = "def answer() -> int:\n    {doc}\n    return 42\n"
    packs = _packs(tmp_path, gl_a=good.format(doc="'''One.'''"), gl_b=good.format(doc="'''Another.'''"))
    assert [found.types for found in prepare(packs, cache).values()] == [(), ()]
    assert runs == [["gl_a"]]
    later = _packs(tmp_path / "later", gl_c=good.format(doc="'''A third.'''"))
    assert [found.types for found in prepare(later, cache).values()] == [()]
    assert runs == [["gl_a"]]


@pytest.mark.slow
def test_what_is_found_in_one_is_looked_for_in_the_others(tmp_path: Path, cache: Path, runs: list[list[str]]) -> None:
    packs = _packs(tmp_path, gl_a=BAD.format(doc="'''One.'''"), gl_b=BAD.format(doc="'''One,\n    two.\n    '''"))
    for _ in range(2):  # what is wrong is not remembered
        lines = [[finding.line for finding in found.types] for found in prepare(packs, cache).values()]
        assert lines == [[3], [5]]
    assert runs == [["gl_a"], ["gl_b"]] * 2
