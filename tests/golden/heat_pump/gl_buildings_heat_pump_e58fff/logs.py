"""Structured logs: one JSON object a line for each run, for whoever operates the agent.

Values of inputs and outputs are never logged, and nothing of a log enters a result.
"""

import json
import logging
import sys
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext
from greenlang_sdk.results import AgentResult

LOGGER = logging.getLogger(__name__)
RUN_ID: ContextVar[str] = ContextVar("run_id", default="")  # set it to follow one request


class JsonLines(logging.Formatter):
    """A log record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message, and what is known of the run."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "run", {}),
        }
        return json.dumps(line, ensure_ascii=False)


def log_runs(agent: AgentSpecV2Base[Any, Any], stream: TextIO | None = None) -> None:
    """Log every run of an agent: an answer as info, a refusal as a warning."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False

    def log(context: ExecutionContext) -> None:
        result = context.result or AgentResult[Any](success=False)
        run = {
            **result.metadata,
            "run_id": RUN_ID.get() or uuid.uuid4().hex,
            "errors": [{"code": error.code, "field": error.field} for error in result.errors],
            "provenance": result.provenance,
            "seconds": round(context.seconds, 6),
        }
        level = logging.INFO if result.success else logging.WARNING
        LOGGER.log(level, "answered" if result.success else "refused", extra={"run": run})

    agent.add_lifecycle_hook("post_finalize", log)
    agent.add_lifecycle_hook("failed", log)
