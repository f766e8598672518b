"""Words of a search for agents: folded, cut into parts, with what else people call the same.

Belongs here: reading texts and ``synonyms.yaml``. Does not belong here: the index (``search_index``), ranking
(``search``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from greenlang._paths import data
from greenlang.errors import SettingsError

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

_FOLDED = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ä": "ae", "ö": "oe", "ü": "ue", "°": "deg"})
_WORD = re.compile(r"[a-z0-9]+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # GenericIndustrial, kgCO2e, ISOStandard
_ALNUM = re.compile(r"[A-Za-z0-9]+")
_SPELLINGS = (("isation", "ization"), ("ising", "izing"), ("iser", "izer"), ("fibre", "fiber"), ("litre", "liter"))
_SHORTEST = 3  # letters of a word that may have an ending
_LONGEST = 5  # words that one name may have
_FILE = "synonyms.yaml"

Name = tuple[str, ...]


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    synonyms: tuple[tuple[str, ...], ...]
    noise: frozenset[str]
    units: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that is searched for. ``names`` mean the same; the first is what was written."""

    names: tuple[Name, ...]


@cache
def declared() -> _Words:
    """The words of this installation. Raises SettingsError where the file is broken."""
    try:
        return _Words.model_validate(yaml.safe_load(Path(__file__).with_name(_FILE).read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise SettingsError(f"{_FILE}: {error}") from error


def fold(text: str) -> str:
    """Lower case without accents; subscripts are digits."""
    text = text.lower()
    if text.isascii():
        return text
    return unicodedata.normalize("NFKD", text.translate(_FOLDED)).encode("ascii", "ignore").decode()


def words(text: str) -> tuple[str, ...]:
    """The words of a text: folded, without endings. ``heat/boiler_kgCO2e`` has heat, boiler, kgco2e, kg, co2e."""
    found: list[str] = []
    for written in _ALNUM.findall(text if text.isascii() else _composed(text)):
        found.append(_stem(written.lower()))
        parts = _HUMPS.split(written)
        if len(parts) > 1:
            found += [_stem(part.lower()) for part in parts if len(part) > 1]
    return tuple(found)


def _composed(text: str) -> str:
    """ASCII letters in their case: accents folded, ä as ae, ₂ as 2."""
    text = text.translate(_FOLDED).translate({ord(k.upper()): v for k, v in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"))})
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    """Without its English ending (Snowball); British spelling as American."""
    if len(word) < _SHORTEST or not word.isalpha():
        return word
    for british, american in _SPELLINGS:
        if british in word:
            word = word.replace(british, american)
            break
    return (_stemmer().analyze(word) or [word])[0]


@cache
def _stemmer() -> TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.stemmer("english")).build()


def understand(text: str) -> tuple[Term, ...]:
    """What a text asks for, each once. Words that say nothing are left out, unless there are no others."""
    asked = words_of_query(text)
    known, noise = _names()
    terms: dict[Term, None] = {}
    place = 0
    while place < len(asked):
        length, term = _longest(asked, place, known)
        place += length
        terms[term] = None
    told = [term for term in terms if not (len(term.names) == 1 and term.names[0][0] in noise)]
    return tuple(told or terms)


def words_of_query(text: str) -> tuple[str, ...]:
    """The words as they were written, not cut at humps: who writes kgCO2e means that."""
    return tuple(_stem(word) for word in _WORD.findall(fold(text)))


def same(text: str) -> tuple[Name, ...]:
    """A name and what else it is called, for a filter; none for a text without words."""
    asked = words_of_query(text)
    if not asked:
        return ()
    return _names()[0].get(asked, (asked,))


@lru_cache(maxsize=4096)
def unit(text: str) -> str:
    """One spelling for a unit: ``kg CO2 e``, ``kgCO2eq`` and ``kgCO2e`` are one. ``kWh/m²`` and ``kWh per m2`` too."""
    plain = re.sub(r"\bper\b", "/", text.strip().casefold().translate(str.maketrans("₂₄²³", "2423")))
    parts = ["".join(part.replace("^", "").split()) for part in plain.split("/")]
    return "/".join(_units().get(part, part) for part in parts)


@cache
def _units() -> dict[str, str]:
    return {other.casefold(): names[0].casefold() for names in declared().units for other in names}


def _longest(asked: Name, place: int, known: dict[Name, tuple[Name, ...]]) -> tuple[int, Term]:
    """How many words are one name with synonyms, and the term of it; else the one word."""
    for length in range(min(_LONGEST, len(asked) - place), 0, -1):
        name = asked[place : place + length]
        if name in known:
            return length, Term(known[name])
    return 1, Term((asked[place : place + 1],))


@cache
def _names() -> tuple[dict[Name, tuple[Name, ...]], frozenset[str]]:
    """Name -> itself and what else it is called; and the words that say nothing."""
    own = declared()
    found: dict[Name, dict[Name, None]] = {}
    for names in (*own.synonyms, *_of_factors()):
        group = [name for name in map(words_of_query, names) if name]
        for name in group:
            others = found.setdefault(name, {name: None})
            others.update(dict.fromkeys(group))
    noise = frozenset(_stem(word) for word in own.noise)
    return {name: tuple(others) for name, others in found.items()}, noise


def _of_factors() -> list[tuple[str, ...]]:
    """The synonyms of the search for factors: fuels, vehicles, materials."""
    path = data() / "emission_factors" / "aliases" / "search.yaml"
    read: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506 - a SafeLoader
    return [tuple(names) for names in read["synonyms"]]


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
