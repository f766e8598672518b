"""An undocumented command fails a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from greenlang.cli.main import app

ROOT = Path(__file__).resolve().parents[2]


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    children = getattr(command, "commands", None)
    if not children:
        yield name, command
        return
    for child in children.values():
        yield from commands(child, f"{name} {child.name}")


def test_every_command_stands_in_the_documentation() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name, command in commands(get_command(app), "greenlang"):
        assert f"`{name}" in page, name
        assert command.help, name
