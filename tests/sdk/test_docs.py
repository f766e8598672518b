"""The examples of the SDK's page run, print what the page says, and are strictly typed."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.M | re.S)
PATTERNS = ("Calculator", "Stateless", "Stateful", "Compliance", "Integrator", "Reporter", "Toolbox")


@pytest.mark.parametrize(("code", "printed"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_prints_what_the_page_says(
    code: str, printed: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(code)
    runpy.run_path("example.py")
    assert capsys.readouterr().out == printed


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == PAGE.count("```python\n")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_has_an_example(pattern: str) -> None:
    assert any(f"({pattern}Agent" in code for code, _ in EXAMPLES)


@pytest.mark.slow
def test_the_examples_are_strictly_typed(tmp_path: Path) -> None:
    for number, (code, _) in enumerate(EXAMPLES):
        (tmp_path / f"example_{number}.py").write_text(code)
    output, errors, code = api.run(
        ["--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
        + [str(path) for path in sorted(tmp_path.glob("*.py"))]
    )
    assert code == 0, output + errors
