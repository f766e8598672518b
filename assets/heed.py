"""Whether somebody has ended a run of Dagster.

Dagster tells the run by one signal, and Python drops what the signal's handler raises while a weak reference's callback
runs: about one run in ten that was ended as it began went on to its end. So a long run asks, too.

Belongs here: asking. Does not belong here: what a run leaves behind.
"""

from __future__ import annotations

import time

from dagster import AssetExecutionContext, DagsterExecutionInterruptedError, DagsterRunStatus, OpExecutionContext

_SECONDS_BETWEEN_LOOKS = 2.0


class Heed:
    """Asks for one run; call it as often as you like."""

    def __init__(self, context: OpExecutionContext | AssetExecutionContext) -> None:
        self._context = context
        self._looked = time.monotonic()

    def __call__(self) -> None:
        """Raise DagsterExecutionInterruptedError, as Dagster's signal does, where the run has been ended."""
        if time.monotonic() - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        run = self._context.instance.get_run_by_id(self._context.run_id)
        if run is not None and run.status is DagsterRunStatus.CANCELING:
            raise DagsterExecutionInterruptedError
