"""The factory as a resource: the one place where Dagster meets the library.

Belongs here: settings, and one short method for each thing that assets, ops, sensors and schedules ask for.
Does not belong here: decisions (the library takes them) and anything of Dagster's instance. Library modules
are imported inside the methods, so that a code location loads in the time that Dagster itself needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import ConfigurableResource
from pydantic import Field

from greenlang import _paths
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.settings import Settings

if TYPE_CHECKING:
    from greenlang.alerts.alert import Alert
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
    from greenlang.nightly.freshness import Overdue
    from greenlang.sync import Prepared


NIGHTLY = "nightly"  # the entrance of the nightly batch


@dataclass(frozen=True)
class Places:
    """The folders of a factory in which what people look at lies."""

    var: Path
    packs: Path

    def pack(self, key: str) -> Path:
        """Where the pack of a key lies."""
        from greenlang.specs.model import slug

        return self.packs / slug(key)

    def report_files(self, key: str) -> dict[str, Path]:
        """The forms of an agent's quality report: name for people -> where it lies."""
        from greenlang.factory.reporting import JSON, PAGE, SARIF, WHEEL, folder_of

        folder = self.var / folder_of(key)
        return {"report": folder / PAGE, "JSON": folder / JSON, "SARIF": folder / SARIF, "score wheel": folder / WHEEL}


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
        tenant: str = DEFAULT_TENANT,
        night: str = "",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[StageOutcome]:
        """Intake, build, registration and metrics; see `greenlang.factory.line.run_batch`.

        ``tenant`` and ``night`` are those of a nightly batch.
        """
        from greenlang.factory.line import run_batch

        settings = self.nightly_settings(tenant, night) if entrance == NIGHTLY else self.settings
        return run_batch(settings, keys=keys, files=files, force=force, entrance=entrance, on_progress=on_progress)

    def run_order(self, order: Order, tell: Callable[[Event], None]) -> Iterator[StageOutcome]:
        """What the API asked for, for a tenant; see `greenlang.factory.orders.carry_out`."""
        from greenlang.factory.orders import carry_out

        return carry_out(self.settings, order, tell)

    def stale_keys(self, tenant: str = DEFAULT_TENANT, night: str = "") -> list[str]:
        """For the night: keys whose consumed digest changed, which have no outcome yet, or met fewer mutants."""
        from greenlang.factory.line import stale_keys

        return stale_keys(self.nightly_settings(tenant, night))

    def nightly_settings(self, tenant: str = DEFAULT_TENANT, night: str = "") -> Settings:
        """The settings of a tenant's nightly batch: it tries more mutants, and pays models from the night's budget."""
        settings = self.settings.model_copy(update={"mutants": self.settings.nightly_mutants, "night": night})
        if tenant == DEFAULT_TENANT:
            return settings
        from greenlang.factory.orders import tenant_settings

        return tenant_settings(settings, tenant)

    def tenants(self) -> list[str]:
        """Whose agents are built by night: ``default``, and on PostgreSQL every tenant that is not suspended."""
        settings = self.settings
        if settings.registry.startswith("sqlite"):
            return [DEFAULT_TENANT]
        from greenlang.registry import Caller, Registry
        from greenlang.registry.caller import PUBLIC
        from greenlang.registry.tenants import Tenants

        with Registry(settings.registry, caller=Caller(DEFAULT_TENANT, "factory"), keys=settings.keys) as registry:
            found = [one.tenant for one in Tenants(registry).all() if one.suspended_at is None]
        return sorted({DEFAULT_TENANT, *found} - {PUBLIC})

    def places(self) -> Places:
        """Where packs and reports lie. For many agents ask once: each time the environment is read."""
        settings = self.settings
        return Places(settings.var, settings.packs)

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

    def overdue(self, now: datetime) -> list[Overdue]:
        """The catalogue and the factor release in force, where they are older than the settings allow."""
        from greenlang.nightly.freshness import overdue_file
        from greenlang.sync import releases

        settings = self.settings
        name = releases(settings).pinned or ""
        release = settings.var / "factors" / "releases" / name / "factors.parquet" if name else None
        found = (
            overdue_file(
                "catalogue", "", _made(settings.catalogue), now, timedelta(hours=settings.catalogue_overdue_hours)
            ),
            overdue_file("release", name, _made(release), now, timedelta(days=settings.release_overdue_days)),
        )
        return [one for one in found if one is not None]

    def alert(self, alert: Alert) -> None:
        """Keep an alert and send it; what cannot be delivered now waits for `deliver_alerts`."""
        from greenlang.alerts import send

        send(self.settings, alert)

    def deliver_alerts(self) -> None:
        """Try again what could not be delivered."""
        from greenlang.alerts import deliver

        deliver(self.settings)

    def rebuild_catalogue(self) -> None:
        """Build the views-only DuckDB file anew and swap it in."""
        from greenlang.metrics import MetricsStore

        MetricsStore(self.settings).rebuild_catalogue()

    def fill_mirror(self) -> dict[str, int] | None:
        """Bring the metrics' mirror in PostgreSQL up to date, and what was added; None where none is set up."""
        from dataclasses import asdict

        from greenlang.metrics.mirror import fill

        return asdict(fill(self.settings)) if self.settings.mirror_url else None

    def registered(self) -> dict[str, dict[str, Any]]:
        """The rows of the agents that stand, by partition key; no catalogue is needed."""
        from greenlang.metrics import MetricsStore

        return {str(r["key"]): r for r in MetricsStore(self.settings).outcomes() if r["outcome"] == "registered"}

    def standing(self, rows: Sequence[dict[str, Any]]) -> Iterator[StageOutcome]:
        """What a batch tells of agents that stand, from their rows; nothing is started."""
        from greenlang.factory.standing import as_told
        from greenlang.metrics import MetricsStore

        for built in as_told(rows, MetricsStore(self.settings)).values():
            yield from built.stages

    def outcome_counts(self) -> dict[str, int]:
        """Outcome -> number of agents, from the catalogue."""
        from greenlang.metrics import query

        sql = "select outcome, count(*) as n from agents group by outcome order by outcome"
        return {str(row["outcome"]): int(row["n"]) for row in query(self.settings, sql).as_dicts()}

    def morning_report(self, night: str = "") -> tuple[str, Path]:
        """Write the report of the night of a date, or of the last one, and send it where that is set: its Markdown, and
        its page.
        """
        from greenlang.digest import forms, message, night_of, write_morning

        found = night_of(self.settings, self._night(night))
        page = write_morning(self.settings, found) / "index.html"
        if self.settings.morning_send:
            self.alert(message(found))
        return forms(found)["md"], page

    def dashboard(self, night: str = "") -> tuple[str, Path]:
        """Write the dashboard of the nights up to that of a date, or to the last one: its Markdown, and its page."""
        from greenlang.digest import dashboard_markdown, dashboard_of, write_dashboard

        found = dashboard_of(self.settings, self._night(night))
        return dashboard_markdown(found), write_dashboard(self.settings, found)

    def _night(self, name: str) -> date:
        from greenlang.digest import last_night

        return date.fromisoformat(name) if name else last_night(self.settings, datetime.now(UTC))

    def registered_count(self) -> int:
        """How many agent versions the registry holds."""
        from greenlang.registry import Registry

        with Registry(self.settings.registry) as registry:
            return registry.count()


def _made(file: Path | None) -> datetime | None:
    """When a file was written; None where there is none."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC) if file is not None else None
    except FileNotFoundError:
        return None
