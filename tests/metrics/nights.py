"""A factory of three nights, by hand, whose every figure is known.

Belongs here: what happened in which night. Does not belong here: what is asked of it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import time_machine

from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import MetricsStore
from greenlang.provenance import CERTIFICATE, bytes_digest, canonical, files_digest
from greenlang.settings import Settings
from greenlang.specs.model import slug
from tests.metrics.conftest import outcome, run_info

FIRST, SECOND, THIRD = (datetime(2026, 11, day, 2, tzinfo=UTC) for day in (18, 19, 20))
BOILER, POWER, PUMP = "heat/boiler", "grid/power", "heat/pump"


def write_night(settings: Settings, at: datetime, outcomes: Sequence[AgentOutcome], **run: Any) -> None:
    """One run of one night, with its end."""
    store = MetricsStore(settings)
    name = f"night-{at:%m-%d}"
    with time_machine.travel(at + timedelta(minutes=10), tick=True):
        store.write(outcomes, run_info(name, started_at=at, agents=len(outcomes), **run))
    with time_machine.travel(at + timedelta(minutes=30), tick=True):
        ended = at + timedelta(minutes=30)
        store.write((), run_info(name, started_at=at, finished_at=ended, agents=len(outcomes), **run))


def call(number: int, key: str, at: datetime, **changes: Any) -> dict[str, Any]:
    """A call of a model, as the gateway writes one down."""
    row = {
        "call_id": f"{number}-c",
        "created_at": at.replace(tzinfo=None),
        "key": key,
        "stage": "refinement",
        "prompt": "repair@1",
        "request_digest": "d" * 64,
        "sample": 0,
        "reask": 0,
        "provider": "acme",
        "model": "acme-1",
        "call": "answered",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "cost_usd": Decimal("0.012345678"),
        "estimated": False,
        "latency_ms": 250.5,
        "temperature": 0.0,
        "seed": 7,
    }
    return {**row, **changes}


def key_of(agent: str) -> str:
    """The partition key of the outcomes of `tests.metrics.conftest`."""
    return outcome(agent).key


def three_nights(settings: Settings) -> None:
    """18: boiler and power registered, pump incomplete. 19: boiler falls. 20: boiler mended, a file refused, calls."""
    shutil.copytree(_made().tables, settings.tables)


@cache
def _made() -> Settings:
    """Written once a process: a third of a second each time."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    settings = Settings(var=Path(folder.name))
    _write(settings)
    return settings


def _write(settings: Settings) -> None:
    incomplete: dict[str, Any] = {"outcome": "incomplete", "state": "", "score": None, "coverage": None}
    pump = outcome(
        PUMP,
        **incomplete,
        reason="no certain plan for `cop` of 3",
        pack_digest="",
        certificate_digest="",
        dialect="plain",
        dimensions=(),
        mutants=(),
        repairs=(),
        figures={},
        seconds=0.5,
        stage_seconds={"spec_validation": 0.25, "reference_selection": 0.25},
    )
    write_night(settings, FIRST, [outcome(BOILER), outcome(POWER, score=99.0, seconds=3.5), pump])
    fallen = outcome(BOILER, outcome="quarantined", reason="2 tests failed", score=60.0, pack_digest="9" * 64, state="")
    tried = {"rung": "template", "status": "improved", "error_class": "lint", "usd": 0.0, "seconds": 0.5}
    fallen = replace(fallen, repairs=({**fallen.repairs[0], **tried}, {**fallen.repairs[0], "n": 1}))
    write_night(settings, SECOND, [fallen])
    refused = AgentOutcome(key="file:x.yaml", file="x.yaml", outcome="refused", reason="not UTF-8")
    MetricsStore(settings).write_calls(
        [
            call(1, key_of(BOILER), SECOND + timedelta(hours=3)),
            call(2, key_of(BOILER), THIRD + timedelta(minutes=5), cost_usd=Decimal("0.1")),
            call(
                3, key_of(POWER), THIRD + timedelta(minutes=5), provider="other", call="replayed", cost_usd=Decimal(0)
            ),
        ],
        "calls-1-3",
    )
    write_night(settings, THIRD, [outcome(BOILER, score=92.0), refused], factor_release="factors-1.1.0")


def write_pack(settings: Settings, key: str) -> tuple[str, str]:
    """A finished pack on disk: the digests of its files and of its certificate."""
    folder = settings.packs / slug(key)
    texts = {
        "gl_boiler/__init__.py": '"""A boiler."""\n',
        "gl_boiler/tools.py": "def co2e(gas):\n\treturn gas * 2  # tab, \\ backslash\n",
        "tests/test_golden.py": "def test_one():\n    assert True\n",
        "README.md": "# Boiler\n",
        "docs/api.md": "# API\n",
        "demos/api.py": "print(1)\n",
        "Dockerfile": "FROM scratch\n",
        "deploy/k8s/hpa.yaml": "kind: HPA\n",
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    files = {name: bytes_digest(text.encode()) for name, text in texts.items()}
    agent_id, _, rest = key.partition("@")
    content = {
        "agent": {"id": agent_id, "version": rest.rpartition("-")[0], "package": "gl_boiler"},
        "spec": {"sha256": "a" * 64},
        "files": files,
        "pack_digest": files_digest(files),
    }
    certificate = canonical(content)
    (folder / CERTIFICATE).write_bytes(certificate)
    return files_digest(files), bytes_digest(certificate)


def write_release(settings: Settings, name: str, changes: Sequence[tuple[str, str, Decimal, Decimal]]) -> None:
    """The changelog of a stored factor release: what, key, old, new."""
    from greenlang.factors.changelog import Change, write_changes

    folder = settings.var / "factors" / "releases" / name
    folder.mkdir(parents=True)
    rows = [Change(what, key, old, new, "kg/kWh", (new - old) / old, "value") for what, key, old, new in changes]  # type: ignore[arg-type]
    write_changes(rows, folder / "changelog.parquet")
