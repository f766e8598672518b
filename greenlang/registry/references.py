"""Reference agents: the registered agents nearest to a spec, by outputs, units, formulas and tags.

They are examples for prompts and a yardstick in the report. Belongs here: the index over entries, the ranking and its
reasons, a compact text of an agent. Does not belong here: prompts, judging, the registry's storage.

The ranking is lexical and deterministic: each shared token counts its field's weight times its rarity, so that
`kgCO2e`, in which most agents answer, says little and a shared formula much. SQLite's FTS5 was measured first: 16 to
46 ms a query of 35 tokens over 10,000 agents, against less than one for adding columns of numpy. Vectors of an
embedding are an option, by a callable; no package is needed for them.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from greenlang.registry.entry import RegistryEntry, version_key
from greenlang.registry.packs import PackNotHere, pack_of

Kind = Literal["outputs", "formulas", "units", "tags", "words"]
Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
Version = tuple[str, str]  # agent id, version

WEIGHTS: dict[Kind, float] = {"formulas": 5.0, "outputs": 4.0, "tags": 2.0, "units": 1.5, "words": 1.0}
LEAST_SCORE = 0.05  # below this two agents have no more in common than any two have
EMBEDDING_SHARE = 0.5
EXAMPLE_BYTES = 3000
_GONE = frozenset({"deprecated", "retired"})
_TELLING: tuple[Kind, ...] = ("outputs", "formulas", "tags")  # a unit or a word alone makes no reference
_WORD = re.compile(r"[a-z][a-z0-9]+")
_TOOLS = re.compile(r"[^/]+/(parts/[^/]+/)?tools\.py")
_STOP = frozenset(
    (
        *("and", "the", "for", "from", "with", "per", "of", "in", "to", "by", "an", "or"),
        *("agent", "calculator", "calculates", "calculate", "value", "total"),
    )
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What an agent is compared by. ``outputs`` are names, ``formulas`` ids of the library; sets, without order."""

    agent_id: str
    outputs: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    formulas: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()

    @property
    def tokens(self) -> tuple[tuple[Kind, str], ...]:
        """Every token with its field, in a fixed order."""
        return tuple((kind, token) for kind in WEIGHTS for token in sorted(getattr(self, kind)))

    @property
    def text(self) -> str:
        """What is embedded, where embeddings are used."""
        return " ".join(token for _, token in self.tokens)


@dataclass(frozen=True, slots=True)
class ReferenceAgent:
    """A registered agent that is near. ``score`` is 0 to 1: the share of what was asked for that it has, by weight.

    ``quality``, ``coverage`` and ``mutation`` are percent, None where they are not known. ``pack`` is as in the entry.
    """

    agent_id: str
    version: str
    name: str
    state: str
    score: float
    shared: Mapping[Kind, tuple[str, ...]]
    outputs: Mapping[str, str]  # name -> unit
    formulas: tuple[str, ...] = ()
    pack: str = ""
    pack_digest: str = ""
    certificate_digest: str = ""
    quality: float | None = None
    coverage: float | None = None
    mutation: float | None = None

    @property
    def certified(self) -> bool:
        """Whether it is certified; else it is registered only."""
        return self.state == "certified"

    @property
    def figures(self) -> dict[str, float]:
        """Coverage and mutation score, name with unit -> value, as far as they are known: for the report."""
        known = {"coverage, percent": self.coverage, "mutation score, percent": self.mutation}
        return {name: value for name, value in known.items() if value is not None}

    @property
    def why(self) -> str:
        """One sentence: what both have."""
        parts = [f"{kind} {', '.join(self.shared[kind])}" for kind in WEIGHTS if self.shared.get(kind)]
        return f"{'certified' if self.certified else self.state}; both have {'; '.join(parts)}"


@dataclass(frozen=True, slots=True)
class _Indexed:
    entry: RegistryEntry
    profile: Profile


@dataclass
class ReferenceIndex:
    """An index over the entries of a registry, built once a batch; `nearest` takes well under a millisecond at 10,000.

    ``formulas`` and ``mutation`` (mutation score in percent) are known by version, from the metrics; ``stale`` versions
    can no longer be built and are no reference, nor are deprecated or retired ones, nor those that a higher version of
    the same agent supersedes. ``embed`` turns texts into vectors of one length, not zero.
    """

    entries: Iterable[RegistryEntry]
    formulas: Mapping[Version, Collection[str]] = field(default_factory=dict)
    mutation: Mapping[Version, float] = field(default_factory=dict)
    stale: Collection[Version] = ()
    embed: Embed | None = None

    def __post_init__(self) -> None:
        self._all = [_Indexed(e, profile_of_entry(e, self.formulas.get(_key(e), ()))) for e in self._eligible()]
        places: dict[tuple[Kind, str], list[int]] = defaultdict(list)
        for n, one in enumerate(self._all):
            for token in one.profile.tokens:
                places[token].append(n)
        self._places = {token: np.array(found, dtype=np.intp) for token, found in places.items()}
        self._agents = {one.entry.agent_id: n for n, one in enumerate(self._all)}
        self._size = len(self._all)
        self._vectors = self._embedded([one.profile.text for one in self._all]) if self.embed and self._all else None

    def __len__(self) -> int:
        return self._size

    def nearest(self, wanted: Profile, *, limit: int = 3) -> tuple[ReferenceAgent, ...]:
        """The nearest agents, certified ones first, each group by score and then by id. The agent itself never counts.

        Only agents that share an output, a formula or a tag, and have a score of at least `LEAST_SCORE`.
        """
        if not self._size:
            return ()
        whole = sum(self._worth(token) for token in wanted.tokens)
        if not whole:
            return ()
        scores, telling = np.zeros(self._size), np.zeros(self._size, dtype=bool)
        for token in wanted.tokens:
            found = self._places.get(token)
            if found is not None:
                scores[found] += self._worth(token)
                if token[0] in _TELLING:
                    telling[found] = True
        scores /= whole
        if self._vectors is not None:
            cosine = self._vectors @ self._embedded([wanted.text])[0]
            scores = (1 - EMBEDDING_SHARE) * scores + EMBEDDING_SHARE * np.clip(cosine, 0, 1)
        own = self._agents.get(wanted.agent_id)
        if own is not None:
            telling[own] = False
        near = np.flatnonzero(telling & (scores >= LEAST_SCORE))
        ranked = sorted((int(n) for n in near), key=lambda n: self._rank(n, float(scores[n])))
        return tuple(self._reference(n, wanted, float(scores[n])) for n in ranked[:limit])

    def _eligible(self) -> list[RegistryEntry]:
        """The highest usable version of every agent, by id."""
        highest: dict[str, RegistryEntry] = {}
        for entry in self.entries:
            standing = highest.get(entry.agent_id)
            if standing is None or version_key(entry.version) > version_key(standing.version):
                highest[entry.agent_id] = entry
        usable = (e for e in highest.values() if e.state not in _GONE and _key(e) not in self.stale)
        return sorted(usable, key=lambda e: e.agent_id)

    def _worth(self, token: tuple[Kind, str]) -> float:
        """Weight of the field times the rarity of the token; one that no entry has counts as the rarest."""
        found = self._places.get(token)
        count = len(found) if found is not None else 0
        return WEIGHTS[token[0]] * math.log(1 + (self._size - count + 0.5) / (count + 0.5))

    def _rank(self, n: int, score: float) -> tuple[bool, float, str]:
        entry = self._all[n].entry
        return entry.state != "certified", -round(score, 6), entry.agent_id

    def _reference(self, n: int, wanted: Profile, score: float) -> ReferenceAgent:
        entry, profile = self._all[n].entry, self._all[n].profile
        shared = {kind: tuple(sorted(getattr(wanted, kind) & getattr(profile, kind))) for kind in WEIGHTS}
        return ReferenceAgent(
            agent_id=entry.agent_id,
            version=entry.version,
            name=entry.name,
            state=entry.state,
            score=round(score, 6),
            shared={kind: found for kind, found in shared.items() if found},
            outputs={port.name: port.unit for port in entry.outputs},
            formulas=tuple(sorted(profile.formulas)),
            pack=entry.pack,
            pack_digest=entry.pack_digest,
            certificate_digest=entry.certificate_digest,
            quality=entry.score,
            coverage=entry.coverage,
            mutation=self.mutation.get(_key(entry)),
        )

    def _embedded(self, texts: Sequence[str]) -> Any:
        assert self.embed is not None
        made = np.asarray(self.embed(texts), dtype=np.float64)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def _key(entry: RegistryEntry) -> Version:
    return entry.agent_id, entry.version


# --- profiles --------------------------------------------------------------------------------------------------------


def profile_of_entry(entry: RegistryEntry, formulas: Collection[str] = ()) -> Profile:
    """What an entry is compared by."""
    return profile(
        entry.agent_id,
        outputs={port.name: port.unit for port in entry.outputs},
        inputs=[port.name for port in entry.inputs],
        formulas=formulas,
        tags=entry.tags,
        texts=(entry.name, entry.summary, entry.domain),
    )


def profile(
    agent_id: str,
    *,
    outputs: Mapping[str, str],
    inputs: Iterable[str] = (),
    formulas: Iterable[str] = (),
    tags: Iterable[str] = (),
    texts: Iterable[str] = (),
) -> Profile:
    """A profile from plain values; ``outputs`` is name -> unit. A part's name before a dot does not count."""
    names = {name.rpartition(".")[2].lower() for name in outputs}
    taken = {name.rpartition(".")[2].lower() for name in inputs}
    words = {w for text in (*names, *taken, *texts) for w in _WORD.findall(text.lower().replace("_", " "))}
    return Profile(
        agent_id,
        frozenset(names),
        frozenset(unit for unit in outputs.values() if unit not in {"", "1"}),
        frozenset(formulas),
        frozenset(tag.lower() for tag in tags),
        frozenset(words - _STOP),
    )


def formulas_by_version(lineage: Iterable[Mapping[str, Any]]) -> dict[Version, frozenset[str]]:
    """Formula ids by version, from rows of the metrics' view ``lineage`` (agent_id, version, kind, ref)."""
    found: dict[Version, set[str]] = defaultdict(set)
    for row in lineage:
        if row["kind"] == "formula":
            found[row["agent_id"], row["version"]].add(row["ref"])
    return {key: frozenset(ids) for key, ids in found.items()}


def stale_versions(outcomes: Iterable[Mapping[str, Any]]) -> frozenset[Version]:
    """Versions whose pack stands but can no longer be built, from the standing outcomes of the metrics."""
    return frozenset(
        (row["agent_id"], row["version"])
        for row in outcomes
        if row.get("pack_digest") and row.get("outcome") != "registered"
    )


# --- as an example in a prompt ---------------------------------------------------------------------------------------


def example(reference: ReferenceAgent, root: Path | None = None, *, limit: int = EXAMPLE_BYTES) -> str:
    """A compact text of an agent for a prompt: at most ``limit`` characters, foreign code included.

    ``root`` is the factory's folder; without it, or where the build's pack is not below it, no code is read, nor from a
    file on that is not as it was certified.
    """
    head = f"{reference.agent_id} {reference.version} ({'certified' if reference.certified else reference.state})"
    lines = [head, *(f"{name} [{unit}]" for name, unit in sorted(reference.outputs.items()))]
    lines += [f"formula {formula}" for formula in reference.formulas]
    text = "\n".join(lines)[:limit]
    for code in _tools(root, reference) if root is not None else ():
        left = limit - len(text) - 2
        if left <= 0:
            break
        text = f"{text}\n\n{code[:left].decode('utf-8', errors='ignore')}"
    return text


def _tools(root: Path, reference: ReferenceAgent) -> Iterator[bytes]:
    """The files with the calculations of a pack, as far as they are as certified."""
    try:
        pack = pack_of(reference, root)
        for name in sorted(pack.files):
            if _TOOLS.fullmatch(name):
                yield pack.read(name)
    except PackNotHere:
        return
