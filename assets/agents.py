"""The agents' assets: the inbox, and the one multi-asset that owns the seven assets of every agent.

Belongs here: the declarations and thin bodies. Batches run in the op job ``line_batch``; this serves runs
from the UI.
"""

from collections.abc import Iterator

from dagster import (
    AssetExecutionContext,
    AssetSpec,
    BackfillPolicy,
    Config,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)
from pydantic import Field

from assets import names
from assets.record import Recorder
from greenlang_pipelines.partitions import AGENTS, agents
from resources.factory import FactoryResource

_TAGS = {"domain": "agents"}
_SPECS = {
    "agent_spec": (
        "The spec, read and resolved: a calculation plan for every output, with its evidence.",
        [names.SPEC_INBOX, names.FACTOR_RELEASE],
        {"yaml"},
    ),
    "agent_code": (
        "The generated Python package: typed input and output, one function per tool, pinned factors.",
        ["agent_spec"],
        {"python", "jinja"},
    ),
    "agent_tests": (
        "The generated tests and their run in the sandbox, with branch coverage.",
        ["agent_code"],
        {"pytest"},
    ),
    "agent_docs": (
        "README and API page of the agent, and a demo that runs.",
        ["agent_tests"],
        {"markdown"},
    ),
    "qa_report": (
        "The twelve quality dimensions, each with its evidence.",
        ["agent_docs"],
        {"python"},
    ),
    "agent_pack": (
        "The pack as delivered: package, tests, docs, wheels, SBOM, certificate; the same bytes anywhere.",
        ["qa_report"],
        {"python"},
    ),
    "registry_entry": (
        "The agent's immutable entry in the registry, with all its digests.",
        ["agent_pack"],
        {"sql"},
    ),
}


@asset(
    group_name=names.AGENTS,
    owners=names.OWNERS,
    kinds={"yaml"},
    tags=_TAGS,
    pool="line",
    description="The inbox, taken in: good specs and overlays move to `specs/`, others to `rejected/` with a report.",
)
def spec_inbox(context: AssetExecutionContext, factory: FactoryResource) -> MaterializeResult:
    """Take in the inbox; building is the business of `line_batch`, which the sensor starts by itself."""
    taken = factory.take_in()
    context.instance.add_dynamic_partitions(AGENTS, [a.key for a in taken.accepted])
    told = [f"- `{r.name}`: {r.reason}" for r in taken.refused[:50]]
    told += [f"- `{o.name}` {o.waits}" for o in taken.overlays[:50] if o.waits]
    return MaterializeResult(
        metadata={
            "accepted": len(taken.accepted),
            "refused": len(taken.refused),
            "unchanged": len(taken.unchanged),
            "overlays": len(taken.overlays),
            "still being written": len(taken.waiting),
            "why": MetadataValue.md("\n".join(told) or "nothing was refused"),
        }
    )


class AgentLine(Config):
    """Settings of a run from the UI."""

    force: bool = Field(False, description="build again even if nothing that the agent consumes has changed")


@multi_asset(
    name="agent_line",
    specs=[
        AssetSpec(
            name,
            deps=deps,
            description=description,
            group_name=names.AGENTS,
            skippable=True,
            owners=names.OWNERS,
            kinds=kinds,
            tags=_TAGS,
        )
        for name, (description, deps, kinds) in _SPECS.items()
    ],
    partitions_def=agents,
    can_subset=True,
    backfill_policy=BackfillPolicy.single_run(),
    pool="line",
)
def agent_line(
    context: AssetExecutionContext, config: AgentLine, factory: FactoryResource
) -> Iterator[MaterializeResult]:
    """Build the selected partitions; only the keys that reach the registry become green."""
    recorder = Recorder(context, factory)
    selected = {key.to_user_string() for key in context.selected_asset_keys}
    keys = list(context.partition_keys)
    with recorder:
        for stage in factory.run_batch(keys=keys, files=(), force=config.force, entrance="ui"):
            recorder.see(stage, assets=selected)
    context.log.info(recorder.line())
    if len(keys) == 1 and not recorder.registered:
        reason = next((a.reason for a in recorder.failed if a.key == keys[0]), "its spec is no longer in specs/")
        raise Failure(f"{keys[0]} was not built: {reason}", metadata=recorder.metadata(), allow_retries=False)
    yield from ()


ASSETS = [spec_inbox, agent_line]
