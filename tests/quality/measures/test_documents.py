"""Documents: parsed once, their faults with line, their code blocks with place."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.quality.documents import blocks, faults, page_of
from greenlang.quality.files import Files

PAGES: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "good": ("# A\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[a](docs/b.md), [c](#a)\n", []),
    "escaped bar": ("| a | b |\n|---|---|\n| 1 \\| 2 | 3 |\n", []),
    "fence in a list": ("- a\n\n  ```sh\n  ls\n  ```\n", []),
    "tildes": ("~~~\nx\n```\n", [(1, "a code fence is not closed")]),
    "open fence": ("a\n\n```python\nx = 1\n", [(3, "a code fence is not closed")]),
    "only a fence": ("```", [(1, "a code fence is not closed")]),
    "narrow row": ("| a | b |\n|---|---|\n| 1 |\n", [(3, "a row of 1 cells in a table of 2")]),
    "no table": ("text\n| a | b |\n|---|---|---|\n", [(3, "this table is none")]),
    "links": (
        "# A b\n\n[x](nothing.md) [y](docs/) [z](https://a.b/c) [m](mailto:a@b.c) [h](#a-b) [i](#c) ![p](p.png)\n",
        [
            (3, "the link to nothing.md leads nowhere"),
            (3, "there is no heading #c"),
            (3, "the link to p.png leads nowhere"),
        ],
    ),
    "link in code": ("`[x](nothing.md)`\n", []),
    "link in a cell": ("| a |\n|---|\n| [x](no.md) |\n", [(3, "the link to no.md leads nowhere")]),
}


@pytest.mark.parametrize("name", PAGES)
def test_faults_of_a_page_are_told_with_their_lines(name: str, tmp_path: Path) -> None:
    text, wanted = PAGES[name]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("# B\n")
    (tmp_path / "README.md").write_text(text)
    found = faults(page_of("README.md", text), Files(tmp_path))
    assert [(d.line, d.message) for d in found] == wanted


def test_links_of_a_page_are_relative_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# A\n")
    text = "[up](../README.md) [wrong](README.md) [out](../../etc/passwd)\n"
    found = [d.message for d in faults(page_of("docs/b.md", text), Files(tmp_path))]
    assert found == ["the link to README.md leads nowhere", "the link to ../../etc/passwd leads nowhere"]


def test_headings_are_those_of_the_page_and_not_of_its_code() -> None:
    assert page_of("a.md", "# A\n\n```sh\n# no\n```\n\nB\n---\n\n### C `d`\n").headings == ["A", "B", "C `d`"]


def test_code_blocks_come_with_file_line_and_language(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# A\n\n```sh\npip install x\n```\n\n```\nno\n```\n\n```python\nx = 1\n```\n")
    (tmp_path / "docs" / "b.md").write_text("```py\ny = 2\n```\n\n```json\n{}\n```\n")
    (tmp_path / "CHANGELOG.md").write_text("```python\nz = 3\n```\n")
    found = [(b.path, b.line, b.language, b.code) for b in blocks(tmp_path)]
    assert found == [
        ("README.md", 4, "sh", "pip install x\n"),
        ("README.md", 12, "python", "x = 1\n"),
        ("docs/b.md", 2, "python", "y = 2\n"),
    ]
