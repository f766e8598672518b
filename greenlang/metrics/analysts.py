"""The parts of docs/analysts.md that are derived: questions, macros of past nights, the mirror's columns.

Belongs here: those tables between their marks. Does not belong here: the rest of the page.
"""

from __future__ import annotations

from greenlang.metrics.mirror.columns import page_table
from greenlang.metrics.nights import macro_sentences
from greenlang.metrics.questions import questions


def filled(page: str) -> str:
    """The page with each table between its two marks."""
    tables = {"questions": _questions(), "macros": _macros(), "mirror": page_table()}
    for name, table in tables.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        page = page[: page.index(start) + len(start)] + f"\n{table}\n\n" + page[page.index(end) :]
    return page


def _questions() -> str:
    lines = ["| question | what it answers | parameters |", "|---|---|---|"]
    for one in questions().values():
        told = "; ".join(f"`{name}={p.default}` {p.meaning}" for name, p in one.parameters.items())
        lines.append(f"| `{one.name}` | {one.sentence} | {told or '–'} |")
    return "\n".join(lines)


def _macros() -> str:
    lines = ["| macro | gives |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {sentence} |" for name, sentence in macro_sentences().items())])
