"""One line of JSON for each run, for whoever operates an agent. Values of inputs and outputs are never logged."""

from __future__ import annotations

import logging
from typing import Any

from greenlang_sdk.canonical import canonical
from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext


def log_runs(agent: AgentSpecV2Base[Any, Any], logger: logging.Logger | None = None) -> None:
    """Log every run of an agent: INFO for an answer, WARNING for a refusal. A bug is its caller's to log."""
    target = logger or logging.getLogger("greenlang_sdk")

    def log(context: ExecutionContext) -> None:
        result = context.result
        assert result is not None
        line = {
            **result.metadata,
            "success": result.success,
            "errors": [{"code": error.code, "field": error.field} for error in result.errors],
            "steps": len(context.steps),
            "milliseconds": round(context.seconds * 1000),
            "provenance": result.provenance,
        }
        target.log(logging.INFO if result.success else logging.WARNING, "%s", canonical(line).decode("utf-8"))

    agent.add_lifecycle_hook("post_finalize", log)
    agent.add_lifecycle_hook("failed", log)
