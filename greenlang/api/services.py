"""What several routes share for the life of the service: launchers, tables of factors, the workshop.

Belongs here: making each once, when it is first asked for, and closing it. Does not belong here: routes, answers.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from greenlang.api.dagster_launcher import DagsterLauncher
from greenlang.api.shown import Shown
from greenlang.api.streams import Watched
from greenlang.api.workshop import Workshop
from greenlang.calc import CalculationEngine
from greenlang.factors import FactorTable
from greenlang.factors.model import row_digest
from greenlang.factors.search import Search
from greenlang.factors.table import FILE_NAME, digest_of_lines
from greenlang.factory.orders import tenant_settings
from greenlang.launcher import Launcher, RunProgress, SpecProgress
from greenlang.launcher_local import LocalLauncher
from greenlang.metrics import MetricsStore
from greenlang.registry import Registry
from greenlang.registry.jobs import Batch
from greenlang.settings import Settings
from greenlang.telemetry.factory import FactorySeries


class Factors:
    """One table of factors, with what is built over it at the first use."""

    def __init__(self, table: FactorTable) -> None:
        self.table = table
        self.engine = CalculationEngine(table)
        self._lock = threading.Lock()
        self._search: Search | None = None
        self._digests: dict[str, str] | None = None

    def search(self) -> Search:
        """The search over the table."""
        with self._lock:
            if self._search is None:
                self._search = Search(self.table)
                self._search.find("diesel")  # builds its index, which two threads must not do at once
            return self._search

    def key_of(self, digest: str) -> str | None:
        """The key of the factor whose row has this digest."""
        return self._by_digest().get(digest)

    def recomputed(self) -> str:
        """The digest of the table, from its rows."""
        return digest_of_lines(sorted((key, digest) for digest, key in self._by_digest().items()))

    def _by_digest(self) -> dict[str, str]:
        with self._lock:
            if self._digests is None:  # a row's digest covers its key, so no two are the same
                self._digests = {row_digest(factor): factor.key for factor in self.table}
            return self._digests


class Services:
    """Shared by all requests. ``launcher`` wins over the settings."""

    def __init__(self, settings: Settings, registry: Registry, launcher: Launcher | None = None) -> None:
        self.settings = settings
        self.registry = registry
        self._given = launcher
        self._launchers: dict[str, Launcher] = {}
        self._lock = threading.Lock()
        self.watched = Watched()
        self.agents = Shown()
        self._series: dict[str, FactorySeries] = {}
        self._factors: tuple[tuple[int, int] | None, Factors] | None = None

    def close(self) -> None:
        """End what was started; runs of a launcher go on."""
        for launcher in self._launchers.values():
            if isinstance(launcher, DagsterLauncher):
                launcher.close()
        if "workshop" in self.__dict__:
            self.workshop.close()

    @cached_property
    def workshop(self) -> Workshop:
        """Where code that is sent along is judged."""
        return Workshop(self.settings)

    @property
    def launcher(self) -> Launcher:
        """What runs new jobs."""
        return self._given or self.launcher_named(self.settings.launcher)

    def launcher_named(self, name: str) -> Launcher:
        """The launcher that a batch was given to. Raises LookupError for one that there is not."""
        if self._given is not None and self._given.name == name:
            return self._given
        with self._lock:
            if name not in self._launchers:
                if name == LocalLauncher.name:
                    self._launchers[name] = LocalLauncher(self.settings)
                elif name == DagsterLauncher.name:
                    self._launchers[name] = DagsterLauncher(self.settings.dagster_url)
                else:
                    raise LookupError(f"there is no launcher {name}")
            return self._launchers[name]

    def of_tenant(self, tenant: str) -> Settings:
        """The factory of a tenant, over the factors that are in force for all."""
        return tenant_settings(self.settings, tenant)

    def series(self, tenant: str) -> FactorySeries:
        """The Prometheus series of a tenant's factory, kept from scrape to scrape."""
        with self._lock:
            found = self._series.get(tenant)
        if found is None:
            made = FactorySeries(self.of_tenant(tenant), self.settings)
            with self._lock:
                found = self._series.setdefault(tenant, made)
        return found

    def progress(self, batch: Batch, tenant: str) -> RunProgress:
        """How far a batch is; from the outcomes that stand where its launcher does not know it any more."""
        try:
            return self.launcher_named(batch.launcher).progress(batch.run)
        except LookupError:
            return self._standing(batch, tenant)

    def _standing(self, batch: Batch, tenant: str) -> RunProgress:
        store = MetricsStore(self.of_tenant(tenant))
        specs: dict[str, SpecProgress] = {}
        for job in batch.jobs:
            row = store.latest(job.key)
            if row is None:
                specs[job.key] = SpecProgress("failed", reason="its run is not known any more, and it has no outcome")
            elif row["outcome"] == "registered":
                specs[job.key] = SpecProgress("completed", "registration", 100, "registered")
            else:
                specs[job.key] = SpecProgress("failed", outcome=row["outcome"], reason=row["reason"])
        return RunProgress("completed", specs, "the launcher does not know this run any more")

    def factors(self) -> Factors:
        """The factors in force; another table as soon as its file is another."""
        path = self.settings.tables / FILE_NAME
        try:
            stat = path.stat()
            state = (stat.st_ino, stat.st_mtime_ns)
        except FileNotFoundError:
            state = None
        with self._lock:
            if self._factors is None or self._factors[0] != state:
                made = Factors(FactorTable.in_force(self.settings.tables))
                made.engine.selector  # noqa: B018 - its indexes are built here, by one thread
                self._factors = (state, made)
            return self._factors[1]


async def _services(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


Shared = Annotated[Services, Depends(_services)]
