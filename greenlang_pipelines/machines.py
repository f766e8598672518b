"""The batch on several machines: `line_machines` takes files in, builds shards wherever there is a worker, and closes.

    run_line (plan) -> build_shard, one for each shard -> close_batch

``run_line`` and ``close_batch`` want the home of the factory, `build_shard` any machine; which is which is a matter of
the executor's configuration (docs/scale-out.md). The first node is named as in `line_batch`, so that whoever starts a
batch configures the same. Everything that a step hands to the next is small and goes through the store.

Belongs here: the ops and the job. Does not belong here: what they do (``greenlang.exchange``), executors.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    DynamicOut,
    DynamicOutput,
    Failure,
    InputContext,
    IOManager,
    JobDefinition,
    OpExecutionContext,
    Out,
    Output,
    OutputContext,
    RetryPolicy,
    io_manager,
    job,
    op,
)

from assets.names import AGENT_ASSETS, SPEC_INBOX
from assets.record import Recorder
from assets.untold import tell_untold
from greenlang.launcher import ENTRANCE
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.settings import Settings
from greenlang.telemetry.trace import TAG, adopt
from greenlang_pipelines.executors import executor
from greenlang_pipelines.jobs import LineBatch, line_batch
from resources.factory import NIGHTLY, FactoryResource

LINE_MACHINES = "line_machines"
STORE_IO = "store_io"
QUEUE, HOME_QUEUE = "dagster-celery/queue", "greenlang-home"  # of the steps that want the home of the factory
_SHOWN = 50


class StoreIO(IOManager):
    """What steps hand over, as JSON in the store: ``steps/<run>/<step>/<output>.json``."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Write the value of an output."""
        _store().write(_step(context), json.dumps(obj).encode())

    def load_input(self, context: InputContext) -> Any:
        """Read the value of the output that this input takes."""
        assert context.upstream_output is not None, "no op of the job takes anything from elsewhere"
        return json.loads(_store().read(_step(context.upstream_output)))


def _store() -> Any:
    from greenlang.exchange.store import Store

    return Store(Settings().store_address)


def _step(context: OutputContext) -> str:
    parts = ("".join(c if c.isalnum() or c in "-_" else "." for c in part) for part in context.get_identifier())
    return f"steps/{'/'.join(parts)}.json"


@io_manager(description="What steps hand over, through the store between machines.")
def store_io() -> StoreIO:
    return StoreIO()


@op(
    out={"plan": Out(dict, io_manager_key=STORE_IO), "shards": DynamicOut(int, io_manager_key=STORE_IO)},
    pool="line",
    tags={QUEUE: HOME_QUEUE},
    description="Take files in, decide what is to be built, write an order for each shard.",
)
def plan_batch(
    context: OpExecutionContext, config: LineBatch, factory: FactoryResource
) -> Iterator[Output[dict[str, Any]] | DynamicOutput[int]]:
    from greenlang.exchange.home import plan

    adopt(context.run.tags.get(TAG))
    if config.entrance == ENTRANCE or config.tenant != DEFAULT_TENANT:
        raise Failure("orders of the API and other tenants' nights are line_batch's", allow_retries=False)
    settings = factory.nightly_settings(night=config.night) if config.entrance == NIGHTLY else factory.settings
    made = plan(
        settings,
        config.batch or context.run_id,
        entrance=config.entrance,
        keys=config.agent_keys,
        files=config.files,
        force=config.force,
    )
    store = _store()
    store.delete([f"steps/{name}" for name in store.names("steps")])  # of earlier batches; the store is ours by now
    context.log.info(f"{made.keys} agents in {made.shards} shards; {made.told} files were refused or replaced")
    yield Output(asdict(made), "plan", metadata={"agents": made.keys, "shards": made.shards, "refused": made.told})
    for number in range(1, made.shards + 1):
        yield DynamicOutput(number, mapping_key=f"s{number:06d}", output_name="shards")


@op(
    out=Out(dict, io_manager_key=STORE_IO),
    retry_policy=RetryPolicy(max_retries=2, delay=5),
    description="Build one shard on this machine, send what came of it, tell Dagster of its agents.",
)
def build_shard(
    context: OpExecutionContext, plan: dict[str, Any], shard: int, factory: FactoryResource
) -> dict[str, Any]:
    from greenlang.exchange.machine import build_shard as build

    adopt(context.run.tags.get(TAG))
    sent = build(factory.settings, plan["batch"], shard)
    agents = [stage.agent for stage in sent.stages if stage.agent is not None]
    # Only of an agent that was not rebuilt it matters whether Dagster knows it: one question, and a long answer.
    known = all(agent.rebuilt for agent in agents)
    green = set() if known else context.instance.get_materialized_partitions(AssetKey(AGENT_ASSETS[-1]))
    recorder = Recorder(context, FactoryResource(var=sent.home))
    with recorder:
        for stage in sent.stages:
            recorder.see(stage, skip=green)
    context.log.info(f"{recorder.line()}; {sent.parcels} of {plan['shards']} shards are built")
    # A row that failed and names a pack is of an agent that stood before.
    fallen = [a.key for a in recorder.failed if a.pack_digest or a.outcome == "infrastructure"]
    outcomes = Counter(agent.outcome for agent in agents)
    return {"outcomes": outcomes, "fallen": fallen, "told": sorted(recorder.told)}


@op(
    out=Out(int, io_manager_key=STORE_IO),
    tags={QUEUE: HOME_QUEUE},
    description="Take in what the machines have sent, merge and publish the tables, say how the batch ended.",
)
def close_batch(
    context: OpExecutionContext, plan: dict[str, Any], shards: list[dict[str, Any]], factory: FactoryResource
) -> int:
    from greenlang.exchange.home import Plan, close
    from greenlang.metrics import agents

    adopt(context.run.tags.get(TAG))
    landed = close(factory.settings, Plan(**{**plan, "journals": tuple(plan["journals"])}))
    context.log.info(f"{landed.parcels} parcels landed, {landed.packs} packs with them")
    with Recorder(context, factory) as recorder:  # of a machine that died between its parcel and its events
        told = {key for shard in shards for key in shard["told"]}
        if untold := tell_untold(context.instance, factory, recorder, told):
            context.log.info(f"{untold} agents stood that Dagster did not know as they are")
    counts: Counter[str] = Counter()
    for shard in shards:
        counts.update(shard["outcomes"])
    counts["refused"] += plan["told"]
    shown = {name: n for name, n in sorted(counts.items()) if n} | {"shards": len(shards)}
    failed = agents.run(factory.settings, plan["batch"])["failed"]
    if counts.total():
        context.log_event(AssetMaterialization(SPEC_INBOX, metadata=shown | {"not registered": failed[:_SHOWN]}))
    fallen = [key for shard in shards for key in shard["fallen"]]
    if fallen:
        names = ", ".join(fallen[:5])
        raise Failure(f"{len(fallen)} agents that stood before, or met a fault of a machine, failed: {names}")
    return counts["registered"]


def line_machines(settings: Settings) -> JobDefinition:
    """The job, with the executor of these settings. Raises SettingsError (see `executors.executor`)."""

    @job(
        name=LINE_MACHINES,
        executor_def=executor(settings),
        tags={"greenlang/line": "batch"},
        description="The factory's batch on several machines: planned at home, built in shards, closed at home.",
    )
    def machines() -> None:
        plan, shards = plan_batch.alias("run_line")()
        close_batch(plan, shards.map(lambda shard: build_shard(plan, shard)).collect())

    return machines


def batch_job(settings: Settings, machines: JobDefinition) -> JobDefinition:
    """The job that sensor and nightly schedule start."""
    return machines if settings.batch_job == LINE_MACHINES else line_batch
