"""The lifecycle of every agent, document 001 section 2.1, with its hooks, citations and metrics.

    initialize -> validate_input -> execute -> validate_output -> finalize

`run()` returns a refusal (a value that does not fit, a row that no reference covers, a division by zero) as a failed
`AgentResult`. Anything else is a bug and propagates.

Belongs here: what every agent does. Does not belong here: the patterns (`agent`, `stateless`, `stateful`, ...).
"""

from __future__ import annotations

import re
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args

from pydantic import ValidationError

from greenlang_sdk.canonical import canonical, digest
from greenlang_sdk.decimals import calculation
from greenlang_sdk.errors import AgentError, CanonicalError, InvalidInput, Refusal, Several
from greenlang_sdk.factors import PinnedFactor, recording
from greenlang_sdk.models import AgentInput, AgentOutput, plain
from greenlang_sdk.results import AgentResult, Citation, Step

InT = TypeVar("InT", bound=AgentInput)
OutT = TypeVar("OutT", bound=AgentOutput)
T = TypeVar("T")

Event = Literal[
    "pre_initialize",
    "post_initialize",
    "pre_validate",
    "post_validate",
    "pre_execute",
    "post_execute",
    "pre_validate_output",
    "post_validate_output",
    "pre_finalize",
    "post_finalize",
    "failed",
]
EVENTS: tuple[Event, ...] = get_args(Event)
_PREFIX = re.compile(r"^(Value error|Assertion failed), ")
LOCK = threading.RLock()  # one for all agents: it is held for a moment only


class _Preparing:
    """An agent's own lock, held while it prepares, however long that takes. A copy of the agent gets a new one."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __reduce__(self) -> tuple[type[_Preparing], tuple[()]]:
        return _Preparing, ()


@dataclass(slots=True)
class Link:
    """A step that is being done; ``result`` is set before the block ends."""

    result: object = None


@dataclass(slots=True)
class ExecutionContext:
    """What one run gathers: the steps of the calculation, the rows that they used, and what else it cites."""

    agent_id: str
    version: str
    steps: list[Step] = field(default_factory=list)
    factors: dict[str, PinnedFactor] = field(default_factory=dict)
    given: dict[str, object] = field(default_factory=dict)
    cited: dict[tuple[str, str], Citation] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)  # stands in the canonical result
    partial: Any = None  # the output as far as it got, given beside the error if the run is refused
    result: AgentResult[Any] | None = None  # for the hooks post_finalize and failed
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.metadata = {"agent": self.agent_id, "version": self.version} | self.metadata

    @property
    def seconds(self) -> float:
        """How long the run has taken, by a monotonic clock."""
        return time.perf_counter() - self.started

    @contextmanager
    def link(self, name: str, arguments: Mapping[str, object]) -> Iterator[Link]:
        """Do a step inside the block, under the declared Decimal context, and record it in the chain.

        A mistake inside the block is told with the step's name; the step is then not recorded.
        """
        link = Link()
        try:
            with recording() as rows, calculation():
                yield link
        except Refusal as refusal:
            refusal.field = refusal.field or name
            raise
        self._record(name, dict(arguments), rows, link.result)

    def step(self, tool: Callable[..., T], /, **arguments: object) -> T:
        """Call a tool and record it in the chain: arguments, result, and the pinned rows it read."""
        try:  # as `link` does, in fewer turns: most of what an agent does are steps
            with recording() as rows, calculation():
                result = tool(**arguments)
        except Refusal as refusal:
            refusal.field = refusal.field or tool.__name__
            raise
        self._record(tool.__name__, arguments, rows, result)
        return result

    def _record(self, name: str, arguments: dict[str, object], rows: dict[str, PinnedFactor], result: object) -> None:
        self.factors.update(rows)
        used = tuple([(row.key, row.digest) for row in rows.values()])
        self.steps.append(Step(name, arguments, used, result))

    def cite(self, ref: str, text: str, digest: str = "") -> None:
        """Name a source beside the pinned rows, which are cited by themselves."""
        self.cited[ref, text] = Citation(ref, text, digest)

    def citations(self) -> tuple[Citation, ...]:
        """Everything that was used, by reference."""
        rows = {(row.ref, row.citation): Citation(row.ref, row.citation, row.digest) for row in self.factors.values()}
        return tuple(citation for _, citation in sorted((rows | self.cited).items()))

    def provenance(self) -> str:
        """SHA-256 over agent, version, inputs and the steps so far, in RFC 8785 form."""
        return digest(
            {
                "agent": self.agent_id,
                "version": self.version,
                "inputs": self.given,
                "steps": [step.as_dict() for step in self.steps],
            }
        )


@dataclass(slots=True)
class AgentMetrics:
    """How often and how long an agent ran in this process. Never a part of a result or of its provenance."""

    runs: int = 0
    succeeded: int = 0
    refused: int = 0
    broken: int = 0  # a bug propagated
    cached: int = 0  # succeeded without executing
    steps: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    refusals: Counter[str] = field(default_factory=Counter)  # runs by the code of their first error

    def count(self, result: AgentResult[Any] | None, context: ExecutionContext) -> None:
        """Add one run; None is a run that a bug ended."""
        seconds = context.seconds
        with LOCK:
            self.runs += 1
            self.steps += len(context.steps)
            self.seconds += seconds
            self.slowest = max(self.slowest, seconds)
            if result is None:
                self.broken += 1
            elif result.error is None:
                self.succeeded += 1
            else:
                self.refused += 1
                self.refusals[result.error.code] += 1

    def as_dict(self) -> dict[str, object]:
        """Plain values at this moment."""
        with LOCK:
            return {
                "runs": self.runs,
                "succeeded": self.succeeded,
                "refused": self.refused,
                "broken": self.broken,
                "cached": self.cached,
                "steps": self.steps,
                "seconds": self.seconds,
                "slowest": self.slowest,
                "refusals": dict(sorted(self.refusals.items())),
            }


Hook = Callable[[ExecutionContext], object]


class AgentSpecV2Base(ABC, Generic[InT, OutT]):
    """Base of all agents: the lifecycle, and hooks around each of its stages.

    A subclass declares ``agent_id``, ``version``, ``input_model`` and ``output_model``, and writes `execute`. Agents
    may be run from several threads at once.
    """

    agent_id: str
    version: str
    input_model: type[InT]
    output_model: type[OutT]
    declared: ClassVar[tuple[str, ...]] = ("agent_id", "version", "input_model", "output_model")

    def __init__(self) -> None:
        missing = [name for name in self.declared if not hasattr(self, name)]
        if missing:
            raise TypeError(f"{type(self).__name__} does not declare {', '.join(missing)}")
        self._hooks: dict[Event, list[Hook]] = {event: [] for event in EVENTS}
        self._preparing = _Preparing()
        self._initialized = False
        self.metrics = AgentMetrics()

    def run(self, payload: InT | Mapping[str, object], context: ExecutionContext | None = None) -> AgentResult[OutT]:
        """The whole lifecycle. A refusal is a failed result; a bug propagates.

        ``context`` is given by an agent that runs this one as a part of itself.
        """
        context = context or ExecutionContext(self.agent_id, self.version)
        result: AgentResult[OutT] | None = None
        try:
            result = self._lifecycle(payload, context)
            return result
        finally:
            self.metrics.count(result, context)

    def _lifecycle(self, payload: InT | Mapping[str, object], context: ExecutionContext) -> AgentResult[OutT]:
        try:
            with calculation():
                self.initialize(context)
                return self.perform(self.validate_input(payload, context), context)
        except Refusal as refusal:
            return self._failed(refusal, context)

    def perform(self, given: InT, context: ExecutionContext) -> AgentResult[OutT]:
        """The stages after `validate_input`."""
        self._fire("pre_execute", context)
        output = self.execute(given, context)
        self._fire("post_execute", context)
        return self.finalize(self.validate_output(output, context), context)

    def initialize(self, context: ExecutionContext | None = None) -> None:
        """Prepare once; later calls do nothing."""
        with self._preparing.lock:
            if self._initialized:
                return
            context = context or ExecutionContext(self.agent_id, self.version)
            self._fire("pre_initialize", context)
            self.prepare()
            self._initialized = True
            self._fire("post_initialize", context)

    def prepare(self) -> None:
        """What an agent does once before its first run; overridden where there is something to do."""

    def validate_input(self, payload: InT | Mapping[str, object], context: ExecutionContext) -> InT:
        """The typed input. Raises Several or InvalidInput for values that do not fit."""
        self._fire("pre_validate", context)
        try:
            given = self.input_model.model_validate(payload)
        except ValidationError as error:
            raise Several(mistakes(error)) from error
        context.given = _values(given)
        try:
            canonical(context.given)
        except CanonicalError as error:
            raise InvalidInput(str(error)) from error
        self._fire("post_validate", context)
        return given

    @abstractmethod
    def execute(self, given: InT, context: ExecutionContext) -> OutT:
        """The agent's work."""

    def validate_output(self, output: OutT, context: ExecutionContext) -> OutT:
        """The output, checked against its own model once more: a misfit is a bug and propagates."""
        self._fire("pre_validate_output", context)
        checked = self.output_model.model_validate(output)
        self._fire("post_validate_output", context)
        return checked

    def finalize(self, output: OutT, context: ExecutionContext) -> AgentResult[OutT]:
        """The result with its citations and provenance."""
        self._fire("pre_finalize", context)
        context.result = result = AgentResult(
            success=True,
            data=output,
            citations=context.citations(),
            provenance=context.provenance(),
            chain=tuple(context.steps),
            metadata=dict(context.metadata),
            seconds=context.seconds,
        )
        self._fire("post_finalize", context)
        return result

    def health(self) -> dict[str, object]:
        """Whether the agent can work. Raises PackDamaged if one of its files was changed."""
        return {"status": "ok", "agent": self.agent_id, "version": self.version}

    def idempotency_key(self, given: InT) -> str:
        """SHA-256 over agent, version and input: runs with the same key have the same answer."""
        values = _values(given)
        content = {"agent": self.agent_id, "version": self.version, "inputs": values, "types": _types(values)}
        return digest(content)

    def add_lifecycle_hook(self, event: Event, callback: Hook) -> None:
        """Call ``callback`` with the run's context at an event. Raises ValueError for an event that does not exist.

        A hook that raises a Refusal refuses the run; whatever else it raises propagates.
        """
        if event not in self._hooks:
            raise ValueError(f"{event!r} is no lifecycle event; there are: {', '.join(EVENTS)}")
        self._hooks[event].append(callback)

    def _fire(self, event: Event, context: ExecutionContext) -> None:
        if hooks := self._hooks[event]:
            for callback in tuple(hooks):
                callback(context)

    def _failed(self, refusal: Refusal, context: ExecutionContext) -> AgentResult[OutT]:
        context.result = self._refused(refusal.as_errors(), context)
        try:
            self._fire("failed", context)
        except Refusal as further:
            context.result = self._refused((*refusal.as_errors(), *further.as_errors()), context)
        return context.result

    def _refused(self, errors: tuple[AgentError, ...], context: ExecutionContext) -> AgentResult[OutT]:
        return AgentResult(
            success=False,
            data=context.partial,
            errors=errors,
            metadata=dict(context.metadata),
            seconds=context.seconds,
        )


def mistakes(error: ValidationError) -> tuple[AgentError, ...]:
    """What pydantic found, as values."""
    return tuple(
        AgentError("invalid_input", ".".join(map(str, found["loc"])), _PREFIX.sub("", found["msg"]))
        for found in error.errors(include_url=False, include_context=False)
    )


def _values(given: AgentInput) -> dict[str, object]:
    """The fields as plain values, by the names of the spec."""
    return {name: plain(value) for name, value in given.as_dict().items()}


def _types(value: object) -> object:
    """The types inside a value: canonical JSON writes the number 1 and the text "1" alike."""
    if isinstance(value, Mapping):
        return {name: _types(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_types(part) for part in value]
    return type(value).__name__
