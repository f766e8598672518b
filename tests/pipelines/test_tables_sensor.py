"""The tables sensor: figures or formulas that changed become one run, and no more."""

from __future__ import annotations

from dagster import DagsterInstance, SensorResult, SkipReason, build_sensor_context

from resources.factory import FactoryResource
from sensors import tables


class Figures(FactoryResource):
    """A factory whose figures have the digest that it is told."""

    digest: str = "one"

    def reference_digest(self) -> str:
        return self.digest


def tick(instance: DagsterInstance, digest: str, cursor: str | None) -> SensorResult | SkipReason:
    context = build_sensor_context(instance=instance, cursor=cursor, resources={"factory": Figures(digest=digest)})
    answer = tables.build("reference_tables")(context)
    assert isinstance(answer, SensorResult | SkipReason)
    return answer


def test_changed_figures_build_the_tables_once(instance: DagsterInstance) -> None:
    first = tick(instance, "one", None)
    assert isinstance(first, SensorResult)
    assert [r.run_key for r in first.run_requests or ()] == ["one"]
    assert isinstance(tick(instance, "one", first.cursor), SkipReason)
    changed = tick(instance, "two", first.cursor)
    assert isinstance(changed, SensorResult)
    assert changed.cursor == "two"


def test_the_digest_covers_figures_and_formulas() -> None:
    assert len(FactoryResource().reference_digest()) == 64
    assert FactoryResource().reference_digest() == FactoryResource().reference_digest()
