"""The factory as a resource: the one place where Dagster meets the library.

Belongs here: settings, and one short method for each thing that assets, ops, sensors and schedules ask for.
Does not belong here: decisions (the library takes them) and anything of Dagster's instance. Library modules
are imported inside the methods, so that a code location loads in the time that Dagster itself needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import ConfigurableResource
from pydantic import Field

from greenlang import _paths
from greenlang.settings import Settings

if TYPE_CHECKING:
    from greenlang.bucket import Entry
    from greenlang.factors import FactorTable
    from greenlang.factors.editions import EditionMissing, EditionRead
    from greenlang.factors.gates.report import Report
    from greenlang.factors.release import Release
    from greenlang.factory.inbox.results import Intake
    from greenlang.factory.outcome import StageOutcome
    from greenlang.formulas.agreement import Agreement
    from greenlang.formulas.library import FormulaLibrary
    from greenlang.launcher import Event, Order
    from greenlang.sync import Prepared


NIGHTLY = "nightly"  # the entrance of the nightly batch


class FactoryResource(ConfigurableResource):
    """The factory under the settings of the environment (``GREENLANG_*``); ``var`` and ``workers`` win over
    it.
    """

    var: str | None = Field(None, description="folder for everything the factory writes; default: the setting")
    workers: int | None = Field(None, description="processes for a batch; default: the setting")

    @property
    def settings(self) -> Settings:
        """The library's settings."""
        given: dict[str, Any] = {"var": self.var, "workers": self.workers}
        return Settings(**{name: value for name, value in given.items() if value is not None})

    # -- the line
    # ------------------------------------------------------------------------------------------------

    def run_batch(
        self,
        *,
        keys: Sequence[str] | None = None,
        files: Sequence[str] | None = None,
        force: bool = False,
        entrance: str,
    ) -> Iterator[StageOutcome]:
        """Intake, build, registration and metrics; see `greenlang.factory.line.run_batch`."""
        from greenlang.factory.line import run_batch

        settings = self.nightly_settings() if entrance == NIGHTLY else self.settings
        return run_batch(settings, keys=keys, files=files, force=force, entrance=entrance)

    def run_order(self, order: Order, tell: Callable[[Event], None]) -> Iterator[StageOutcome]:
        """What the API asked for, for a tenant; see `greenlang.factory.orders.carry_out`."""
        from greenlang.factory.orders import carry_out

        return carry_out(self.settings, order, tell)

    def stale_keys(self) -> list[str]:
        """For the night: keys whose consumed digest changed, which have no outcome yet, or met fewer mutants."""
        from greenlang.factory.line import stale_keys

        return stale_keys(self.nightly_settings())

    def nightly_settings(self) -> Settings:
        """The settings of the nightly batch: it tries more mutants."""
        return self.settings.model_copy(update={"mutants": self.settings.nightly_mutants})

    def pack_folder(self, key: str) -> Path:
        """Where the pack of a key lies."""
        from greenlang.specs.model import slug

        return self.settings.packs / slug(key)

    def report_files(self, key: str) -> dict[str, Path]:
        """The forms of an agent's quality report: name for people -> where it lies."""
        from greenlang.factory.reporting import JSON, PAGE, SARIF, WHEEL, folder_of

        folder = self.settings.var / folder_of(key)
        return {"report": folder / PAGE, "JSON": folder / JSON, "SARIF": folder / SARIF, "score wheel": folder / WHEEL}

    # -- the inbox
    # -----------------------------------------------------------------------------------------------

    def waiting_files(self, after: str = "") -> list[Entry]:
        """Files of the inbox that are ready, sorted by name."""
        from greenlang.bucket import Bucket
        from greenlang.factory.intake import waiting_files

        return waiting_files(Bucket.open(self.settings.bucket_address), self.settings, after=after)

    def unfinished(self) -> int:
        """How many intakes were killed before their results were recorded."""
        from greenlang.factory.inbox.journal import unfinished

        return len(unfinished(self.settings))

    def take_in(self) -> Intake:
        """Take in the whole inbox without building anything; the results are held for the next batch."""
        from greenlang.bucket import Bucket
        from greenlang.factory.intake import take_in
        from greenlang.metrics import MetricsStore
        from greenlang.registry import Registry

        settings = self.settings
        registry, metrics = Registry(settings.registry), MetricsStore(settings)

        digests = registry.spec_digests()
        outcomes = {str(row["key"]): str(row["outcome"]) for row in metrics.outcomes()}
        bucket = Bucket.open(settings.bucket_address)
        return take_in(
            bucket, settings, registered=lambda a, v: digests.get((a, v)), outcome_of=outcomes.get, hold=True
        )

    # -- factors and formulas
    # ------------------------------------------------------------------------------------

    def embedded_files(self) -> dict[str, str]:
        """Name -> SHA-256 of every file of the embedded factor base."""
        folder = _paths.data() / "emission_factors" / "embedded"
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    def reference_digest(self) -> str:
        """Digest of our own figures and formulas, and of which publishers' files are there."""
        folder = _paths.data() / "emission_factors"
        total = hashlib.sha256()
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            total.update(f"{path.relative_to(folder)}\0".encode())
            total.update(path.read_bytes())
        for name in self.present_editions():
            total.update(f"{name}\0".encode())
        return total.hexdigest()

    def present_editions(self) -> list[str]:
        """Names of the publishers' editions whose files are there."""
        from greenlang.sync import present

        return [edition.name for edition in present(self.settings)]

    def read_edition(self, name: str) -> EditionRead | EditionMissing:
        """The rows of one edition of a publisher's dataset."""
        from greenlang.sync import read_one

        return read_one(self.settings, name)

    def prepare_factors(self) -> Prepared:
        """Read what is there of the publishers' files; without any, write the embedded base as the factor table."""
        from greenlang.factors import build_tables
        from greenlang.sync import prepare, present, releases

        settings = self.settings
        editions = present(settings)
        done = prepare(settings, editions)
        if done.candidate is None and not releases(settings).pinned:
            build_tables(settings.tables)
        return done

    def has_candidate(self) -> bool:
        """Whether publishers' files were read into a candidate for the next release."""
        from greenlang.sync import present

        return bool(present(self.settings))

    def judge_factors(self) -> Report:
        """What the plausibility gates find in the candidate."""
        from greenlang.sync import judge

        return judge(self.settings)

    def publish_factors(self) -> Release | None:
        """The candidate as a release, in force; None where the embedded base alone is. Flags what it outdates."""
        from greenlang.factory.pinned import flag_decay
        from greenlang.sync import publish

        if self.has_candidate():
            return publish(self.settings)
        flag_decay(self.settings)
        return None

    def draw_release(self, release: Release) -> dict[str, Path]:
        """Pictures of a release: name -> SVG file."""
        from greenlang.factors.plots import draw

        return draw(release, self.settings.var / "factors" / "plots" / release.name)

    def prepared_table(self) -> FactorTable:
        """The candidate, or the table in force where there is none."""
        from greenlang.sync import releases

        return releases(self.settings).candidate().table() if self.has_candidate() else self.factor_table()

    def factor_table(self, *, embedded: bool = False) -> FactorTable:
        """The factor table from Parquet, or straight from the embedded files."""
        from greenlang.factors import FactorTable

        return FactorTable.load(None if embedded else self.settings.tables / "factors.parquet")

    def formulas(self) -> FormulaLibrary:
        """The formula library."""
        from greenlang.formulas.library import library

        return library()

    def formula_problems(self) -> list[str]:
        """Everything that is wrong with the library: declarations, units, worked cases, parameter tables, families."""
        from greenlang.formulas.checking import check_files

        return [str(problem) for problem in check_files().problems]

    def back_ends(self, seed: str, inputs: int) -> list[Agreement]:
        """Each output of each formula, on its worked cases and drawn inputs, in Decimal and in SQL."""
        from greenlang.formulas.agreement import agreement

        return list(agreement(self.formulas(), inputs=inputs, seed=seed))

    # -- metrics
    # -------------------------------------------------------------------------------------------------

    def rebuild_catalogue(self) -> None:
        """Build the views-only DuckDB file anew and swap it in."""
        from greenlang.metrics import MetricsStore

        MetricsStore(self.settings).rebuild_catalogue()

    def outcome_counts(self) -> dict[str, int]:
        """Outcome -> number of agents, from the catalogue."""
        from greenlang.metrics import query

        sql = "select outcome, count(*) as n from agents group by outcome order by outcome"
        return {str(row["outcome"]): int(row["n"]) for row in query(self.settings, sql).as_dicts()}

    def registered_count(self) -> int:
        """How many agent versions the registry holds."""
        from greenlang.registry import Registry

        with Registry(self.settings.registry) as registry:
            return registry.count()
