"""Telemetry that is switched on for one test.

Belongs here: fixtures of this room. Does not belong here: helpers (`reading`, `receiver`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from greenlang.telemetry import export, logs
from tests.telemetry.receiver import Collector, collector


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the environment names, JSON logs, and nothing of both afterwards."""
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.address)
        monkeypatch.setenv("GREENLANG_LOG_FORMAT", "json")
        try:
            yield found
        finally:
            export.finish()
            logs.switched_off()
