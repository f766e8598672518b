"""What a worker knows of agents that stand already: earlier versions of an agent, and those that are near it.

Belongs here: reading registry and metrics once a worker, at the first question. Does not belong here: ranking
(``greenlang.registry.references``), writing.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import Path

from greenlang.factory import whole
from greenlang.metrics import MetricsStore
from greenlang.registry import Registry, RegistryEntry
from greenlang.registry.references import (
    ReferenceAgent,
    ReferenceIndex,
    example,
    formulas_by_version,
    profile,
    stale_versions,
)
from greenlang.resolution.plan import Resolution
from greenlang.settings import Settings


class Neighbours:
    """The registry as it stood at the first question: agents of the same batch are no neighbours yet."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def _entries(self) -> list[RegistryEntry]:
        settings = self.settings
        if settings.registry_url is None and not (settings.var / "registry.sqlite").exists():
            return []
        with Registry(settings.registry) as registry:
            return registry.all()

    @cached_property
    def _versions(self) -> dict[str, tuple[str, ...]]:
        found = defaultdict(list)
        for entry in self._entries:
            found[entry.agent_id].append(entry.version)
        return {agent: tuple(versions) for agent, versions in found.items()}

    @cached_property
    def _index(self) -> ReferenceIndex:
        if not self._entries:
            return ReferenceIndex([])
        store = MetricsStore(self.settings)
        outcomes = store.outcomes()
        scores = {
            (row["agent_id"], row["version"]): float(row["mutation_score"])
            for row in outcomes
            if row.get("mutation_score") is not None
        }
        known = formulas_by_version(store.formulas_used())
        return ReferenceIndex(self._entries, known, scores, stale_versions(outcomes))

    def history(self, agent_id: str) -> tuple[str, ...]:
        """Versions of an agent that are registered."""
        return self._versions.get(agent_id, ())

    def nearest(self, resolution: Resolution) -> tuple[ReferenceAgent, ...]:
        """Registered agents near a spec, certified ones first."""
        if not len(self._index):
            return ()
        spec = resolution.spec
        parts = spec.parts or (spec,)
        plans = whole.plans(resolution).values()
        wanted = profile(
            spec.agent_id,
            outputs={o.name: o.unit for part in parts for o in part.outputs.values()},
            inputs=[name for part in parts for name in part.inputs],
            formulas={plan.formula_id for plan in plans if plan.formula_id},
            tags=spec.tags,
            texts=(spec.name, spec.summary, spec.domain),
        )
        return self._index.nearest(wanted)

    def examples(self, references: tuple[ReferenceAgent, ...]) -> tuple[str, ...]:
        """Compact texts of agents, for prompts."""
        return tuple(example(one, Path(self.settings.var)) for one in references)
