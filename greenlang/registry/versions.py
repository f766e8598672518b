"""Ranges of versions, and which versions fit together: ``>=1.2,<2``, ``^1.2``, ``~1.2.3``, ``1.2.0``.

Read by `semantic_version`, resolved by `resolvelib` (pip's resolver). A pre-release counts only where the range names
one; what was yanked, or retired, only where the range is exactly its version.

Belongs here: ranges and resolution over entries. Does not belong here: which of several is the latest (`choice`), SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, ResolutionTooDeep, Resolver
from semantic_version import SimpleSpec, Version

from greenlang.errors import NotRegistered, ReferenceInvalid, VersionConflict
from greenlang.registry.choice import entry_order
from greenlang.registry.entry import ANY, RegistryEntry

if TYPE_CHECKING:
    from greenlang.registry.store import Registry

__all__ = ["ANY", "Constraint", "resolve", "satisfying", "there"]

_ROUNDS = 2000


@dataclass(frozen=True, slots=True)
class Constraint:
    """A range of versions; ``version in constraint`` asks."""

    text: str
    _spec: SimpleSpec = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a range. Raises ReferenceInvalid, with the forms that there are."""
        plain = "".join(text.split()) or ANY
        try:
            return cls(plain, SimpleSpec(plain))
        except ValueError as error:
            raise ReferenceInvalid(
                f"`{text}` is no range of versions: write >=1.2,<2 or ^1.2 or ~1.2.3 or one version as 1.2.0"
            ) from error

    @property
    def exact(self) -> str:
        """The one version that this range is; empty for a wider one."""
        version = self.text.lstrip("=")
        return version if _version(version) is not None else ""

    def __contains__(self, version: str) -> bool:
        """Whether a version lies in the range. What is no semantic version lies in none."""
        return self.holds(version) and (self.takes_pre_releases or "-" not in version.partition("+")[0])

    @property
    def takes_pre_releases(self) -> bool:
        """Whether the range names a pre-release."""
        return "-" in self.text

    def holds(self, version: str) -> bool:
        """The same by the order of versions alone: a pre-release lies between its neighbours."""
        parsed = _version(version)
        return parsed is not None and parsed in self._spec

    def __str__(self) -> str:
        return self.text


def satisfying(entries: Iterable[RegistryEntry], constraint: str | Constraint) -> list[RegistryEntry]:
    """Those in the range that may be chosen, the best first (see `choice`). Raises ReferenceInvalid."""
    wanted = constraint if isinstance(constraint, Constraint) else Constraint.parse(constraint)
    found = [e for e in entries if e.version in wanted and (_free(e) or wanted.exact == e.version)]
    return sorted(found, key=entry_order, reverse=True)


def resolve(registry: Registry, agent_id: str, constraint: str = ANY) -> dict[str, RegistryEntry]:
    """An agent and everything that it needs, each in one version that all agree on: agent id -> entry, by id.

    Raises NotRegistered for an agent that there is not, VersionConflict where no choice fits, ReferenceInvalid for a
    text that is no range.
    """
    from greenlang.registry.details import needs_of

    world = _World(registry.versions, lambda asked: needs_of(registry, asked))
    wanted = _Need(agent_id, Constraint.parse(constraint))
    if not world.versions(agent_id):
        raise NotRegistered(f"{agent_id} is not registered")
    resolver = Resolver[_Need, RegistryEntry, str](_Provider(world), BaseReporter())
    try:
        found = resolver.resolve([wanted], max_rounds=_ROUNDS)
    except ResolutionImpossible as error:
        raise VersionConflict(_explained(world, error)) from error
    except ResolutionTooDeep as error:
        raise VersionConflict(
            f"after {_ROUNDS} steps no versions were found that fit together: narrow the ranges that {agent_id} names"
        ) from error
    return {name: found.mapping[name] for name in sorted(found.mapping)}


class _Need(NamedTuple):
    agent_id: str
    constraint: Constraint


class _World:
    """What the registry says, each agent asked for once."""

    def __init__(
        self,
        versions: Callable[[str], Sequence[RegistryEntry]],
        needs: Callable[[str], Mapping[tuple[str, str], Mapping[str, str]]],
    ) -> None:
        self._ask, self._ask_needs = versions, needs
        self._versions: dict[str, Sequence[RegistryEntry]] = {}
        self._needs: dict[str, Mapping[tuple[str, str], Mapping[str, str]]] = {}

    def versions(self, agent_id: str) -> Sequence[RegistryEntry]:
        """Every version of an agent."""
        if agent_id not in self._versions:
            self._versions[agent_id] = self._ask(agent_id)
        return self._versions[agent_id]

    def needs(self, entry: RegistryEntry) -> Iterator[_Need]:
        """What a version needs."""
        if entry.agent_id not in self._needs:
            self._needs[entry.agent_id] = self._ask_needs(entry.agent_id)
        for agent_id, text in sorted(self._needs[entry.agent_id].get((entry.tenant, entry.version), {}).items()):
            yield _Need(agent_id, Constraint.parse(text))


class _Provider(AbstractProvider[_Need, RegistryEntry, str]):
    """Answers the resolver's questions about the registry."""

    def __init__(self, world: _World) -> None:
        self.world = world

    def identify(self, requirement_or_candidate: _Need | RegistryEntry) -> str:
        return requirement_or_candidate.agent_id

    def get_preference(self, identifier: str, *_: Any, **__: Any) -> str:
        return identifier  # the same question gets the same answer

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[_Need]],
        incompatibilities: Mapping[str, Iterator[RegistryEntry]],
    ) -> list[RegistryEntry]:
        wanted = [need.constraint for need in requirements[identifier]]
        refused = {entry.version for entry in incompatibilities[identifier]}
        pinned = {constraint.exact for constraint in wanted}
        in_all = [e for e in self.world.versions(identifier) if all(one.holds(e.version) for one in wanted)]
        found = [
            e
            for e in in_all
            if e.version not in refused
            and any(e.version in one for one in wanted)  # one of them asks for this pre-release
            and (_free(e) or e.version in pinned)
        ]
        return sorted(found, key=entry_order, reverse=True)

    def is_satisfied_by(self, requirement: _Need, candidate: RegistryEntry) -> bool:
        return requirement.constraint.holds(candidate.version)

    def get_dependencies(self, candidate: RegistryEntry) -> list[_Need]:
        return list(self.world.needs(candidate))


def _free(entry: RegistryEntry) -> bool:
    return not entry.yanked and entry.state != "retired"


def _explained(world: _World, error: ResolutionImpossible[_Need, RegistryEntry]) -> str:
    """Who asked for what, and what there is."""
    lines: dict[str, None] = {}  # in order, each once
    known: dict[str, None] = {}
    for need, parent in error.causes:
        who = f"{parent.agent_id}@{parent.version} needs" if parent is not None else "asked for is"
        lines[f"{who} {need.agent_id} {need.constraint}"] = None
        known[there(need.agent_id, world.versions(need.agent_id))] = None
    return f"no versions fit together: {'; '.join(lines)}. {'; '.join(known)}"


def there(agent_id: str, entries: Iterable[RegistryEntry]) -> str:
    """Which versions there are, in words."""
    shown = [f"{e.version}{_taken_out(e)}" for e in entries]
    return f"{agent_id} has {', '.join(shown)}" if shown else f"{agent_id} is not registered"


def _taken_out(entry: RegistryEntry) -> str:
    return "" if _free(entry) else " (yanked)" if entry.yanked else " (retired)"


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
