"""The journal of calls as rows of the metrics: costs, tokens and cache hits by agent, stage, provider and model.

Belongs here: moving the journal into Parquet, and its totals for people. Does not belong here: keeping the journal
(``greenlang.llm.accounts``), the columns' meaning (``greenlang.metrics.fields``).
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from greenlang.llm.accounts import Accounts
from greenlang.provenance import bytes_digest

if TYPE_CHECKING:
    from greenlang.settings import Settings

_NANO = Decimal("0.000000001")


def flush(settings: Settings, accounts: Accounts | None = None, *, now: float | None = None) -> int:
    """Move the journal into a Parquet part, calls of killed processes too; return how many calls were moved.

    A kill between writing and clearing writes rows twice, under one ``call_id``: the view tells each once.
    """
    accounts = accounts or Accounts(settings.var / "llm")
    if accounts.file.is_file():
        accounts.overdue(time.time() if now is None else now)
    journal = accounts.journal()
    if not journal:
        return 0
    from greenlang.metrics import MetricsStore  # pyarrow and DuckDB: only where there is something to write

    rows = [_row(number, call) for number, call in journal]
    first, last = journal[0][0], journal[-1][0]
    part = f"calls-{first:012d}-{last:012d}-{rows[-1]['call_id'][-8:]}"
    MetricsStore(settings).write_calls(rows, part)
    accounts.written(last)
    return len(rows)


def _row(number: int, call: dict[str, Any]) -> dict[str, Any]:
    moment = datetime.fromisoformat(call["at"]).astimezone(UTC).replace(tzinfo=None)
    accepted = call["accepted"]
    return {
        "call_id": f"{number}-{bytes_digest(json.dumps(call, sort_keys=True).encode())[:16]}",
        "created_at": moment,
        "key": call["key"],
        "stage": call["stage"],
        "prompt": call["prompt"],
        "request_digest": call["request"],
        "sample": call["sample"],
        "reask": call["reask"],
        "provider": call["provider"],
        "model": call["model"],
        "call": call["result"],
        "prompt_tokens": call["prompt_tokens"],
        "completion_tokens": call["completion_tokens"],
        "total_tokens": call["prompt_tokens"] + call["completion_tokens"],
        "cost_usd": Decimal(call["cost_usd"]).quantize(_NANO),
        "estimated": call.get("estimated", False),
        "latency_ms": call["latency_ms"],
        "temperature": accepted.get("temperature"),
        "seed": accepted.get("seed"),
    }
