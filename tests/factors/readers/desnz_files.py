"""What the tests of the DESNZ readers share: editions, readings, altered copies of workbooks."""

from __future__ import annotations

import zipfile
from pathlib import Path

from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import Reading, reader


def editions(dataset: str) -> dict[str, Edition]:
    return {e.vintage: e for e in catalogue() if f"{e.publisher}/{e.dataset}" == f"desnz/{dataset}"}


def published(edition: Edition, shared: Path) -> Path:
    (file,) = edition.files
    return shared / "data" / file.folder / file.name


def read(edition: Edition, path: Path) -> Reading:
    """Read ``path`` as the edition's declared file, whatever it is called."""
    (file,) = edition.files
    return reader(edition.reader)(edition, {file.name: path})


def by_path(reading: Reading) -> dict[str, Factor]:
    """Rows by what follows the vintage in their keys."""
    return {row.key.removeprefix(f"{reading.edition.name}/"): row for row in reading.rows}


def altered(path: Path, folder: Path, *changes: tuple[str, str], entry: str = "xl/sharedStrings.xml") -> Path:
    """A copy of a workbook with texts replaced in one entry of its archive."""
    target = folder / path.name
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == entry:
                text = content.decode()
                for old, new in changes:
                    assert old in text
                    text = text.replace(old, new)
                content = text.encode()
            copy.writestr(name, content)
    return target
