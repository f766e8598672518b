"""A factory that builds nothing: it tells outcomes by the name of the key or file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import Field

from greenlang.factory.outcome import MUTATION_SCORE, AgentOutcome, StageOutcome
from greenlang.factory.reporting import folder_of
from greenlang.quality.judgement import MutantLine
from resources.factory import FactoryResource

# What the line was asked for; outside the class, since Dagster copies resources. A fixture empties it.
CALLS: list[dict[str, object]] = []
NOT_REGISTERED = ("incomplete", "quarantined", "refused", "infrastructure")


class FakeFactory(FactoryResource):
    """Registers every agent whose key does not say otherwise (``.../incomplete...``, ``.../refused...``)."""

    stale: list[str] = Field(default_factory=list)
    others: dict[str, list[str]] = Field(default_factory=dict)  # tenant -> its stale keys
    rebuilt: bool = True

    def stale_keys(self, tenant: str = "default", night: str = "") -> list[str]:
        return self.others.get(tenant, self.stale)

    def tenants(self) -> list[str]:
        return ["default", *self.others]

    def run_batch(
        self,
        *,
        keys: Sequence[str] | None = None,
        files: Sequence[str] | None = None,
        force: bool = False,
        entrance: str,
        tenant: str = "default",
        night: str = "",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[StageOutcome]:
        total = len(files or ()) + len(keys or ())
        by_night = {"tenant": tenant, "night": night} if night else {}
        CALLS.append({"keys": keys, "files": files, "force": force, "entrance": entrance, **by_night})
        for n, name in enumerate(files or (), start=1):
            if on_progress:
                on_progress(n, total)
            if name.startswith("bad"):
                yield _stage(AgentOutcome(f"file:{name}", name, "refused", "not YAML"))
            else:
                yield from self._agent(f"buildings/{Path(name).stem}@1.0.0-01234567", name)
        for key in keys or ():
            yield from self._agent(key, "a.yaml")

    def _agent(self, key: str, file: str) -> Iterator[StageOutcome]:
        yield StageOutcome(key, "spec_validation", "done", 0.0)
        agent_id, _, rest = key.partition("@")
        outcome = next((o for o in NOT_REGISTERED if o in key), "registered")
        yield _stage(
            AgentOutcome(
                key=key,
                file=file,
                outcome=outcome,  # type: ignore[arg-type]
                reason="" if outcome == "registered" else f"it is {outcome}",
                agent_id=agent_id,
                version=rest.rpartition("-")[0],
                name="Boiler",
                spec_digest="01234567" * 8,
                state="draft",
                score=97.5,
                coverage=99.0,
                tests_passed=40,
                tests_total=40,
                pack_digest="ab" * 32,
                certificate_digest="cd" * 32,
                rebuilt=self.rebuilt,
                report=folder_of(key) if outcome in {"registered", "quarantined"} else "",
                mutants=(
                    MutantLine("m1", "sign", "a/tools.py", 7, "a + b", "a - b", "killed", "test_a"),
                    MutantLine("m2", "sign", "a/tools.py", 9, "a - b", "a + b", "survived"),
                    MutantLine("c1", "control", "a/tools.py", 9, "a", "renamed", "survived"),
                ),
                figures={MUTATION_SCORE: 50.0},
                summary={
                    "plan": "## Tools\n\n`energy = fuel × 2`",
                    "tests": "| test | outcome |\n|---|---|\n| golden | passed |",
                    "quality": "| dimension | score |\n|---|---|\n| types | 100 |",
                    "pack": "certificate `cdcd`",
                },
            )
        )


def _stage(agent: AgentOutcome) -> StageOutcome:
    stage = "registration" if agent.outcome == "registered" else "spec_validation"
    return StageOutcome(agent.key, stage, "done", 0.0, agent)
