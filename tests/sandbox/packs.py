"""Packs for trials: copies of golden ones, and a small one whose parts can be replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from greenlang.sandbox.trial import MutatedFile

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PACKAGE = "mini"

AGENT = '''
"""Doubles."""

from decimal import Decimal

FACTOR = Decimal(2)


class Result:
    """An answer or a refusal."""

    def __init__(self, value=None, error=None):
        self.value, self.error, self.provenance = value, error, ""

    def as_dict(self):
        return {"data": {"x": str(self.value)}}


class Error:
    """Why there is no answer."""

    def as_dict(self):
        return {"code": "invalid_input"}


class Agent:
    """Doubles an amount."""

    def run(self, given):
        """Twice the amount."""
        if "amount" not in given:
            return Result(error=Error())
        return Result(double(Decimal(given["amount"])))


def double(amount):
    """Twice the amount."""
    return amount * FACTOR


TABLE = {"one": 1, "two": 2}
AGENT = Agent()
'''
TESTS = """
from decimal import Decimal

import mini

def test_doubles():
    assert mini.double(Decimal(3)) == 6

def test_answers():
    assert mini.AGENT.run({"amount": "4"}).value == 8
"""
LOGS = '''
"""Logs."""

import json
import sys


def log_runs(agent, stream=None):
    """One line a run."""
    run = agent.run

    def logged(given):
        result = run(given)
        print(json.dumps({"message": "refused" if result.error else "answered"}), file=stream or sys.stderr)
        return result

    agent.run = logged
'''


def write(folder: Path, agent: str = AGENT, tests: str = TESTS, files: dict[str, str] | None = None) -> Path:
    """The small pack; ``files`` adds to it or replaces."""
    texts = {"mini/__init__.py": agent, "mini/logs.py": LOGS, "tests/test_unit.py": tests, **(files or {})}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def golden(name: str, folder: Path) -> tuple[Path, str]:
    """A copy of a golden pack, and its package."""
    pack = folder / name
    shutil.copytree(GOLDEN / name, pack)
    return pack, next(path.name for path in pack.iterdir() if path.name.startswith("gl_"))


def inputs(pack: Path) -> tuple[dict[str, Any], ...]:
    """The inputs of its vectors."""
    data = json.loads((pack / "tests" / "vectors.json").read_text(encoding="utf-8"))
    return tuple(case["input"] for case in data["vectors"])


def changed(pack: Path, path: str, old: str, new: str, name: str = "", *, control: bool = False) -> MutatedFile:
    """A mutant: one file with one text replaced once."""
    text = (pack / path).read_text(encoding="utf-8")
    assert old in text
    return MutatedFile(name or f"{path}: {old} -> {new}", path, text.replace(old, new, 1).encode(), control)
