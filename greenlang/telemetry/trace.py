"""Spans: what was done as part of what, with W3C trace context, whether or not somebody exports them.

    with span("run"):          # a child of the span that is current, or a trace of its own
        header = carried()     # {"traceparent": "00-<trace>-<span>-01"}: hand it on

Belongs here: ids, the current span, what is handed on. Does not belong here: export (`greenlang.telemetry.export`), log
lines (`greenlang.telemetry.logs`), what the line tells (`greenlang.telemetry.runs`).

Log lines have trace ids without any package of OpenTelemetry, which only the export needs: so the ids are made here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

TRACEPARENT = "traceparent"  # header, member of an order; in capitals, a variable of a worker's environment
TAG = "greenlang/traceparent"  # tag of a Dagster run
_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
Value = str | int | float | bool


@dataclass(slots=True)
class Span:
    """One thing that is done. Times are nanoseconds since 1970. ``parent``: id of the span that it is a part of.

    ``remote``: somebody else's, of which only the ids are known. ``sampled``: whether whoever began the trace wants it
    exported. ``fields`` belong on log lines within, ``attributes`` on the exported span.
    """

    name: str
    trace_id: str
    span_id: str
    parent: str = ""
    kind: Literal["internal", "server", "producer", "consumer"] = "internal"
    sampled: bool = True
    remote: bool = False
    start: int = 0
    end: int = 0
    failed: str = ""
    attributes: dict[str, Value] = field(default_factory=dict)
    fields: dict[str, Value] = field(default_factory=dict)

    @property
    def traceparent(self) -> str:
        """As W3C's header has it."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[Span | None] = ContextVar("greenlang_span", default=None)
_export: Callable[[Span], None] | None = None


def export_to(sink: Callable[[Span], None] | None) -> None:
    """Have every span that ends given to ``sink`` from now on; None: to nobody."""
    global _export  # noqa: PLW0603 - one exporter for the process
    _export = sink


def exported() -> bool:
    """Whether anybody takes spans."""
    return _export is not None


def current() -> Span | None:
    """The span that is being worked on here."""
    return _current.get()


def begun(
    name: str,
    *,
    parent: Span | None = None,
    kind: Literal["internal", "server", "producer", "consumer"] = "internal",
    start: int = 0,
    fields: Mapping[str, Value] | None = None,
    attributes: Mapping[str, Value] | None = None,
) -> Span:
    """A span of ``parent``, or of the current one; whoever begins it ends it by `ended`.

    ``fields`` go onto log lines within it; it has those of its parent too.
    """
    above = parent or _current.get()
    return Span(
        name,
        above.trace_id if above else os.urandom(16).hex(),
        os.urandom(8).hex(),
        parent=above.span_id if above else "",
        kind=kind,
        sampled=above.sampled if above else True,
        start=start or time.time_ns(),
        attributes=dict(attributes or {}),
        fields={**(above.fields if above else {}), **(fields or {})},
    )


def ended(span: Span, *, end: int = 0, failed: str = "") -> None:
    """End a span and have it exported, if anybody exports and its trace is wanted."""
    span.end = end or time.time_ns()
    span.failed = failed or span.failed
    if _export is not None and span.sampled and not span.remote:
        _export(span)


@contextmanager
def within(span: Span | None) -> Iterator[None]:
    """Make a span the current one, without ending it."""
    token = _current.set(span)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def span(
    name: str,
    *,
    kind: Literal["internal", "server", "producer", "consumer"] = "internal",
    fields: Mapping[str, Value] | None = None,
    attributes: Mapping[str, Value] | None = None,
) -> Iterator[Span]:
    """A span over a block. It fails with what the block raises."""
    made = begun(name, kind=kind, fields=fields, attributes=attributes)
    try:
        with within(made):
            yield made
    except BaseException as error:
        made.failed = type(error).__name__
        raise
    finally:
        ended(made)


def taken(traceparent: str | None) -> Span | None:
    """The span of somebody else that a header names; None where it names none, or is no such header."""
    found = _FORM.fullmatch(traceparent or "")
    if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN:
        return None
    return Span("", found[1], found[2], sampled=bool(int(found[3], 16) & 1), remote=True)


def carried() -> dict[str, str]:
    """What to hand on so that others' spans become parts of the current one: a header, or nothing."""
    span = _current.get()
    return {TRACEPARENT: span.traceparent} if span is not None else {}


def tags() -> dict[str, str]:
    """The same as tags of a Dagster run."""
    span = _current.get()
    return {TAG: span.traceparent} if span is not None else {}


def adopt(traceparent: str | None, **fields: Value) -> None:
    """Make somebody else's span the current one for the rest of this thread, as in a worker process; None: no span."""
    span = taken(traceparent)
    if span is not None:
        span.fields.update(fields)
    _current.set(span)
