"""What waits in Dagster: runs of the line that have not begun, asked by its GraphQL over HTTP.

Belongs here: the questions. Does not belong here: Dagster's packages, launching (`greenlang.api.dagster_launcher`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx

BATCH = {"key": "greenlang/line", "value": "batch"}  # the tag of both jobs, line_batch and line_machines
MACHINES = "line_machines"
_QUEUED = """query($of: RunsFilter!, $most: Int) { runsOrError(filter: $of, limit: $most) { __typename
  ... on Runs { results { tags { key value } } } } }"""
_MOST = 1000
_SECONDS = 3.0


def queued(url: str, tenant: str) -> dict[str, int]:
    """Specs of a tenant in runs that wait, by ``dagster/priority``, 0 where a run has none; the newest 1000 runs.

    A run of unknown size (everything that is stale) counts as one. Raises OSError where Dagster does not answer.
    """
    found: Counter[str] = Counter({"0": 0})
    for run in _runs(url, {"tags": [BATCH], "statuses": ["QUEUED", "NOT_STARTED", "STARTING"]}):
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        if tags.get("greenlang/tenant", "default") == tenant:
            size = tags.get("greenlang/keys") or tags.get("greenlang/files") or "1"
            found[tags.get("dagster/priority", "0")] += int(size)
    return dict(found)


def on_machines(url: str) -> bool:
    """Whether a batch on several machines is under way. Raises OSError where Dagster does not answer."""
    return bool(_runs(url, {"pipelineName": MACHINES, "statuses": ["STARTED"]}))


def _runs(url: str, of: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        answer = httpx.post(
            f"{url.rstrip('/')}/graphql",
            json={"query": _QUEUED, "variables": {"of": of, "most": _MOST}},
            timeout=_SECONDS,
        )
        answer.raise_for_status()
        return list(answer.json()["data"]["runsOrError"]["results"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise OSError(f"Dagster at {url} does not tell what it has queued: {error}") from error
