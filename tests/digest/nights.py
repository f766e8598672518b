"""A factory of four nights, written by hand as the line writes them: what every figure must be can be read off here.

Belongs here: what the tests of reports and dashboards share. Does not belong here: what the pages must say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import time_machine

from greenlang.factory.outcome import AgentOutcome, DimensionResult
from greenlang.metrics import MetricsStore, RunInfo
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic

GAS, POWER = "ef://owid/grid/2026/gas", "ef://owid/grid/2026/power"
HOSTILE = "evil/<script>alert(1)</script>"
FIRST = datetime(2026, 11, 3, 1, 0, tzinfo=UTC)  # 02:00 in Berlin
STAGES = {"quality_validation": 0.75, "packaging": 0.25}


def agent(
    name: str, *, content: str = "a", factors: Sequence[tuple[str, str]] = ((GAS, "1"),), **changes: Any
) -> AgentOutcome:
    """A registered agent. ``content`` stands for what its spec says, ``factors`` are references and digests."""
    values: dict[str, Any] = {
        "key": f"{name}@1.0.0-{content * 8}",
        "file": "x.yaml",
        "outcome": "registered",
        "reason": "",
        "agent_id": name,
        "version": "1.0.0",
        "name": name,
        "spec_digest": content * 64,
        "pack_digest": f"pack of {name} {content} {factors}",
        "consumed_digest": f"{content} {factors}",
        "mutant_tier": "20",
        "seconds": sum(STAGES.values()),
        "stage_seconds": STAGES,
        "report": f"reports/{name.rsplit('/', maxsplit=1)[-1]}" if "<" not in name else "",
        "dimensions": (dimension("passed"), replace(dimension("passed"), name="security", title="Security")),
        "lineage": (
            *({"kind": "factor", "ref": ref, "digest": digest, "citation": f"OWID, {ref}"} for ref, digest in factors),
            {"kind": "formula", "ref": "energy/burn", "digest": "f", "citation": "IPCC"},
        ),
    }
    return AgentOutcome(**{**values, **changes})


def dimension(status: Any) -> DimensionResult:
    """The required dimension of tests."""
    return DimensionResult("tests", "Tests", status, 100.0 if status == "passed" else 40.0, 90.0, 2.0, True, "")


def failed(name: str, outcome: str, reason: str, **changes: Any) -> AgentOutcome:
    """An agent without a pack."""
    empty: dict[str, Any] = {"pack_digest": "", "lineage": (), "dimensions": (), "report": ""}
    return agent(name, outcome=outcome, reason=reason, **{**empty, **changes})


def call(number: int, moment: datetime, provider: str, usd: str, **changes: Any) -> dict[str, Any]:
    """A call of a model, as a row."""
    values = {
        "key": "", "call_id": f"call-{number}", "created_at": moment.replace(tzinfo=None), "stage": "refinement",
        "prompt": "overlay@1", "request_digest": "r", "sample": 0, "reask": 0, "provider": provider, "model": "m",
        "call": "answered", "prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100,
        "cost_usd": Decimal(usd), "estimated": False, "latency_ms": 5.0, "temperature": 0.0, "seed": 1,
    }  # fmt: skip
    return {**values, **changes}


class Writer:
    """Writes runs at moments of its own clock."""

    def __init__(self, var: Path, clock: Any) -> None:
        var.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(var=var, timezone="Europe/Berlin")
        self.store = MetricsStore(self.settings)
        self.clock = clock

    def run(
        self, name: str, begin: datetime, outcomes: Sequence[AgentOutcome], *, ends: bool = True, **changes: Any
    ) -> None:
        """A run that writes each outcome for itself, a second apart, and ends a minute after it began."""
        values: dict[str, Any] = {"entrance": "nightly", "started_at": begin, "factor_release": "factors-1.0.0"}
        info = RunInfo(name, **{**values, "agents": len(outcomes), **changes})
        for number, outcome in enumerate(outcomes):
            self.clock.move_to(begin + timedelta(seconds=number))
            self.store.write([outcome], info)
        self.clock.move_to(begin + timedelta(seconds=60))
        if ends:
            self.store.write((), replace(info, finished_at=datetime.now(UTC)))


@contextmanager
def writer(var: Path) -> Iterator[Writer]:
    """A writer whose clock stands still between the runs."""
    with time_machine.travel(FIRST, tick=False) as clock:
        yield Writer(var, clock)


def four_nights(var: Path) -> Settings:
    """The nights to 3, 4, 5 and 6 November 2026 in Berlin, each due at 07:00; in the fourth nothing ran."""
    day = timedelta(days=1)
    with writer(var) as to:
        finding = Diagnostic("GLS020", "error", "unknown unit `kWhh`")
        to.run(
            "first",
            FIRST,
            [
                agent("heat/boiler"),
                agent("heat/pump", factors=((GAS, "1"), (POWER, "1"))),
                agent("heat/kiln", factors=((POWER, "1"),), seconds=9.5, stage_seconds={"packaging": 9.5}),
                agent("cold/chiller", factors=()),
                agent(HOSTILE, factors=()),
                failed("cold/freezer", "incomplete", "no certain plan for co2e"),
                failed("cold/store", "incomplete", "no certain plan for energy, co2e"),
                failed("", "refused", "unknown unit `kWhh` | <b>", key="file:bad.yaml", file="bad.yaml", version="",
                       diagnostics=(finding,), seconds=0.0, stage_seconds={}),
            ],
        )  # fmt: skip
        # the second night: by day one agent is mended; at night factors change, one agent can no longer be built
        to.run("by day", FIRST + timedelta(hours=9), [agent("cold/freezer", content="b", factors=((POWER, "1"),))],
               entrance="sensor")  # fmt: skip
        to.run(
            "second",
            FIRST + day,
            [
                agent("heat/boiler", factors=((GAS, "2"),)),
                failed("heat/pump", "quarantined", "stale: the registered pack stays, but it can no longer be built: "
                       "quality: Tests (2 of 9)", pack_digest="old pack", dimensions=(dimension("failed"),)),
                agent("cold/chiller", factors=(), consumed_digest="other templates"),
                agent(HOSTILE, factors=(), mutant_tier="all"),
                agent("heat/stove", repairs=(_repair(),)),
                failed("cold/store", "infrastructure", "the sandbox failed: no space left", content="a"),
            ],
            kept=2,
            agents=8,
            factor_release="factors-1.1.0",
        )  # fmt: skip
        to.store.write_calls([
            call(1, FIRST + timedelta(minutes=1), "anthropic", "5"),
            call(2, FIRST + day, "openai", "0.25"),
            call(3, FIRST + day, "anthropic", "1.5", estimated=True),
            call(4, FIRST + day, "anthropic", "0", call="replayed", total_tokens=0),
        ], "calls")  # fmt: skip
        to.run("killed", FIRST + 2 * day, [agent("heat/boiler", factors=((GAS, "2"),), content="c")], ends=False,
               kept=7, factor_release="factors-1.1.0")  # fmt: skip
        to.store.compact(at_least=2)
    return to.settings


def _repair() -> dict[str, Any]:
    return {
        "n": 0, "rung": "mechanical", "round": 0, "error_class": "lint", "status": "repaired", "reason": "",
        "failures_before": 1, "failures_after": 0, "seconds": 0.5, "usd": 0.0, "visible_rate": 1.0,
        "held_out_rate": 1.0, "digest_before": "a", "digest_after": "b", "fingerprint": "f",
    }  # fmt: skip
