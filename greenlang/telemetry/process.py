"""Telemetry of a process: switched on as the settings say, handed on to its workers.

Belongs here: what every entrance calls once. Does not belong here: what is told. Importing it costs next to nothing:
all else is imported where something is switched on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlang.settings import Settings

_ASKED = (
    *("GREENLANG_LOG_FORMAT", "GREENLANG_TRACES"),
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
)
_PARENT = "TRACEPARENT"  # by which OpenTelemetry's own tools hand a trace to a process


def asked() -> bool:
    """Whether the environment asks for JSON logs or traces at all."""
    return any(os.environ.get(name) for name in _ASKED)


def start(settings: Settings) -> None:
    """Log and export as the settings say; what is on stays on. Raises SettingsError where a package is missing."""
    if settings.log_format == "json":
        from greenlang.telemetry import logs

        logs.configure(settings)
    if settings.traces != "off":
        from greenlang.telemetry import export

        export.begin(settings)


def environment() -> dict[str, str]:
    """The environment for a worker process: this one's, with the span that is current."""
    from greenlang.telemetry.trace import TRACEPARENT, carried

    own = {name: value for name, value in os.environ.items() if name != _PARENT}
    span = carried()
    return {**own, _PARENT: span[TRACEPARENT]} if span else own


def start_worker(settings: Settings) -> None:
    """The same in a worker: its lines belong to its parent's span. Spans are its parent's business."""
    if settings.log_format == "json":
        from greenlang.telemetry import logs, trace

        logs.configure(settings)
        trace.adopt(os.environ.get(_PARENT))


def works_on(key: str) -> None:
    """Lines from now on are about this partition key; about no agent where it is empty."""
    from greenlang.telemetry.trace import current

    span = current()
    if span is not None:
        span.fields.pop("agent_id", None)
        if key:
            span.fields["agent_id"] = key.rpartition("@")[0] or key
