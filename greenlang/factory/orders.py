"""Carrying an order out: the line under the settings of its tenant, telling every event as it happens.

Belongs here: what every launcher's own process does. Does not belong here: queues, Dagster, the line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

from greenlang.factors.storage import replace_file
from greenlang.factors.table import FILE_NAME
from greenlang.factory.outcome import StageOutcome
from greenlang.launcher import ENTRANCE, Event, Order, of_outcome, of_stage
from greenlang.settings import Settings


def carry_out(settings: Settings, order: Order, tell: Callable[[Event], None]) -> Iterator[StageOutcome]:
    """Build what the order names; yields as the line does, after ``tell`` has heard of it.

    Raises what `greenlang.factory.line.run_batch` raises, and SettingsError for what is no tenant.
    """
    from greenlang.factory.line import run_batch

    own = tenant_settings(settings, order.tenant)
    if order.rounds is not None:
        own = own.model_copy(update={"llm_rounds": order.rounds})
    for stage in run_batch(
        own,
        keys=order.keys,
        force=order.force,
        run_id=order.batch,
        trace=order.trace,
        entrance=ENTRANCE,
        workers=min(order.workers or own.workers, own.workers),
        on_stage=lambda key, name: tell(of_stage(key, name)),
    ):
        event = of_outcome(stage)
        if event is not None:
            tell(event)
        yield stage


def tenant_settings(settings: Settings, tenant: str) -> Settings:
    """A tenant's settings, over the factors and formulas that are in force for all."""
    own = settings.of_tenant(tenant)
    for name in (FILE_NAME, "formulas.parquet") if own is not settings else ():
        source, target = settings.tables / name, own.tables / name
        if source.is_file() and not (target.is_file() and target.samefile(source)):
            replace_file(target, partial(os.link, source))
    return own
