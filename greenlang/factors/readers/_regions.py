"""Countries that publishers name in English or French -> ISO 3166-1 alpha-2 codes, for every reader.

Belongs here: the look-up in `emission_factors/aliases/iso3166.csv`. Does not belong here: regions that are no country
(eGRID subregions, continents, EU27), which are each publisher's own.

Sources of the table: ISO 3166-1 (codes and English short names, ISO Online Browsing Platform,
https://www.iso.org/obp/ui/#search/code/); the column ``french`` and the everyday English names in ``other`` are
territory names of Unicode CLDR (Unicode licence V3); the remaining ``other`` names are spelt as the publishers of our
sources spell them, misspellings included. XK (Kosovo) is user-assigned: ISO has no code for it, the European Commission
and CLDR use XK. UK and EL are the codes that the European Union writes for GB and GR.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache, lru_cache

from greenlang._paths import data
from greenlang.errors import FactorTableError

__all__ = ["alpha3", "iso2"]

_COLUMNS = ("alpha2", "alpha3", "english", "french", "other")
_FOLD = str.maketrans({"&": " and ", "’": "'", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l"})


@lru_cache(maxsize=4096)
def iso2(name_or_code: str) -> str | None:
    """``DE`` for ``DE``, ``DEU``, ``Germany`` and ``Allemagne``; None for what is no country or not known.

    Codes must be upper case ("no" is not Norway). Names match whole, without regard to case, accents and punctuation;
    a name that several countries share ("Korea") is not known.
    """
    text = name_or_code.strip()
    by_code, by_name = _table()
    return by_code.get(text) or by_name.get(_fold(text))


@lru_cache(maxsize=512)
def alpha3(alpha2: str) -> str:
    """``DEU`` for ``DE``. Raises FactorTableError for a code that is not in the table."""
    for code, country in _table()[0].items():
        if country == alpha2 and len(code) == 3:
            return code
    raise FactorTableError(f"`{alpha2}` is no ISO 3166-1 alpha-2 code")


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower().translate(_FOLD)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", " ", plain).strip()


@cache
def _table() -> tuple[dict[str, str], dict[str, str]]:
    """Codes of two and three letters, and folded names, each with its alpha-2 code."""
    path = data() / "emission_factors" / "aliases" / "iso3166.csv"
    by_code: dict[str, str] = {"UK": "GB", "EL": "GR"}
    by_name: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream, strict=True))
    if tuple(lines[0]) != _COLUMNS:
        raise FactorTableError(f"{path.name}: the columns are {lines[0]} instead of {list(_COLUMNS)}")
    for alpha2, three, english, french, other in lines[1:]:
        by_code |= {alpha2: alpha2, three: alpha2}
        for name in (english, french, *filter(None, other.split(" | "))):
            if by_name.setdefault(_fold(name), alpha2) != alpha2:
                raise FactorTableError(f"{path.name}: `{name}` is {alpha2} and {by_name[_fold(name)]}")
    return by_code, by_name
