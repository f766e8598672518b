"""The catalogue of publishers' datasets: `emission_factors/sources/*.yaml`, one file a dataset with its editions.

Belongs here: reading and checking the declarations. Does not belong here: downloads (``greenlang.fetch``), layouts
(``greenlang.factors.readers``), figures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from greenlang._paths import data
from greenlang.errors import FactorTableError, NameNotFound
from greenlang.factors._yaml import read_yaml

# open: loads by default. The others load only when named, and say so.
Redistribution = Literal["open", "share-alike", "no-redistribution", "on-request"]

_Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
_Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Https = Annotated[str, StringConstraints(pattern=r"^https://")]
_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PublishedFile(_Part):
    """One file as the publisher puts it out. ``address`` is where it can be fetched; empty: by hand from the page."""

    name: _Text
    folder: str = ""  # the folder that usually holds it, to find it below --from
    sha256: _Sha
    bytes: int
    address: _Https | Literal[""] = ""
    check_only: bool = False  # our tests compare it with what is read; a user does not need it
    note: str = ""


class _Edition(_Part):
    vintage: _Slug
    document: _Text
    publication_year: int
    data_year: int | None = None
    reporting_year: int | None = None
    gwp_set: str = ""
    latest: bool = False  # counted as the dataset's latest vintage
    superseded_by: str = ""
    files: tuple[PublishedFile, ...]
    options: dict[str, Any] = {}
    note: str = ""


class _Dataset(_Part):
    publisher: _Slug
    publisher_name: _Text
    dataset: _Slug
    title: _Text
    address: _Https
    licence: _Text
    redistribution: Redistribution
    reader: _Text
    cross_check: bool = False  # read to check other files only: gives no factors of its own
    editions: tuple[_Edition, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edition:
    """One vintage of one dataset: what readers are given. ``name`` is ``publisher/dataset/vintage``."""

    publisher: str
    publisher_name: str
    dataset: str
    title: str
    address: str
    licence: str
    redistribution: Redistribution
    reader: str
    cross_check: bool
    vintage: str
    document: str
    publication_year: int
    data_year: int | None
    reporting_year: int | None
    gwp_set: str
    latest: bool
    superseded_by: str
    files: tuple[PublishedFile, ...]
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        """``publisher/dataset/vintage``: the beginning of every key."""
        return f"{self.publisher}/{self.dataset}/{self.vintage}"

    @property
    def open(self) -> bool:
        """Whether it loads without being named."""
        return self.redistribution == "open"

    @property
    def needed(self) -> tuple[PublishedFile, ...]:
        """The files that are read."""
        return tuple(file for file in self.files if not file.check_only)

    def file(self, name: str) -> PublishedFile:
        """The declared file of that name. Raises FactorTableError if it is not declared."""
        for declared in self.files:
            if declared.name == name:
                return declared
        raise FactorTableError(f"{self.name}: no file `{name}` is declared")


def read_catalogue(folder: Path) -> tuple[Edition, ...]:
    """Every edition that ``folder`` (`emission_factors/sources/`) declares, by dataset and vintage.

    Raises FactorTableError with the file and what is wrong.
    """
    found: dict[str, Edition] = {}
    for path in sorted(folder.glob("*.yaml")):
        for edition in _editions(path):
            if edition.name in found:
                raise FactorTableError(f"{path.name}: `{edition.name}` is declared twice")
            found[edition.name] = edition
    return tuple(found[name] for name in sorted(found))


@cache
def catalogue() -> tuple[Edition, ...]:
    """The editions that this installation declares."""
    return read_catalogue(data() / "emission_factors" / "sources")


def select(editions: tuple[Edition, ...], wanted: tuple[str, ...] = ()) -> tuple[Edition, ...]:
    """Those that load: the open ones, or those that ``wanted`` names (``publisher[/dataset[/vintage]]``).

    Share-alike, no-redistribution and on-request sets load only when named.
    Raises NameNotFound for a name that fits none.
    """
    if not wanted:
        return tuple(edition for edition in editions if edition.open)
    chosen = []
    for name in wanted:
        fits = [e for e in editions if e.name == name or e.name.startswith(f"{name.rstrip('/')}/")]
        if not fits:
            known = ", ".join(sorted({f"{e.publisher}/{e.dataset}" for e in editions}))
            raise NameNotFound(f"no source is called `{name}`; there are {known}")
        chosen += [e for e in fits if e not in chosen]
    return tuple(chosen)


def _editions(path: Path) -> tuple[Edition, ...]:
    raw = read_yaml(path)
    try:
        dataset = _Dataset.model_validate(_tuples(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FactorTableError(f"{path.name}: {where}: {first['msg']}") from None
    if sum(edition.latest for edition in dataset.editions) < 1 and not dataset.cross_check:
        raise FactorTableError(f"{path.name}: no edition is `latest: true`")
    if not re.fullmatch(r"[a-z0-9_]+", dataset.reader):
        raise FactorTableError(f"{path.name}: reader: `{dataset.reader}` is no name of a reader")
    shared = dataset.model_dump(exclude={"editions", "note"})
    return tuple(
        Edition(**shared, **{k: getattr(edition, k) for k in _Edition.model_fields}) for edition in dataset.editions
    )


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
