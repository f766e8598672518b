"""The example on the page about results runs, and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greenlang.calc.certificate import LINKS
from greenlang.calc.context import CalculationContext

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "calculation.md").read_text()


def test_the_example_on_the_page_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)[:2]
    exec(compile(code, "calculation.md", "exec"), {})

    def without_sources(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("    from ef://")]

    assert without_sources(capsys.readouterr().out) == without_sources(printed)


def test_the_page_names_every_link_and_every_entry_of_the_context() -> None:
    for name in (*LINKS, *CalculationContext.__dataclass_fields__):
        assert f"`{name}`" in PAGE
