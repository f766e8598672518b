"""What stands and Dagster does not know: agents that a killed run, or a run without Dagster, has built.

``var/state/told.json`` says up to which row everything was told, so that only younger rows are held against events.

Belongs here: finding them by their last events, telling of them. Does not belong here: what an event shows (`record`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster import AssetKey, AssetRecordsFilter, DagsterEventType, DagsterInstance

from assets.names import AGENT_ASSETS
from assets.record import Recorder
from greenlang.replacing import replacing
from resources.factory import FactoryResource

_LAST = AssetKey(AGENT_ASSETS[-1])
_AT_ONCE = 500  # agents


def tell_untold(
    instance: DagsterInstance, factory: FactoryResource, recorder: Recorder, told: Collection[str] = ()
) -> int:
    """Tell of the agents that stand and have no event, or whose last event shows another build; how many there were.

    ``told``: those of which somebody told in this run, beside the recorder.
    """
    rows = factory.registered()
    state = factory.settings.var / "state" / "told.json"
    since = datetime.fromisoformat(json.loads(state.read_text())["until"]) if state.is_file() else None
    known = recorder.told.union(told)
    green = instance.get_materialized_partitions(_LAST)
    younger = [k for k in sorted(rows.keys() & green - known) if since is None or rows[k]["written_at"] > since]
    found = sorted((rows.keys() - green - known).union(_of_another_build(instance, rows, younger)))
    for some in _parts(found):
        for stage in factory.standing([rows[key] for key in some]):
            recorder.see(stage)
    recorder.store()
    if rows:
        _remember(state, max(row["written_at"] for row in rows.values()))
    return len(found)


def _of_another_build(
    instance: DagsterInstance, rows: Mapping[str, Mapping[str, Any]], keys: list[str]
) -> Iterator[str]:
    """Those of the keys whose last event names another certificate than their row."""
    for some in _parts(keys):
        last = instance.get_latest_storage_id_by_partition(
            _LAST, DagsterEventType.ASSET_MATERIALIZATION, partitions=set(some)
        )
        wanted = AssetRecordsFilter(_LAST, storage_ids=list(last.values()))
        for record in instance.fetch_materializations(wanted, limit=len(last)).records:
            event, key = record.asset_materialization, record.partition_key
            shown = event.metadata.get("certificate digest") if event is not None else None
            if key is not None and (shown is None or shown.value != rows[key]["certificate_digest"]):
                yield key


def _parts(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]


def _remember(state: Path, until: datetime) -> None:
    with replacing(state) as temporary:
        temporary.write_text(json.dumps({"until": until.isoformat()}))
