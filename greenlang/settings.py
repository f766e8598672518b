"""Every setting of the factory, typed, with embedded and local defaults. Environment: ``GREENLANG_<NAME>``.

Belongs here: names, types, defaults, derived paths. Does not belong here: opening what they name.
"""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from greenlang.errors import SettingsError


class Settings(BaseSettings):
    """The factory's settings. ``Settings()`` reads the environment; keyword arguments win over it."""

    model_config = SettingsConfigDict(env_prefix="GREENLANG_", frozen=True, extra="ignore")

    var: Path = Field(Path("var"), description="folder for everything the factory writes")
    bucket: str | None = Field(
        None, description="s3://, gs://, az:// address or a folder; default: the folder `bucket` inside var"
    )
    registry_url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite file in var")
    registry_admin_url: str | None = Field(
        None, description="the same for the role that owns PostgreSQL's tables; only `migrate` and `prune` use it"
    )
    region: str = Field("", description="tag of the region that this registry runs in, as `eu`; empty: of none")
    sources: Path | None = Field(
        None,
        description="folder with the publishers' factor files; default: those that `greenlang factors sync` fetched",
    )
    sandbox: Literal["strict", "weak"] = Field(
        "strict",
        description="strict refuses to run foreign code without Landlock and seccomp; weak has limits only",
    )
    workers: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, le=256, description="processes for a batch"
    )
    test_seconds: int = Field(60, ge=1, description="wall clock for one agent's test run")
    test_memory_mb: int = Field(1024, ge=128, description="address space above the warmed parent for one test run")
    mutants: Annotated[int, Field(ge=1)] | Literal["all"] = Field(
        20, description="mutants of its code that each agent's tests are run against; `all` runs every one"
    )
    nightly_mutants: Annotated[int, Field(ge=1)] | Literal["all"] = Field(
        "all", description="the same for the nightly batch, which also takes up agents that met fewer by day"
    )
    nightly_enabled: bool = Field(True, description="whether the nightly schedule starts switched on")
    nightly_cron: str = Field("0 2 * * *", description="cron line of the nightly schedule")
    timezone: str = Field("UTC", description="time zone of the nightly schedule (IANA name)")
    sensor_seconds: int = Field(5, ge=1, description="seconds between two looks into the inbox")
    page_size: int = Field(1000, ge=1, description="files that one tick of the inbox sensor hands over")
    settle_seconds: float = Field(2.0, ge=0, description="a file younger than this may still be being written")
    advisories: Path | None = Field(
        None,
        description="known vulnerabilities in OSV form: a JSON file, a folder of them, or OSV's zip of PyPI; without "
        "it the dependency audit is not applicable",
    )
    max_spec_bytes: int = Field(2_000_000, ge=1000, description="a larger spec is refused unread")
    llm: Literal["record", "replay", "live"] = Field(
        "record",
        description="language models: record asks what no cassette holds; replay never calls; live asks anew",
    )
    llm_config: Path | None = Field(
        None, description="YAML file of model providers (docs/models.md); default: built in"
    )
    llm_cassettes: Path | None = Field(None, description="folder of recorded replies; default: `cassettes` inside var")
    llm_budget_usd: Decimal = Field(Decimal(5), ge=0, description="US dollars that models may cost for one agent")
    llm_rounds: int = Field(3, ge=0, description="rounds of questions to models for one agent and stage")
    llm_samples: int = Field(
        1,
        ge=1,
        le=9,
        description="how often a question for an overlay is asked; answers that calculate differently give no proposal",
    )
    tenant: str = Field("default", description="whose agents are built; another than `default` needs PostgreSQL")
    keys_folder: Path | None = Field(None, description="folder of the signing key; default: `keys` inside var")
    launcher: Literal["local", "dagster"] = Field(
        "local", description="what runs the jobs of the API: a process beside it, or Dagster"
    )
    dagster_url: str = Field("http://127.0.0.1:3000", description="Dagster's webserver, for the launcher `dagster`")
    webserver_port: int = Field(3000, ge=1, le=65535, description="port of the Dagster UI on 127.0.0.1")
    api_port: int = Field(8080, ge=0, le=65535, description="port of the API")
    api_workers: int | None = Field(
        None,
        ge=1,
        le=64,
        description="processes that serve the API, each counting its share of requests; default: one for each core, "
        "four at most, and one for a registry in an SQLite file",
    )
    api_jwks: str | None = Field(
        None, description="key set of whoever issues tokens for the API: a file or an https address; default: none"
    )
    api_issuer: str = Field("", description="the `iss` that a token must have")
    api_audience: str = Field("greenlang", description="the `aud` that a token must have")
    api_roles_claim: str = Field("roles", description="claim of a token that lists its roles")
    api_tenant_claim: str = Field("tenant", description="claim of a token that names its tenant")
    api_remember_seconds: float = Field(
        5.0,
        ge=0,
        le=60,
        description="for so long a verified key or token is not verified again, nor a revoked one refused",
    )
    api_requests_per_minute: int = Field(
        1_000_000, ge=0, description="requests of one key, spread by a bucket of ten seconds' worth; 0: no limit"
    )
    api_anonymous_per_minute: int = Field(
        600, ge=0, description="the same for an address from which nobody signs in; 0: no limit"
    )
    api_max_body_bytes: int = Field(25_000_000, ge=1000, description="a larger request is refused unread")
    api_body_seconds: float = Field(30.0, gt=0, description="for so long a request's body may take to arrive")
    api_fresh_ms: int = Field(
        100, ge=0, le=10_000, description="an answer from memory may be so old that another process has written since"
    )

    @field_validator("var")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def bucket_address(self) -> str:
        """The bucket's address: the setting, or the folder in ``var``."""
        return self.bucket or str(self.var / "bucket")

    def of_tenant(self, tenant: str) -> Settings:
        """The same factory for another tenant: a bucket, packs and tables of its own, one registry, one signing key.

        Raises SettingsError for what is no name of a tenant.
        """
        if tenant == self.tenant:
            return self
        if not re.fullmatch("[a-z0-9][a-z0-9-]*", tenant):  # it becomes the name of a folder
            raise SettingsError(f"{tenant!r} is no name of a tenant")
        own = {
            "tenant": tenant,
            "var": self.var / "tenants" / tenant,
            "bucket": f"{self.bucket.rstrip('/')}/tenants/{tenant}" if self.bucket else None,
            "registry_url": self.registry,
            "keys_folder": self.keys,
        }
        return self.model_copy(update=own)

    @property
    def packs(self) -> Path:
        """Folder of finished packs, one folder a partition key."""
        return self.var / "packs"

    @property
    def builds(self) -> Path:
        """Folder of the packs of earlier builds that were promoted, one folder a certificate's digest."""
        return self.var / "builds"

    @property
    def reports(self) -> Path:
        """Folder of the quality reports, one folder a partition key."""
        return self.var / "reports"

    @property
    def cassettes(self) -> Path:
        """Folder of the recorded replies of language models."""
        return self.llm_cassettes or self.var / "cassettes"

    @property
    def keys(self) -> Path:
        """Folder of the key that signs packs and steps, and of its public half."""
        return self.keys_folder or self.var / "keys"

    @property
    def tables(self) -> Path:
        """Folder of Parquet tables (factors, outcomes, tests, ...)."""
        return self.var / "tables"

    @property
    def catalogue(self) -> Path:
        """The views-only DuckDB file that analysts open."""
        return self.var / "metrics.duckdb"

    @property
    def registry(self) -> str:
        """SQLAlchemy URL of the registry."""
        return self.registry_url or f"sqlite:///{self.var / 'registry.sqlite'}"
