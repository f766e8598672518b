"""What is run of one pack, asked for in one request and told in one value.

Belongs here: the types. Does not belong here: running (`greenlang.sandbox.trials`),
judging. Everything that a child says is a claim; the supervisor has checked what can be checked before it stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from greenlang.sandbox.verdict import Evaluation, Status, Verdict


@dataclass(frozen=True, slots=True)
class MutatedFile:
    """One file of a pack with one change in it. ``content`` is the whole new file.

    ``control``: nothing that counts was changed (another layout of the same code); a suite that kills it has failed.
    """

    id: str
    path: str  # relative to the pack
    content: bytes
    control: bool = False


@dataclass(frozen=True, slots=True)
class MutantResult:
    """What the pack's tests made of one mutant. ``broken``: it could not even be imported, which counts as killed."""

    id: str
    outcome: Literal["killed", "survived", "timed_out", "broken"]
    by: str = ""  # id of the test that failed first; of a broken one, what its import raised


@dataclass(frozen=True, slots=True)
class Mutation:
    """The run of the mutants."""

    status: Status
    results: tuple[MutantResult, ...] = ()
    detail: str = ""
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Block:
    """A code block of a document, with the file and line where it stands. ``language``: python or sh."""

    path: str
    line: int
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What came of running a block; ``skipped`` says why in ``message`` (a line that installs or serves)."""

    path: str
    line: int
    outcome: Literal["passed", "failed", "skipped"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """The agent as one who operates it meets it.

    ``latency_ms``: one figure a call of ``run`` on the vectors, sorted. ``memory_mb``: what the agent added to the peak
    of the warmed process. ``health``: the body that GET /health of ``demos/api.py`` answered, with ``http_status`` (0
    where FastAPI is not installed; then ``detail`` says so). ``logs``: the lines that one answered and one refused run
    wrote. ``http``: every answer of the demo server; ``printed``: what the command line and its demo printed;
    ``told``: what the agent says of itself; ``damaged``: what ``health`` says over a damaged row, None without rows.
    """

    status: Status
    latency_ms: tuple[float, ...] = ()
    memory_mb: float = 0.0
    http_status: int = 0
    health: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    blocks: tuple[BlockResult, ...] = ()
    detail: str = ""
    cpu_seconds: float = 0.0
    http: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # "POST /run" -> status, body
    printed: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    damaged: str | None = None


def posted(inputs: Sequence[Mapping[str, Any]], *, toolbox: bool) -> dict[str, int]:
    """What the demo server is asked by POST: name of the request -> place of the input that is its body.

    A flat agent is asked the first input and the last; an agent of several tools the first of each.
    """
    if not toolbox:
        return {"POST /run": 0} | ({f"POST /run #{len(inputs)}": len(inputs) - 1} if len(inputs) > 1 else {})
    found: dict[str, int] = {}
    for place, given in enumerate(inputs):
        if isinstance(given.get("arguments"), Mapping):
            found.setdefault(f"POST /tools/{given.get('tool')}", place)
    return found


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """What to run: inputs for the evaluations, mutants, code blocks, calls for the latency."""

    inputs: tuple[Mapping[str, Any], ...]
    mutants: tuple[MutatedFile, ...] = ()
    blocks: tuple[Block, ...] = ()
    calls: int = 50  # the 95th percentile then has two calls above it


@dataclass(frozen=True, slots=True)
class Trial:
    """Everything that was run. ``tests`` with coverage; ``again`` the same tests under another hash seed, time zone,
    locale, clock and working directory; ``evaluations`` the answers to the inputs under each of several conditions.
    """

    tests: Verdict
    evaluations: tuple[Evaluation, ...] = ()
    again: Verdict | None = None
    mutation: Mutation | None = None
    service: Service | None = None
    cached: bool = False

    @property
    def cpu_seconds(self) -> float:
        """What the children spent, each part counted once; the answers are asked for within service and again."""
        runs = (self.tests, self.again, self.mutation, self.service)
        return sum(run.cpu_seconds for run in runs if run is not None)

    @property
    def infrastructure(self) -> str:
        """The first mishap of ours, "" where there was none."""
        runs = (self.tests, self.again, *self.evaluations, self.mutation, self.service)
        return next((run.detail or "no word of it" for run in runs if run and run.status == "infrastructure"), "")
