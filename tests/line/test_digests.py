"""What is built or judged again: another figure, template or threshold, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import greenlang
from greenlang.factors.table import FactorTable
from greenlang.factory import digests
from greenlang.factory.digests import consumed_digest, world_digest
from greenlang.formulas.library import library
from greenlang.settings import Settings

FILES = {"a.py": b"x = 1\n"}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Nothing is remembered from builds before, nor left to those after."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    for remembered in (digests._judging, digests._contents, digests._code):
        remembered.cache_clear()


def both(settings: Settings) -> tuple[str, str]:
    digests._judging.cache_clear()
    return consumed_digest(FILES, settings), world_digest(FactorTable.load(), library(), settings)


@pytest.mark.parametrize("room", ["quality", "sandbox"])
def test_another_threshold_or_verdict_judges_every_agent_again(
    room: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("quality", "sandbox"):
        (tmp_path / "greenlang" / name).mkdir(parents=True)
    monkeypatch.setattr(greenlang, "__file__", str(tmp_path / "greenlang" / "__init__.py"))
    code = tmp_path / "greenlang" / room / "limits.py"
    code.write_text("LEAST = 95\n")
    before = consumed_digest(FILES, settings)
    digests._judging.cache_clear()
    assert consumed_digest(FILES, settings) == before
    code.write_text("LEAST = 90\n")
    digests._judging.cache_clear()
    assert consumed_digest(FILES, settings) != before


def test_another_version_of_a_tool_judges_every_agent_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = both(settings)
    assert both(settings) == before
    monkeypatch.setattr(digests, "version", lambda tool: "999" if tool == "mypy" else "1")
    assert all(new != old for new, old in zip(both(settings), before, strict=True))


@pytest.mark.parametrize("library", ["jinja2", "pint", "pyyaml"])
def test_another_version_of_a_library_that_renders_looks_at_every_agent_again(
    library: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumed, world = both(settings)
    monkeypatch.setattr(digests, "version", lambda name: "999" if name == library else version(name))
    _forget()
    after = both(settings)
    assert after[0] == consumed, "what it renders to may be the same"
    assert after[1] != world


def test_other_advisories_or_another_confinement_judge_every_agent_again(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "advisories.json"
    file.write_text("[]")
    plain = both(settings)
    audited = both(settings.model_copy(update={"advisories": file}))
    file.write_text('[{"id": "X"}]')
    later = both(settings.model_copy(update={"advisories": file}))
    weak = both(settings.model_copy(update={"sandbox": "weak"}))
    for digest in zip(plain, audited, later, weak, strict=True):
        assert len(set(digest)) == 4


def test_how_many_workers_or_mutants_there_are_changes_no_digest(settings: Settings) -> None:
    other = settings.model_copy(update={"workers": 7, "mutants": "all", "var": settings.var / "else"})
    assert both(other) == both(settings)
