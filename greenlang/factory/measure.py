"""What a finished pack does, measured in the sandbox on its own worked inputs: its tests, its speed, its memory.

Belongs here: one pack, one question. Does not belong here: judging it (``validators``), printing.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang.errors import PackError
from greenlang.provenance import CERTIFICATE, PackCertificate
from greenlang.sandbox import Sandbox, TrialRequest, Verdict
from greenlang.sandbox.trial import Service
from greenlang.settings import Settings

FEW = 10  # calls after which whatever an agent keeps from its first calls is there


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of one call, over ``calls`` calls on ``inputs`` different inputs; the sandbox counts in them."""

    calls: int
    inputs: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes that an agent added to the peak of its process, after few calls and after many, and what one more
    thousand calls adds.
    """

    few: int
    few_mb: float
    calls: int
    many_mb: float
    per_thousand_mb: float


class NotMeasured(PackError):
    """The sandbox gave no figures; the message says why."""


def package_of(pack: Path) -> str:
    """The name of the pack's package. Raises PackError for a folder that is no finished pack."""
    if not (pack / CERTIFICATE).is_file():
        raise PackError(f"{pack} is no finished pack: it has no {CERTIFICATE}")
    try:
        return str(PackCertificate.load(pack).content["agent"]["package"])
    except (ValueError, KeyError, TypeError) as error:
        raise PackError(f"{pack / CERTIFICATE} is no certificate of a pack") from error


def run_tests(settings: Settings, pack: Path) -> Verdict:
    """The pack's own tests with branch coverage. Raises PackError, SandboxUnavailable."""
    package = package_of(pack)
    with Sandbox(settings) as sandbox:
        return sandbox.run_tests(pack, package)


def speed(settings: Settings, pack: Path, calls: int) -> Speed:
    """How fast the agent answers. Raises NotMeasured, SandboxUnavailable."""
    inputs = worked_inputs(pack)
    with Sandbox(settings) as sandbox:
        taken = sorted(_served(sandbox, pack, inputs, calls).latency_ms)
    cuts = statistics.quantiles(taken, n=100, method="inclusive") if len(taken) > 1 else taken * 99
    mean = statistics.fmean(taken)
    return Speed(len(taken), len(inputs), mean, cuts[49], cuts[94], cuts[98], taken[-1], 1000 / mean if mean else 0.0)


def memory(settings: Settings, pack: Path, calls: int) -> Memory:
    """What the agent takes of memory, and whether it grows. Raises NotMeasured, SandboxUnavailable."""
    inputs = worked_inputs(pack)
    with Sandbox(settings) as sandbox:
        few = _served(sandbox, pack, inputs, FEW).memory_mb
        many = _served(sandbox, pack, inputs, calls).memory_mb
    return Memory(FEW, few, calls, many, max(many - few, 0.0) / (calls - FEW) * 1000)


def worked_inputs(pack: Path) -> list[dict[str, Any]]:
    """The inputs of the pack's vectors that have an answer. Raises NotMeasured where there is none."""
    several = sorted((pack / "tests" / "vectors").glob("*.json"))
    try:
        found = [
            {"tool": told["tool"], "arguments": vector["input"]} if "tool" in told else vector["input"]
            for file in several or [pack / "tests" / "vectors.json"]
            for told in [json.loads(file.read_text(encoding="utf-8"))]
            for vector in told["vectors"]
            if not vector["code"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotMeasured(f"the vectors of {pack} cannot be read: {error}") from error
    if not found:
        raise NotMeasured(f"{pack} has no worked input")
    return found


def _served(sandbox: Sandbox, pack: Path, inputs: list[dict[str, Any]], calls: int) -> Service:
    found = sandbox.serve(pack, package_of(pack), TrialRequest(tuple(inputs), calls=calls))
    if not found.latency_ms:
        raise NotMeasured(f"{pack.name} was not measured: {found.status}: {found.detail or 'no word of it'}")
    return found
