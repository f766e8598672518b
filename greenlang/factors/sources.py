"""Where the embedded figures come from: one declaration a table and vintage, `emission_factors/embedded/*.yaml`.

Belongs here: reading and checking the declarations. Does not belong here: the figures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from string import Formatter
from typing import Any

from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY_PARTS = frozenset({"activity", "quantity", "region", "boundary"})
_CITATION = ("publisher", "dataset", "vintage", "document", "table", "licence", "address")


@dataclass(frozen=True, slots=True)
class Source:
    """One table of one publisher's document. Texts that do not apply are empty.

    ``key`` is the pattern of what follows the vintage in a reference. ``file`` and ``sha256`` name the
    publisher's file; ``by_hand`` says that figures were read off a printed table instead. ``csv`` names the
    embedded figures; ``package`` and ``column`` name an installed distribution that carries them, with ``notes``
    by species. ``omitted`` says what of the table was left out, and why. ``kind`` is that of all rows of the table;
    ``whole`` names the boundary of the whole rows, whose parts the rows of other boundaries are.
    """

    name: str
    publisher: str
    dataset: str
    vintage: str
    document: str
    table: str
    publication_year: int
    licence: str
    address: str
    key: str
    data_year: int | None = None
    region: str = ""
    scope: str = ""
    boundary: str = ""
    scope2_method: str = ""
    calorific_basis: str = ""
    gwp_set: str = ""
    kind: str = ""
    whole: str = ""
    file: str = ""
    file_note: str = ""
    sha256: str = ""
    by_hand: bool = False
    csv: str = ""
    package: str = ""
    column: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    omitted: dict[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """``publisher/dataset/vintage``."""
        return f"{self.publisher}/{self.dataset}/{self.vintage}"

    @property
    def source_file(self) -> str:
        """Name of the publisher's file, or empty."""
        return self.file

    @property
    def source_digest(self) -> str:
        """SHA-256 of the publisher's file, or empty."""
        return self.sha256


def read_source(path: Path) -> Source:
    """One declaration. Raises FactorTableError that names the file and what is wrong."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise FactorTableError(f"{path.name}: not a mapping")
    known = {f.name for f in fields(Source)} - {"name"}
    unknown = sorted(set(content) - known)
    if unknown:
        raise FactorTableError(f"{path.name}: unknown key `{unknown[0]}`")
    for name in (*_CITATION, "key"):
        if not isinstance(content.get(name), str) or not content[name].strip():
            raise FactorTableError(f"{path.name}: `{name}` is missing: a source needs its full citation")
    if not isinstance(content.get("publication_year"), int):
        raise FactorTableError(f"{path.name}: `publication_year` is missing: a source needs its full citation")
    source = Source(name=path.name, **content)
    _check(source)
    return source


def read_sources(folder: Path) -> tuple[Source, ...]:
    """Every declaration in ``folder``, by file name."""
    return tuple(read_source(path) for path in sorted(folder.glob("*.yaml")))


def _check(source: Source) -> None:
    def refuse(what: str) -> FactorTableError:
        return FactorTableError(f"{source.name}: {what}")

    if not source.address.startswith("https://"):
        raise refuse("`address` must be an official https:// address")
    if source.by_hand:
        if source.file or source.sha256:
            raise refuse("`by_hand` and `file` exclude each other")
    elif not source.file or not _SHA256.fullmatch(source.sha256):
        raise refuse("`file` and its `sha256` (64 hex digits) are missing: a source needs its full citation")
    if bool(source.csv) == bool(source.package):
        raise refuse("exactly one of `csv` and `package` must be given")
    try:
        parts: list[Any] = [name for _, name, _, _ in Formatter().parse(source.key)]
    except ValueError as error:
        raise refuse(f"`key` is no pattern: {error}") from error
    if set(parts) - {None} - _KEY_PARTS or not {"activity", "quantity"} <= set(parts):
        raise refuse("`key` must hold {activity} and {quantity}, and may hold {region} and {boundary}")
