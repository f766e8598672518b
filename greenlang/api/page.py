"""The table of endpoints of docs/api.md, from the application itself.

Belongs here: the table. Does not belong here: the prose of the page.
"""

from __future__ import annotations

from pathlib import Path

from greenlang.api.app import create_app
from greenlang.settings import Settings

START, END = "<!-- endpoints -->\n", "<!-- /endpoints -->"


def filled(page: str) -> str:
    """The page with the table between its two marks."""
    document = create_app(Settings(var=Path("var"))).openapi()
    rows = ["| endpoint | what it does | permission |", "|---|---|---|"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            said = operation.get("description") or operation["summary"]
            does = " ".join(said.split("\n\n")[0].split()).replace("|", "\\|")
            asked = f"`{operation['x-permission']}`" if "x-permission" in operation else "none"
            rows.append(f"| `{method.upper()} {path}` | {does} | {asked} |")
    return page[: page.index(START) + len(START)] + "\n".join(["", *rows, "", ""]) + page[page.index(END) :]
