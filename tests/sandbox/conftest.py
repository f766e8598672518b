"""Hand-made packs: one agent that is good, and what others put into its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from greenlang.sandbox import Sandbox
from greenlang.settings import Settings

AGENT = '''
"""Doubles."""
from decimal import Decimal
from pydantic import BaseModel

class Input(BaseModel):
    """One number."""
    amount: Decimal

def double(value: Input) -> Decimal:
    """Twice the amount."""
    if value.amount < 0:
        raise ValueError("negative")
    return value.amount * 2
'''
TESTS = """
from decimal import Decimal
import pytest
from mini import Input, double

@pytest.mark.parametrize("n", [0, 1, 7])
def test_doubles(n):
    assert double(Input(amount=Decimal(n))) == 2 * n

def test_refuses():
    with pytest.raises(ValueError):
        double(Input(amount=Decimal(-1)))
"""

MakePack = Callable[..., Path]


@pytest.fixture
def make_pack(tmp_path: Path) -> MakePack:
    """Write a pack; keyword arguments replace the agent or its unit tests, ``files`` adds more."""

    def make(agent: str = AGENT, tests: str = TESTS, files: dict[str, str] | None = None) -> Path:
        pack = tmp_path / "pack"
        for name, text in {
            "mini/__init__.py": agent,
            "tests/test_unit.py": tests,
            **(files or {}),
        }.items():
            (pack / name).parent.mkdir(parents=True, exist_ok=True)
            (pack / name).write_text(text, encoding="utf-8")
        return pack

    return make


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A strict sandbox with short limits, and no gate before it: it is the jail that is tried here."""
    with Sandbox(Settings(sandbox="strict", test_seconds=5, test_memory_mb=256), gated=False) as box:
        yield box


@pytest.fixture(scope="session")
def weak() -> Iterator[Sandbox]:
    """A weak sandbox with short limits."""
    with Sandbox(Settings(sandbox="weak", test_seconds=5, test_memory_mb=256), gated=False) as box:
        yield box
