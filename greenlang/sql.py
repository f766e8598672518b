"""Names and texts as SQL writes them.

Belongs here: quoting. Does not belong here: statements, which the rooms write that ask them.
"""

from __future__ import annotations


def quoted(name: str) -> str:
    """A column or table."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text."""
    return "'" + text.replace("'", "''") + "'"
