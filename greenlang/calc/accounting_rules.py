"""Reading the declared rules of the accountant: `emission_factors/accounting/*.yaml`.

Belongs here: reading and checking the shape of a declaration. Does not belong here: what the rules say (the files),
carrying them out (``scope2``, ``spend``, ``overlaps``, ``uncertainty``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml

Made = TypeVar("Made")


@cache
def declaration(name: str) -> Any:
    """The document ``emission_factors/accounting/<name>.yaml``. Raises FactorTableError if it cannot be read."""
    return read_yaml(folder() / f"{name}.yaml")


def folder() -> Path:
    """Where the declarations lie."""
    return data() / "emission_factors" / "accounting"


def made(kind: type[Made], raw: Any, where: str) -> Made:
    """A dataclass from a mapping that names its fields and no others; lists become tuples.

    Raises FactorTableError with the place.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(raw, Mapping):
        raise FactorTableError(f"{where}: a mapping is needed")
    needed = {n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if extra := set(raw) - set(known):
        raise FactorTableError(f"{where}: `{sorted(map(str, extra))[0]}` does not belong here")
    if missing := needed - set(raw):
        raise FactorTableError(f"{where}: `{sorted(missing)[0]}` is missing")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()})


def many(kind: type[Made], raw: Any, where: str) -> tuple[Made, ...]:
    """The same for a list of mappings."""
    if not isinstance(raw, list):
        raise FactorTableError(f"{where}: a list is needed")
    return tuple(made(kind, entry, f"{where}[{number}]") for number, entry in enumerate(raw))
