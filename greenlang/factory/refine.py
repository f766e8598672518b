"""Refinement: the repair ladder for one agent of the line, with what it needs handed in.

Belongs here: when a repair is tried, the folders, the callables. Does not belong here: the rungs
(``greenlang.quality.repair``), what becomes of the agent (``greenlang.factory.build``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from greenlang.factors.table import FactorTable
from greenlang.factory.examine import Examined, Examiner
from greenlang.factory.generate import generate, package_name
from greenlang.factory.source import SpecSource
from greenlang.formulas.library import FormulaLibrary
from greenlang.llm.ask import Model, Why
from greenlang.llm.waiting import AtHand
from greenlang.metrics import MetricsStore
from greenlang.quality.repair import Judged, RepairOutcome, RepairRequest, repair, resolver
from greenlang.quality.tools import PackRef, prepare
from greenlang.resolution.plan import Resolution
from greenlang.settings import Settings
from greenlang.specs.model import slug

_log = logging.getLogger(__name__)


class Refiner:
    """Repairs packs that failed, and asks for overlays of specs without a plan. One a worker."""

    def __init__(self, settings: Settings, table: FactorTable, formulas: FormulaLibrary, examiner: Examiner) -> None:
        self.settings = settings
        self.table = table
        self.formulas = formulas
        self.examiner = examiner

    @cached_property
    def model(self) -> Model | None:
        """The gateway; None where no provider is configured and nothing was recorded."""
        from greenlang.llm.gateway import Gateway

        gateway = Gateway(self.settings)
        recorded = self.settings.cassettes.is_dir() and any(self.settings.cassettes.iterdir())
        return gateway if gateway.caller.providers or recorded else None

    @cached_property
    def _at_hand(self) -> AtHand:
        return AtHand(self.settings)

    def waits_for(self, why: Why | None) -> str:
        """What an agent waits for that got no answer for this reason, as this worker found it."""
        return self._at_hand.mark(why)

    def mend(
        self, key: str, source: SpecSource, resolution: Resolution, pack: Path, examined: Examined
    ) -> RepairOutcome:
        """Climb the ladder for a pack that failed; ``pack`` itself stays as it is."""
        request = self._request(key, source, resolution, pack=pack, judged=Judged(examined.judgement, examined.trial))
        return self._climb(request, self._trier(resolution), lambda: generate(resolution))

    def propose(self, key: str, source: SpecSource, resolution: Resolution) -> RepairOutcome | None:
        """Ask for an overlay where an output has no plan; None where there is nobody to ask."""
        if self.model is None:
            return None
        return self._climb(self._request(key, source, resolution), self._trier(resolution), None)

    def flush(self) -> None:
        """Write what models were asked to the metrics. What cannot be written now waits in the journal."""
        model = self.__dict__.get("model")
        if model is not None:
            try:
                model.flush()
            except OSError as error:  # a chunk's agents are not lost for it
                _log.warning("the journal of calls to models waits: %s", error)

    def _climb(
        self,
        request: RepairRequest,
        try_pack: Callable[[Path], Judged],
        regenerate: Callable[[], dict[str, bytes]] | None,
    ) -> RepairOutcome:
        assert request.source is not None
        resolve = resolver(request.source, self.table, self.formulas, self.settings.max_spec_bytes)
        return repair(request, try_pack=try_pack, regenerate=regenerate, model=self.model, resolve=resolve)

    def _request(
        self,
        key: str,
        source: SpecSource,
        resolution: Resolution,
        *,
        pack: Path | None = None,
        judged: Judged | None = None,
    ) -> RepairRequest:
        near = self.examiner.neighbours
        return RepairRequest(
            key=key,
            package=package_name(resolution.spec),
            resolution=resolution,
            work=self.work(key),
            dossiers=self.settings.var / "dossiers",
            pack=pack,
            judged=judged,
            source=source,
            budget_usd=self.settings.llm_budget_usd,
            rounds=self.settings.llm_rounds,
            samples=self.settings.llm_samples,
            known=frozenset(MetricsStore(self.settings).failed_repairs(key)),
            examples=near.examples(near.nearest(resolution)) if self.model is not None else (),
        )

    def work(self, key: str) -> Path:
        """The folder of the copies: beside the packs, where the sandbox may read."""
        return self.settings.packs / f".build-{slug(key)}.repair"

    def _trier(self, resolution: Resolution) -> Callable[[Path], Judged]:
        def try_pack(folder: Path) -> Judged:
            ref = PackRef(folder, package_name(resolution.spec))
            findings = prepare([ref], self.examiner.cache)[folder]
            questions = self.examiner.questions(ref, resolution)
            trial = self.examiner.run(ref, questions, findings)
            examined = self.examiner.judge(ref, resolution, questions, trial, findings)
            return Judged(examined.judgement, examined.trial)

        return try_pack
