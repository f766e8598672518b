"""Names and texts as SQL writes them, and what a database says is wrong.

Belongs here: quoting, and that one line. Does not belong here: statements, which the rooms write that ask them.
"""

from __future__ import annotations


def quoted(name: str) -> str:
    """A column or table."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text."""
    return "'" + text.replace("'", "''") + "'"


def said(error: Exception) -> str:
    """The first line of what a database says; SQLAlchemy's own text repeats the statement and its values."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
