"""Words of a search: folded, without endings, with synonyms, regions, years and publishers told apart.

Belongs here: reading a query and `emission_factors/aliases/search.yaml`. Does not belong here: ranking
(``search``), the index (``search_index``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.aliases import declared_aliases
from greenlang.factors.readers._regions import iso2

_LETTERS = str.maketrans(
    {"œ": "oe", "Œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "₂": "2", "₄": "4", "ä": "ae", "ö": "oe", "ü": "ue"}
)
_WORD = re.compile(r"[a-z0-9]+")
_REFRIGERANT = re.compile(r"\b(r|hfc|hcfc|cfc|hfe|pfc|hfo|halon)[- ](\d)")  # R-410A and R410A are one word
_PARTICIPLE = re.compile(r"é(e|s|es)\b")
_FRENCH = re.compile(r"[àâçèéêëîïôùûœÀÂÇÈÉÊËÎÏÔÙÛŒ]")  # letters that neither English nor German writes
_YEAR = re.compile(r"(19|20)\d\d")
_LONGEST = 4  # words that one name may have
_SYNONYM = 0.9  # worth of another word for the same
_LOWER_CODES = frozenset({"uk", "us", "usa", "eu"})  # codes that people write small

_Term = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+( [a-z0-9]+)*$")]
Side = Literal["passenger", "freight", "waste", "spend"]


class Words(BaseModel):
    """The declared words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    synonyms: tuple[tuple[_Term, ...], ...]
    narrower: dict[_Term, tuple[_Term, ...]]
    sides: dict[Side, tuple[_Term, ...]]
    general: tuple[_Term, ...]
    publishers: dict[str, tuple[_Term, ...]]
    not_plural: frozenset[_Term]
    noise: frozenset[_Term]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Words that must stand together, and what they are worth."""

    words: tuple[str, ...]
    worth: float


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that is searched for: any of its alternatives will do."""

    text: str
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it is understood. ``sides`` are those of ``search_sides``; ``french`` says that its letters are."""

    terms: tuple[Term, ...]
    regions: frozenset[str]
    years: frozenset[int]
    publishers: frozenset[str]
    sides: frozenset[str] = frozenset()
    french: bool = False


def read_words(path: Path) -> Words:
    """The words in ``path``. Raises FactorTableError with the place and what is wrong."""
    try:
        return Words.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FactorTableError(f"{path.name}: {where}: {first['msg']}") from None


@cache
def declared_words() -> Words:
    """The words of this installation."""
    return read_words(data() / "emission_factors" / "aliases" / "search.yaml")


@lru_cache(maxsize=400_000)
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text: accents folded, lower case, plural endings cut."""
    if not text.isascii():
        text = _PARTICIPLE.sub("é", text.lower())  # haché, hachés, hachée, hachées
        text = unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode()
    return tuple([_stem(word) for word in _WORD.findall(_REFRIGERANT.sub(r"\1\2", text.lower()))])


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    """Without a plural ending, in English and French."""
    if len(word) < 4 or word.isdigit() or word in declared_words().not_plural:
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "tches", "shes", "xes")):
        return word[:-2]
    if word.endswith("eaux"):
        return word[:-1]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def understand(text: str, known_regions: frozenset[str]) -> Query:
    """What a query asks for. Codes of regions must be in capitals, but uk, us, usa and eu."""
    raw = re.findall(r"[^\s,;]+", text)
    regions, raw = _regions(raw, known_regions)
    words = [word for part in raw for word in tokens(part)]
    years = frozenset(int(word) for word in words if _YEAR.fullmatch(word))
    publishers, terms = set(), []
    place = 0
    while place < len(words):
        length, term, publisher = _longest(words, place)
        place += length
        if publisher:
            publishers.add(publisher)
        if term is not None:
            terms.append(term)
    return Query(tuple(terms), regions, years, frozenset(publishers), _sides(words), bool(_FRENCH.search(text)))


def _sides(words: list[str]) -> frozenset[str]:
    """The sides that the words ask for."""
    parts = {tuple(words[i : i + n]) for i in range(len(words)) for n in range(1, _LONGEST + 1)}
    return frozenset(side for side, names in _side_names().items() if names & parts)


@cache
def _side_names() -> dict[str, frozenset[tuple[str, ...]]]:
    return {side: frozenset(tokens(name) for name in names) for side, names in declared_words().sides.items()}


def _regions(raw: list[str], known: frozenset[str]) -> tuple[frozenset[str], list[str]]:
    """The regions that the words name, and the other words."""
    found: set[str] = set()
    rest: list[str] = []
    place = 0
    while place < len(raw):
        for length in range(min(_LONGEST, len(raw) - place), 0, -1):
            region = _region(" ".join(raw[place : place + length]), known)
            if region:
                found.update(region)
                place += length
                break
        else:
            rest.append(raw[place])
            place += 1
    return frozenset(found), rest


def _region(text: str, known: frozenset[str]) -> tuple[str, ...]:
    if text.isupper() and text in known and len(text) > 1:
        return (text,)
    if len(text) > 3 or text.isupper() or text.lower() in _LOWER_CODES:
        value = re.sub(r"[\s_]+", "-", text.lower())
        for entry in declared_aliases().regions:
            if value in entry.values:
                return entry.targets
        country = iso2(text.upper() if text.lower() in _LOWER_CODES else text)
        return (country,) if country else ()
    return ()


def _longest(words: list[str], place: int) -> tuple[int, Term | None, str]:
    """How many words are one name, the term that they make, and the publisher that they name."""
    known, publishers, noise = _names()
    for length in range(min(_LONGEST, len(words) - place), 0, -1):
        name = tuple(words[place : place + length])
        publisher = publishers.get(name, "")
        others = known.get(name)
        if others or publisher:
            alternatives = [Alternative(name, 1.0), *(Alternative(other, _SYNONYM) for other in others or ())]
            return length, Term(" ".join(name), tuple(alternatives)), publisher
    word = words[place]
    if word in noise or _YEAR.fullmatch(word):
        return 1, None, ""
    return 1, Term(word, (Alternative((word,), 1.0),)), ""


@cache
def _names() -> tuple[dict[tuple[str, ...], tuple[tuple[str, ...], ...]], dict[tuple[str, ...], str], frozenset[str]]:
    """Name -> other names for the same; name -> publisher; words that say nothing."""
    words = declared_words()
    known: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
    for group in words.synonyms:
        names = [tokens(name) for name in group]
        for name in names:
            known.setdefault(name, {}).update({other: None for other in names if other != name})
    for wide, names_below in words.narrower.items():
        known.setdefault(tokens(wide), {}).update({tokens(name): None for name in names_below})
    publishers = {tokens(name): slug for slug, names in words.publishers.items() for name in names}
    return {name: tuple(others) for name, others in known.items()}, publishers, words.noise
