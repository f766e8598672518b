"""Write the SQL of the newest revision of the registry's tables, for the two databases.

    python tools/freeze_registry.py

A revision that was released is never written again: a change of `tables.py` after that is a new revision. A test says
when the files no longer fit what `definition.create` makes.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from greenlang.registry import definition, migrate
from greenlang.registry.tables import Base


def statements(dialect: str) -> list[str]:
    """Everything that makes the newest tables, in order."""
    kind = {"sqlite": sqlite, "postgresql": postgresql}[dialect].dialect()
    tables = Base.metadata.sorted_tables
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
    made = [str(CreateTable(table).compile(dialect=kind)) for table in tables]
    made += [str(CreateIndex(index).compile(dialect=kind)) for index in indexes]
    return ["\n".join(line.rstrip() for line in one.strip().splitlines()) for one in made] + [
        one.strip() for one in definition.beside_tables(dialect)
    ]


def main() -> None:
    """Write both files."""
    for dialect in ("sqlite", "postgresql"):
        path: Path = migrate.MIGRATIONS / f"{definition.REVISION}.{dialect}.sql"
        path.write_text(migrate.SEPARATOR.join(statements(dialect)) + "\n")
        print(path)


if __name__ == "__main__":
    main()
