"""Spans to a collector, by OTLP over HTTP: OpenTelemetry's exporter and its own variables (`OTEL_EXPORTER_OTLP_*`).

Belongs here: the one place that imports OpenTelemetry, when traces are on. Does not belong here: making spans.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from greenlang import __version__
from greenlang.errors import SettingsError
from greenlang.settings import Settings
from greenlang.telemetry import trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

SERVICE = "agent-factory"
_WAIT_MS = 5_000
_processor: BatchSpanProcessor | None = None
_owner = 0  # the process that the processor's thread lives in: a fork has none


def wanted(settings: Settings) -> bool:
    """Whether spans are to be exported."""
    addresses = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return settings.traces == "on" or (settings.traces == "auto" and any(os.environ.get(name) for name in addresses))


def begin(settings: Settings) -> None:
    """Export spans from now on, if they are wanted and nobody does in this process.

    Raises SettingsError where OpenTelemetry's packages are missing.
    """
    global _processor, _owner
    if not wanted(settings) or (_processor is not None and _owner == os.getpid()):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            "traces are on (GREENLANG_TRACES, OTEL_EXPORTER_OTLP_ENDPOINT), and OpenTelemetry is not installed: "
            "pip install 'greenlang[telemetry]', or set GREENLANG_TRACES=off"
        ) from error
    resource = Resource.create(
        {SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", SERVICE), SERVICE_VERSION: __version__}
    )
    _processor, _owner = BatchSpanProcessor(OTLPSpanExporter()), os.getpid()
    trace.export_to(_sink(_processor, resource))
    atexit.register(finish)


def flush() -> None:
    """Send what has ended, waiting for five seconds at most: before a process may be gone."""
    if _processor is not None and _owner == os.getpid():
        _processor.force_flush(_WAIT_MS)


def finish() -> None:
    """Send what has ended, and export nothing more."""
    global _processor
    processor, _processor = _processor, None
    trace.export_to(None)
    if processor is not None and _owner == os.getpid():
        processor.shutdown()  # type: ignore[no-untyped-call]


def _sink(processor: BatchSpanProcessor, resource: Any) -> Callable[[trace.Span], None]:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    scope = InstrumentationScope("greenlang", __version__)
    flags = TraceFlags(TraceFlags.SAMPLED)

    def context(trace_id: str, span_id: str) -> SpanContext:
        return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)

    def sink(span: trace.Span) -> None:
        processor.on_end(
            ReadableSpan(
                name=span.name,
                context=context(span.trace_id, span.span_id),
                parent=context(span.trace_id, span.parent) if span.parent else None,
                resource=resource,
                attributes=span.attributes,
                kind=SpanKind[span.kind.upper()],
                status=Status(StatusCode.ERROR, span.failed) if span.failed else Status(StatusCode.UNSET),
                start_time=span.start,
                end_time=span.end,
                instrumentation_scope=scope,
            )
        )

    return sink
