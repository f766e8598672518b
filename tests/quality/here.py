"""A pack asked in this process what the confined child would ask it: the same code, without the jail.

For tests of what the judge makes of the answers; that the jail holds is tested in tests/sandbox.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greenlang.sandbox import child_agent, child_service, claims, decisions
from greenlang.sandbox.decisions import Ended, Run
from greenlang.sandbox.trial import Service
from greenlang.sandbox.verdict import Evaluation, Profile
from tests.factory.made_agents import forget

PROFILE = Profile("strict", ("landlock abi 7", "seccomp", "rlimits"))


def asked_here(
    folder: Path, package: str, inputs: Sequence[Mapping[str, Any]], *, calls: int = 5
) -> tuple[Evaluation, Evaluation, Service]:
    """The answers, the answers to four threads, and the service."""
    given = [dict(one) for one in inputs]
    with _importable(folder, package):
        answers = child_agent.evaluate(package, given)
        measured = {"base_kb": 0, **child_service.measure(folder, package, given, calls), "blocks": []}
        threads = child_agent.evaluate(package, given, threads=4)
    parts = {"evaluation": answers, "service": measured, "threads": threads}
    lines = [
        {"confined": list(PROFILE.primitives)},
        *({"part": n, "value": v} for n, v in parts.items()),
        {"result": {}},
    ]
    report = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    run = Run(claims.parse(report), Ended(0, None, "", 0.1, 0.1, 50_000), PROFILE, 60, 512)
    service = decisions.service(run, ())
    return decisions.evaluation(run, "evaluation"), decisions.evaluation(run, "threads"), service


@contextmanager
def _importable(folder: Path, package: str) -> Iterator[None]:
    forget(package)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        forget(package)
        logging.getLogger(f"{package}.logs").handlers.clear()
