"""What a row is worth before anything is asked, and the word that marks what is not eligible by default.

Wholes come before parts, live figures before archived ones, the latest edition and year before older ones, CO2e before
a single gas, an average before its cases.

Belongs here: worth that no query changes. Does not belong here: what a query asks for (``search_words``,
``search_sides``), how texts match (``search_index``), the rule of selection (``select``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from greenlang.factors.model import Factor
from greenlang.factors.standing import Standing
from greenlang.factors.table import FactorTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORLD = frozenset({"", "GLO", "WORLD", "OTHER"})
_HOME = {"desnz": "GB", "epa": "US", "ademe": "FR", "ec": "EU27", "eea": "EU27"}
_KINDS = {"factor": 1.0, "gwp": 0.95, "property": 0.75, "derived": 1.0, "gas-part": 0.8, "stage": 0.8}
_SHARE = 0.7  # a share of an ingredient
_NOT_LIVE = 0.35  # archived, superseded or a projection: below a live row of the same text, however old that is
_NOT_ELIGIBLE = 0.85
_FINDING = 0.8
_BEYOND = {"WTT": 0.9, "T&D": 0.9, "WTT-T&D": 0.85}  # who does not ask for the supply chain mostly means the use
_GASES = {"CO2e": 1.0, "CO2": 0.93}
_OTHER_GAS = 0.9
_EDITION, _EDITIONS = 0.05, 4  # less for each year that an edition is older, at most for so many
_YEAR, _YEARS = 0.005, 40  # the same for each year of its data or report
# A year in the publisher's words, "Electricité, 2021 - mix moyen", but no range (2000-2999 TEU) and no size (2000+).
_NAMED_YEAR = re.compile(r"(?<![\w-])(?:19|20)\d\d(?![\w+-])")


def mark(factor: Factor, standing: Standing) -> str:
    """Why the row is not eligible by default, in a word; empty where it is.

    archived, superseded, projection: what the publisher says. excluded: a finding keeps it out. project, finance: made
    for that. gas-part, stage, ingredient-share, part: a part. restricted: its originator forbids redistribution.
    """
    if standing.eligible:
        return ""
    if factor.status != "valid":
        return factor.status
    if standing.finding:
        return "excluded"
    if factor.permitted_use != "inventory":
        return factor.permitted_use
    if factor.kind not in {"factor", "gwp", "property"}:
        return factor.kind
    return "part" if factor.part_of else "restricted"


def priors(table: FactorTable, standings: Sequence[Standing]) -> NDArray[Any]:
    """The worth of every row whatever is asked, but its age; nothing where it repeats another row."""
    import numpy as np

    names = ("kind", "status", "boundary", "gas", "region", "publisher")
    columns = zip(standings, *(table.column(name) for name in names), strict=True)
    found = [
        0.0
        if standing.same_as
        else _KINDS.get(kind, _SHARE)
        * (1.0 if status == "valid" else _NOT_LIVE)
        * (1.0 if standing.eligible or status != "valid" else _NOT_ELIGIBLE)
        * (_FINDING if standing.finding else 1.0)
        * _BEYOND.get(boundary, 1.0)
        * _GASES.get(gas, _OTHER_GAS)
        * (1.06 if region in WORLD else 1.05 if _HOME.get(publisher) == region else 1.0)
        for standing, kind, status, boundary, gas, region, publisher in columns
    ]
    return np.array(found, dtype=np.float32)


def own_years(table: FactorTable, named: NDArray[Any]) -> NDArray[Any]:
    """The year that a row is about: of its report or data, else the one in its name; 0 where none is said."""
    import numpy as np

    dated = zip(table.column("reporting_year"), table.column("data_year"), named.tolist(), strict=True)
    return np.array([reporting or data or year for reporting, data, year in dated], dtype=np.int32)


def named_years(table: FactorTable) -> NDArray[Any]:
    """The last year in the publisher's words for a row, 0 where there is none."""
    import numpy as np

    names = table.column("name")
    dated = {name for name in set(names) if "19" in name or "20" in name}
    known = {name: max((int(year) for year in _NAMED_YEAR.findall(name)), default=0) for name in dated}
    return np.array([known.get(name, 0) for name in names], dtype=np.int32)


def recency(datasets: NDArray[Any], published: NDArray[Any], own: NDArray[Any]) -> NDArray[Any]:
    """1 for the latest edition and year of a dataset, less for older ones. ``datasets`` are numbers from 0."""
    import numpy as np

    found = np.ones(len(datasets), dtype=np.float32)
    for code in range(int(datasets.max(initial=-1)) + 1):
        here = datasets == code
        found[here] = 1 - _EDITION * np.minimum(_EDITIONS, published[here].max() - published[here])
        known = here & (own > 0)
        if known.any():
            found[known] -= _YEAR * np.minimum(_YEARS, own[known].max() - own[known])
    return found
