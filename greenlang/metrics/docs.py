"""The page docs/metrics.md, derived from the declared views. ``python -m greenlang.metrics.docs`` prints it.

Belongs here: the page. Does not belong here: a column's meaning (`greenlang.metrics.fields`).
"""

from __future__ import annotations

import sys

from greenlang.metrics.catalogue import descriptions, view_fields

_HEAD = """\
# Metrics

Everything the factory did stands in Parquet files under `var/tables`; `var/metrics.duckdb` holds views over
them. Ask while a batch is running:

    greenlang query "select * from agents order by score"

`--json` and `--csv` give the answer to programs. Any DuckDB client can open the file too, read-only:

    duckdb -readonly var/metrics.duckdb "select outcome, count(*) from agents group by outcome"

The file is built anew and swapped after each batch; a client that had the old one open keeps reading, and
sees new rows. Times are UTC. Texts that do not apply are NULL in `agents`. Ready questions, past nights, charts, how
other clients connect, and the same in PostgreSQL: [For analysts](analysts.md).

This page is derived from `greenlang/metrics/fields.py` and the factors' declaration: change it there, then
`python -m greenlang.metrics.docs > docs/metrics.md`.
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD]
    for view, description in descriptions().items():
        lines += [f"## `{view}`", description, "", "| column | type | meaning |", "|---|---|---|"]
        for name, field in view_fields(view).items():
            lines.append(f"| `{name}` | {field.type} | {field.description} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
