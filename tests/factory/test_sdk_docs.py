"""The snippets of docs/python-sdk.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import libraries
from tests.factory.bare_agent import SPEC

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python-sdk.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
PRINTED = {
    "One agent": ["registered 100.0% $0"],
    "Several": ["2 of 2", "100.0% of 2 specs so far"],
    "Refining": ["registered"],
    "Templates and judging code": ["generated gl_industrial_my_heat_pump/tools.py"],
}


@pytest.mark.slow
def test_every_snippet_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "var").mkdir()
    libraries.tell(tmp_path / "var")
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "specs" / "agent_0.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "specs" / "agent_1.yaml").write_text(SPEC.replace("pump_cop", "other_cop"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, value in (("VAR", str(tmp_path / "var")), ("WORKERS", "1"), ("MUTANTS", "1")):
        monkeypatch.setenv(f"GREENLANG_{name}", value)
    assert [head for head, _ in SNIPPETS] == list(PRINTED)
    for head, code in SNIPPETS:
        exec(compile(code, f"python-sdk.md, {head}", "exec"), {"__name__": "__main__"})
        assert capsys.readouterr().out.splitlines() == PRINTED[head], head


def test_the_requests_that_the_page_shows_are_there() -> None:
    from greenlang import client

    named = re.search(r"from greenlang\.client import (.*)", PAGE)
    assert named is not None
    for name in named[1].split(", "):
        assert getattr(client, name)
    for module, function in re.findall(r"\b(factory|registry)\.(\w+)\(", PAGE.partition("## A server")[2]):
        assert callable(getattr(getattr(client, module), function))
