"""Dependencies between agents that lead back to where they started, within one spec and over a folder of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, Dependency


def cycles(specs: Mapping[str, AgentSpec]) -> dict[str, list[Diagnostic]]:
    """File name -> findings: agents that need each other's results in a circle.

    ``specs``: file name -> spec. An agent needs what it says it receives from, and what says that it provides to it.
    Two agents of one file that only that file says give to each other are a warning: data may go both ways.
    """
    needs: dict[str, dict[str, list[tuple[str, Dependency]]]] = {}
    for file, spec in specs.items():
        for agent, dependency in _edges(spec):
            if dependency.relation == "beside" or dependency.agent_id == agent:
                continue  # an agent that needs itself is told where it is read
            ours = dependency.relation == "needs"
            above, below = (agent, dependency.agent_id) if ours else (dependency.agent_id, agent)
            needs.setdefault(above, {}).setdefault(below, []).append((file, dependency))
    out: dict[str, list[Diagnostic]] = {}
    for circle in circles(needs):
        said = [needs[a][b][0] for a, b in zip(circle, [*circle[1:], circle[0]], strict=True)]
        one_file = len({file for file, _ in said}) == 1 and len({d.relation for _, d in said}) > 1
        file, place = min(said, key=lambda s: (s[0], s[1].line, s[1].column))
        out.setdefault(file, []).append(
            Diagnostic(
                "GLS029",
                "warning" if one_file and len(circle) == 2 else "error",
                f"circular dependencies: {' → '.join([*circle, circle[0]])}",
                "an agent cannot wait for its own result; break the circle",
                place.line,
                place.column,
            )
        )
    return out


def _edges(spec: AgentSpec) -> Iterator[tuple[str, Dependency]]:
    for dependency in spec.dependencies if spec.dialect != "C" else ():
        yield spec.agent_id, dependency
    if spec.dialect == "C":  # the agents of a pack name each other by their ids within it
        for part in spec.parts or (spec,):
            for dependency in part.dependencies:
                yield part.part or spec.agent_id, _within(spec, dependency)


def _within(pack: AgentSpec, dependency: Dependency) -> Dependency:
    name = dependency.agent_id.replace("-", "_")
    known = name in {p.part for p in pack.parts}
    return Dependency(name if known else dependency.agent_id, dependency.relation, dependency.line, dependency.column)


def circles(needs: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Circles of names that need each other, each from its first name on; a name stands in one of them at most."""
    seen: set[str] = set()
    for start in sorted(needs):
        if start in seen:
            continue
        way = _round(start, needs)
        if way is not None:
            seen.update(way)
            first = way.index(min(way))
            yield way[first:] + way[:first]


def _round(start: str, needs: Mapping[str, Iterable[str]]) -> list[str] | None:
    """The shortest way from a name back to itself."""
    ways: list[list[str]] = [[start]]
    seen: set[str] = set()
    while ways:
        ahead: list[list[str]] = []
        for way in ways:
            for name in sorted(needs.get(way[-1], ())):
                if name == start:
                    return way
                if name not in seen:
                    seen.add(name)
                    ahead.append([*way, name])
        ways = ahead
    return None
