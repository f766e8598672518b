"""Reviewed names of activities for selection: those of the embedded base, and those of the publishers' full tables.

Belongs here: joining `emission_factors/aliases/activities.yaml` and `release_activities.yaml`. Does not belong here:
matching (``select_index``), words for search (``search_words``).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.aliases import Alias, Aliases, declared_aliases, normalise

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Entry(_Part):
    values: tuple[_Text, ...]
    activities: tuple[_Text, ...]
    evidence: Annotated[str, StringConstraints(min_length=10)]


class _File(_Part):
    aliases: dict[str, tuple[_Entry, ...]]
    longest_prefix: dict[str, _Text]


def read_release_aliases(path: Path) -> Aliases:
    """The aliases of the full tables. Raises FactorTableError where one lacks its evidence or stands twice."""
    try:
        file = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FactorTableError(f"{path.name}: {where}: {first['msg']}") from None
    for dataset, entries in file.aliases.items():
        seen: set[str] = set()
        for value in (value for entry in entries for value in entry.values):
            if value != normalise(value) or value in seen:
                problem = "stands twice" if value in seen else "must be lower case with `-`"
                raise FactorTableError(f"{path.name}: {dataset}: `{value}` {problem}")
            seen.add(value)
    activities = {
        dataset: tuple(Alias(entry.values, entry.activities, entry.evidence) for entry in entries)
        for dataset, entries in file.aliases.items()
    }
    return Aliases(activities, (), (), dict(file.longest_prefix))


@cache
def selection_aliases() -> Aliases:
    """All reviewed names of this installation, by dataset."""
    base = declared_aliases()
    full = read_release_aliases(data() / "emission_factors" / "aliases" / "release_activities.yaml")
    return Aliases(
        {**base.activities, **full.activities},
        base.regions,
        base.publishers,
        {**base.longest_prefix, **full.longest_prefix},
    )
