"""The one selection rule as data: `emission_factors/selection.yaml`, read and checked.

Belongs here: the words that never relax, how years and regions match, heating values. Does not belong here: carrying
the rule out (``select``), rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_Number = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?$")]
_YearField = Literal["reporting_year", "data_year", "publication_year", "price_year", "vintage"]
_YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)")
_FOREVER = 10_000  # years; longer than any asked year


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Usual(_Part):
    values: tuple[str, ...]
    are: _Text


class Word(_Part):
    """A word that never relaxes. ``not_said`` is what it means unsaid, or None: every value stays in.

    ``open_for`` are kinds of figures for which ``not_said`` leaves every value in. ``usual`` are the values that who
    leaves the word unsaid mostly has in mind; an answer with another carries a warning.
    """

    word: _Text
    label: _Text
    not_said: str | bool | None = None
    open_for: tuple[_Text, ...] = ()
    usual: _Usual | None = None
    applies_to: Literal["", "co2e", "energy"] = ""
    why: _Text


class YearRule(_Part):
    """How the figures of some datasets meet the asked year; see the head of ``years`` in the file."""

    datasets: tuple[_Text, ...]
    fields: tuple[_YearField, ...] = ()
    after: int | Literal["any"] | dict[_YearField, int | Literal["any"]] = 0
    from_: int | None = None
    any: bool = False
    why: _Text
    evidence: _Text

    @model_validator(mode="after")
    def _one_way(self) -> YearRule:
        if (bool(self.fields) + (self.from_ is not None) + self.any) != 1:
            raise ValueError("give exactly one of `fields`, `from` and `any`")
        return self

    def stands(self, values: Mapping[str, Any]) -> tuple[int | None, int]:
        """``(own year, years that it stands for after its own)`` of a row; the own year None is every year.

        A row without any of the fields has the own year 0: it stands for none.
        """
        if self.any:
            return None, _FOREVER
        if self.from_ is not None:
            return self.from_, _FOREVER
        for name in self.fields:
            year = _year_in(values[name]) if name == "vintage" else values[name]
            if year is not None:
                after = self.after.get(name, 0) if isinstance(self.after, dict) else self.after
                return int(year), _FOREVER if after == "any" else int(after)
        return 0, 0


class _Except(_Part):
    publisher: _Text
    region: _Text
    why: _Text


class _Subdivisions(_Part):
    why: _Text
    evidence: _Text
    except_: tuple[_Except, ...] = ()


class Parent(_Part):
    """``regions`` lie in ``parent``."""

    parent: _Text
    regions: tuple[_Text, ...]
    why: _Text
    evidence: _Text


class FallBack(_Part):
    """The region that these datasets give for all that they do not list."""

    datasets: tuple[_Text, ...]
    region: _Text
    why: _Text
    evidence: _Text


class _Regions(_Part):
    subdivisions: _Subdivisions
    parents: tuple[Parent, ...]
    fall_backs: tuple[FallBack, ...]


class _Fuel(_Part):
    fuel: _Text
    net: _Number
    gross: _Number
    row: int


class CalorificPairs(_Part):
    """Net and gross heating values of one publisher's edition."""

    publisher: _Text
    vintage: _Text
    document: _Text
    sheet: _Text
    unit: _Text
    fuels: tuple[_Fuel, ...]

    def pair(self, publisher: str, vintage: str, activity: str) -> tuple[Decimal, Decimal, str] | None:
        """``(net, gross, citation)`` for a fuel of that edition, by the last segment of its path."""
        if (publisher, vintage) != (self.publisher, self.vintage):
            return None
        name = activity.rsplit("/", 1)[-1]
        for fuel in self.fuels:
            if fuel.fuel == name:
                place = f"{self.document}, {self.sheet}, row {fuel.row}"
                return (
                    Decimal(fuel.net),
                    Decimal(fuel.gross),
                    f"{place}: {fuel.net} net, {fuel.gross} gross {self.unit}",
                )
        return None


class Rule(_Part):
    """The whole rule."""

    never_relaxes: tuple[Word, ...]
    years: tuple[YearRule, ...]
    regions: _Regions
    calorific_pairs: CalorificPairs

    def year_rule(self, dataset: str) -> YearRule:
        """The first rule that names ``publisher/dataset``."""
        return next(e for e in self.years if any(fnmatchcase(dataset, pattern) for pattern in e.datasets))

    @cached_property
    def known_regions(self) -> frozenset[str]:
        """The regions that the rule names."""
        return frozenset(region for entry in self.regions.parents for region in (entry.parent, *entry.regions))

    def containing(self, region: str, publisher: str) -> Iterator[tuple[str, str]]:
        """``(region, why)`` of those that contain ``region``, the nearest first."""
        seen = {region}
        while True:
            above = self._above(region, publisher)
            if above is None or above[0] in seen:
                return
            yield above
            region = above[0]
            seen.add(region)

    def _above(self, region: str, publisher: str) -> tuple[str, str] | None:
        for entry in self.regions.parents:
            if region in entry.regions:
                return entry.parent, entry.why
        if not re.fullmatch(r"[A-Z]{2}-[A-Z0-9]{1,3}", region):
            return None
        for known in self.regions.subdivisions.except_:
            if (known.publisher, known.region) == (publisher, region):
                return None
        return region[:2], self.regions.subdivisions.why

    def fall_back(self, dataset: str) -> FallBack | None:
        """The dataset's own fall-back, or None."""
        for entry in self.regions.fall_backs:
            if any(fnmatchcase(dataset, pattern) for pattern in entry.datasets):
                return entry
        return None


def read_rule(path: Path) -> Rule:
    """The rule in ``path``. Raises FactorTableError with the place and what is wrong."""
    try:
        rule = Rule.model_validate(_plain(read_yaml(path)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FactorTableError(f"{path.name}: {where}: {first['msg']}") from None
    if not rule.years or rule.years[-1].datasets != ("*",):
        raise FactorTableError(
            f'{path.name}: years: the last entry must be for ["*"], so that every dataset has a rule'
        )
    return rule


@cache
def declared_rule() -> Rule:
    """The rule of this installation."""
    return read_rule(data() / "emission_factors" / "selection.yaml")


def _year_in(vintage: str) -> int | None:
    found = _YEAR.search(vintage)
    return int(found[0]) if found else None


def _plain(value: Any) -> Any:
    """Lists as tuples, and the words of the file that Python keeps for itself with a line behind them."""
    if isinstance(value, dict):
        return {f"{key}_" if key in {"from", "except"} else key: _plain(inner) for key, inner in value.items()}
    return tuple(_plain(inner) for inner in value) if isinstance(value, list) else value
