"""What a sandboxed run reports. What the child says is a claim; the supervisor writes the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "timed_out", "out_of_memory", "escaped", "infrastructure"]


@dataclass(frozen=True, slots=True)
class Profile:
    """The confinement that was really in force. ``weaknesses`` is empty for the strict profile."""

    name: Literal["strict", "weak"]
    primitives: tuple[str, ...]  # ("landlock abi 7", "seccomp", "rlimits")
    weaknesses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what is not there and not needed, such as bubblewrap


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test of the generated suite. ``category`` is the test file's name without ``test_``."""

    __test__ = False

    id: str
    category: str
    outcome: Literal["passed", "failed", "error", "skipped"]
    seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class CoverageResult:
    """Lines and branches of the agent's own package. ``missing`` maps file name to uncovered lines."""

    lines_covered: int
    lines_total: int
    branches_covered: int
    branches_total: int
    missing: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def percent(self) -> float:
        """Lines and branches together, 0 to 100; 0 where nothing was measured."""
        total = self.lines_total + self.branches_total
        return 100.0 * (self.lines_covered + self.branches_covered) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one test run."""

    status: Status
    profile: Profile
    tests: tuple[TestResult, ...] = ()
    coverage: CoverageResult | None = None
    seconds: float = 0.0
    detail: str = ""
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    attempts: tuple[str, ...] = ()  # what the code tried and no agent does; not empty means ``escaped``

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(t.outcome == "passed" for t in self.tests)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The agent's answers to a list of inputs: one line of canonical JSON an input, as bytes.

    ``conditions``: in words, under which hash seed, time zone, locale, clock, folder and threads it was asked.
    """

    status: Status
    profile: Profile
    output: bytes = b""
    detail: str = ""
    seconds: float = 0.0
    attempts: tuple[str, ...] = ()
    conditions: str = ""
