"""The tables sensor: figures or formulas that changed on disk become a run of ``reference_tables``.

Belongs here: noticing the change. Does not belong here: building tables, and the asset modules.
"""

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from resources.factory import FactoryResource


def build(job_name: str) -> SensorDefinition:
    """The sensor for the job of that name; it looks once a minute, and at once after the start."""

    @sensor(
        job_name=job_name,
        name="tables_sensor",
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description="Builds the factor and formula tables anew when their files have changed, as after an upgrade.",
    )
    def tables_sensor(context: SensorEvaluationContext, factory: FactoryResource) -> SensorResult | SkipReason:
        digest = factory.reference_digest()
        if digest == context.cursor:
            return SkipReason("figures and formulas are those that the tables were built from")
        return SensorResult(run_requests=[RunRequest(run_key=digest)], cursor=digest)

    return tables_sensor
