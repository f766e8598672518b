"""Jobs: the batch for exact keys and files, and the selections that schedules start.

Belongs here: jobs and the one op. Does not belong here: when they run (``schedules``, ``sensors``), and
what the line does (``greenlang.factory.line``).
"""

import json

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    Config,
    Failure,
    OpExecutionContext,
    define_asset_job,
    in_process_executor,
    job,
    op,
)
from pydantic import Field

from assets.names import (
    AGENT_ASSETS,
    BACK_ENDS_AGREE,
    DASHBOARD,
    FACTORY_METRICS,
    FORMULAS,
    MIRROR_TABLES,
    MORNING_REPORT,
    REFERENCE_ASSETS,
)
from assets.record import Recorder
from assets.untold import tell_untold
from greenlang.launcher import ENTRANCE, EVENT, Event, Order
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.telemetry.trace import TAG, adopt
from greenlang_pipelines.nights import run_of_tenant
from resources.factory import NIGHTLY, FactoryResource

LINE_BATCH = "line_batch"


class LineBatch(Config):
    """What a batch works on. Nothing given: the whole inbox, and every accepted spec without an outcome."""

    # Not `keys`: dict(config), which Dagster calls, would take it for the mapping method.
    agent_keys: list[str] | None = Field(None, description="partition keys to build again if what they consume changed")
    files: list[str] | None = Field(None, description="names in the inbox to take in first")
    force: bool = Field(False, description="build the keys even if nothing changed")
    entrance: str = Field("batch", description="who asked: sensor, nightly, ui, api, ...")
    tenant: str = Field("default", description="whose agents; only those of `default` are Dagster's partitions")
    night: str = Field("", description="the night whose budget pays for models; empty by day")
    workers: int = Field(0, description="processes; 0: as many as the settings say")
    batch: str = Field("", description="what the run is called in the metrics; nothing: a name of its own")
    rounds: int | None = Field(None, description="questions to a model for one repair; none: as the settings say")


@op(pool="line", description="Take files in, build what is new or changed, register it, record it.")
def run_line(context: OpExecutionContext, config: LineBatch, factory: FactoryResource) -> int:
    adopt(context.run.tags.get(TAG))
    if config.entrance == ENTRANCE:
        return _run_order(context, config, factory)
    if config.entrance == NIGHTLY and config.tenant != DEFAULT_TENANT:
        return run_of_tenant(context, factory, tenant=config.tenant, keys=config.agent_keys, night=config.night)
    recorder = Recorder(context, factory)
    # A key that was green and fails now must not be passed over in silence.
    green = context.instance.get_materialized_partitions(AssetKey(AGENT_ASSETS[-1]))
    outcomes = factory.run_batch(
        keys=config.agent_keys,
        files=config.files,
        force=config.force,
        entrance=config.entrance,
        night=config.night,
        on_progress=recorder.progress,
    )
    with recorder:
        for stage in outcomes:
            recorder.see(stage, skip=green)
        if config.agent_keys is None and config.files is None:
            tell_untold(context.instance, factory, recorder)
    recorder.close()
    context.add_output_metadata(recorder.metadata())
    fallen = [a for a in recorder.failed if a.key in green or a.outcome == "infrastructure"]
    if fallen:
        names = ", ".join(a.key for a in fallen[:5])
        raise Failure(
            f"{len(fallen)} agents that stood before, or met a fault of this machine, failed: {names}",
            metadata=recorder.metadata(),
            allow_retries=False,
        )
    return recorder.registered


def _run_order(context: OpExecutionContext, config: LineBatch, factory: FactoryResource) -> int:
    """A run that the API asked for: each event is a line of the log, where the API reads it.

    Agents of other tenants are no partitions. What is not registered is the caller's business, no failed run.
    """
    keys = tuple(config.agent_keys or ())
    order = Order(config.tenant, keys, config.workers, config.rounds, config.force, config.batch)
    recorder = Recorder(context, factory)
    registered = 0

    def told(event: Event) -> None:
        recorder.heed()
        context.log.info(f"{EVENT}{json.dumps(event)}")

    with recorder:
        for stage in factory.run_order(order, told):
            registered += stage.agent is not None and stage.agent.outcome == "registered"
            if order.tenant == DEFAULT_TENANT:
                recorder.see(stage)
    if order.tenant == DEFAULT_TENANT:
        recorder.close()
    return registered


@job(
    name=LINE_BATCH,
    executor_def=in_process_executor,
    tags={"greenlang/line": "batch"},
    description="The factory's batch: exact files of the inbox, exact keys; started by sensor and schedule.",
)
def line_batch() -> None:
    run_line()


_agreement = AssetSelection.checks(AssetCheckKey(AssetKey(FORMULAS), BACK_ENDS_AGREE))

reference_tables = define_asset_job(
    "reference_tables",
    selection=AssetSelection.assets(*REFERENCE_ASSETS) - _agreement,
    executor_def=in_process_executor,
    description="Build the factor tables and check the formula library.",
)

daily_agreement = define_asset_job(
    "daily_agreement",
    selection=_agreement,
    executor_def=in_process_executor,
    description="Hold the two back-ends of the formula language against each other, on other inputs each day.",
)

daily_metrics = define_asset_job(
    "daily_metrics",
    selection=AssetSelection.assets(FACTORY_METRICS, MIRROR_TABLES),
    executor_def=in_process_executor,
    description="Build the DuckDB catalogue anew and count; bring its mirror in PostgreSQL up to date.",
)

morning = define_asset_job(
    "morning",
    selection=AssetSelection.assets(FACTORY_METRICS, MORNING_REPORT, DASHBOARD),
    executor_def=in_process_executor,
    description="The catalogue, the report of the last night, and the dashboard.",
)
