"""Every setting of the factory, typed, with embedded and local defaults. Environment: ``GREENLANG_<NAME>``.

Belongs here: names, types, defaults, derived paths. Does not belong here: opening what they name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FieldSerializationInfo, SecretStr, field_serializer, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from greenlang.errors import SettingsError
from greenlang.masking import MASK, without_secrets

# Addresses with a password in them: read from files too, and shown by no dump and no repr.
ADDRESSES = ("registry_url", "registry_admin_url", "celery_broker", "mirror_url")


def secret(name: str, environment: Mapping[str, str]) -> SecretStr | None:
    """A secret from a variable, or from the file that the variable with ``_FILE`` behind its name holds; else None.

    Such files are what Docker, Kubernetes and the agents of vaults write. Raises SettingsError where the file cannot be
    read; no message repeats a secret.
    """
    if environment.get(name, "").strip():
        return SecretStr(environment[name].strip())
    file = environment.get(f"{name}_FILE")
    if not file:
        return None
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE names a file that cannot be read: {file}") from error
    return SecretStr(text) if text else None


class _Files(PydanticBaseSettingsSource):
    """Addresses from their variables, or from files where a variable is not there or blank."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The text of the file; None where no file is named."""
        found = secret(f"GREENLANG_{field_name.upper()}", os.environ) if field_name in ADDRESSES else None
        return found.get_secret_value() if found else None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Name -> text, of those that there are."""
        found = {name: self.get_field_value(self.settings_cls.model_fields[name], name)[0] for name in ADDRESSES}
        return {name: text for name, text in found.items() if text is not None}


class Settings(BaseSettings):
    """The factory's settings. ``Settings()`` reads the environment; keyword arguments win over it."""

    model_config = SettingsConfigDict(
        env_prefix="GREENLANG_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    var: Path = Field(Path("var"), description="folder for everything the factory writes")
    bucket: str | None = Field(
        None, description="s3://, gs://, az:// address or a folder; default: the folder `bucket` inside var"
    )
    registry_url: str | None = Field(
        None, repr=False, description="SQLAlchemy URL, or _FILE: a file that holds it; default: SQLite file in var"
    )
    registry_admin_url: str | None = Field(
        None,
        repr=False,
        description="the same, or _FILE, for the role that owns PostgreSQL's tables; only `migrate`, `prune` and "
        "`restore` use it",
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
    morning_at: str = Field(
        "07:00",
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="time of day at which the morning report is due; a night is the day that ends then",
    )
    morning_send: bool = Field(False, description="whether the morning report goes where alerts go, too")
    nightly_blackouts: str = Field(
        "", description="when no night starts, as `sat,sun 08:00-18:00; 2026-12-24..2026-12-26` (docs/nightly.md)"
    )
    nightly_priorities: str = Field(
        "", description="whose agents come first by night, as `acme=90, beta=10`: 0 to 100, high first; others have 50"
    )
    nightly_budget_usd: Decimal | None = Field(
        None, ge=0, description="US dollars that models may cost in one night, over all tenants; default: no limit"
    )
    nightly_overdue_hours: float = Field(
        6.0, gt=0, description="hours after a night could start in which it must have succeeded, or an alert is sent"
    )
    night: str = Field("", description="the night whose budget models are paid from; nightly runs set it themselves")
    catalogue_overdue_hours: float = Field(36.0, gt=0, description="an older DuckDB catalogue is an alert")
    release_overdue_days: float = Field(400.0, gt=0, description="an older factor release in force is an alert")
    alert_webhook: SecretStr | None = Field(None, description="address that alerts are posted to")
    alert_webhook_file: Path | None = Field(None, description="file that holds it")
    alert_webhook_key: SecretStr | None = Field(None, description="secret that signs them, as `whsec_...`")
    alert_webhook_key_file: Path | None = Field(None, description="file that holds it")
    alert_email_to: str = Field("", description="addresses that alerts are mailed to, separated by commas")
    alert_email_from: str = Field("", description="sender of these mails; default: greenlang at this machine")
    smtp_url: SecretStr | None = Field(
        None, description="mail server, as `smtp://name:password@mail.example.org:587` (STARTTLS) or `smtps://...`"
    )
    smtp_url_file: Path | None = Field(None, description="file that holds it")
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
    llm_folder: Path | None = Field(
        None,
        description="folder of what all tenants share of models: limits, budgets of nights; default: `llm` inside var",
    )
    llm_rounds: int = Field(3, ge=0, description="rounds of questions to models for one agent and stage")
    llm_samples: int = Field(
        1,
        ge=1,
        le=9,
        description="how often a question for an overlay is asked; answers that calculate differently give no proposal",
    )
    mirror_url: str | None = Field(
        None,
        repr=False,
        description="SQLAlchemy URL, or _FILE, of the PostgreSQL database that mirrors the metrics; default: no mirror",
    )
    mirror_schema: str = Field(
        "factory", pattern="^[a-z_][a-z0-9_]{0,62}$", description="the mirror's schema there, one a tenant"
    )
    mirror_text_bytes: int = Field(
        200_000, ge=0, description="a longer text (spec, code, tests) is NULL in the mirror; 0: no texts"
    )
    tenant: str = Field("default", description="whose agents are built; another than `default` needs PostgreSQL")
    keys_folder: Path | None = Field(None, description="folder of the signing key; default: `keys` inside var")
    store: str | None = Field(
        None,
        description="s3://, gs://, az:// address or a folder through which machines exchange packs, reports and "
        "tables; default: the folder `store` inside var",
    )
    scratch: Path | None = Field(
        None,
        description="folder of this machine alone in which it builds shards and keeps what it fetched; default: var, "
        "where no other machine has the same",
    )
    batch_job: Literal["line_batch", "line_machines"] = Field(
        "line_batch", description="job that sensor and nightly schedule start: the line on one machine, or on several"
    )
    shard_size: int = Field(100, ge=1, description="agents that one machine builds at a time in line_machines")
    executor: Literal["in_process", "celery", "k8s"] = Field(
        "in_process", description="what runs the steps of line_machines: the run's own process, Celery, or Kubernetes"
    )
    executor_config: Path | None = Field(
        None, description="YAML file with more configuration of that executor, as Dagster documents it"
    )
    celery_broker: str = Field(
        "redis://127.0.0.1:6379/0", repr=False, description="Redis of the executor `celery`, for tasks and results"
    )
    celery_lost_seconds: int = Field(
        3600,
        ge=5,
        description="after so long another worker takes over what a worker has begun and not ended; longer than a "
        "shard takes",
    )
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
    log_format: Literal["text", "json"] = Field(
        "text", description="of log lines on standard error; json: one object a line, with trace ids"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="least level of the lines of `json`; DEBUG tells every stage"
    )
    traces: Literal["auto", "on", "off"] = Field(
        "auto", description="OpenTelemetry traces by OTLP; auto: where OTEL_EXPORTER_OTLP_ENDPOINT is set"
    )
    telemetry_agents: int = Field(
        200, ge=0, description="agents with Prometheus series of their own: the poor ones first, then the newest"
    )
    telemetry_port: int = Field(9464, ge=0, le=65535, description="port of `greenlang telemetry serve`")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **more: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Keyword arguments, addresses from variables or files, the environment."""
        return (init_settings, _Files(settings_cls), *others, *more.values())

    @field_serializer(*ADDRESSES)
    def _masked(self, value: str | None, info: FieldSerializationInfo) -> str | None:
        """A dump shows no password, but to whoever asks for it: ``context={"plain": True}``."""
        if (info.context or {}).get("plain"):
            return value
        return self.shown(info.field_name)

    def shown(self, name: str) -> str | None:
        """A setting as it may be seen by anybody; of a secret only that it is set. None: it is not."""
        value = getattr(self, name)
        if value is None or value == type(self).model_fields[name].default:
            return None if value is None else str(value)
        return MASK if name in ADDRESSES or isinstance(value, SecretStr) else without_secrets(str(value))

    @field_validator("var")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def bucket_address(self) -> str:
        """The bucket's address: the setting, or the folder in ``var``."""
        return self.bucket or str(self.var / "bucket")

    @property
    def machine(self) -> Path:
        """The folder in which this machine builds shards: the setting, or ``var``."""
        return self.scratch.expanduser().absolute() if self.scratch else self.var

    @property
    def store_address(self) -> str:
        """The address of the store between machines: the setting, or the folder in ``var``."""
        return self.store or str(self.var / "store")

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
            "llm_folder": self.llm_shared,
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
    def llm_shared(self) -> Path:
        """Folder of what all tenants share of models: limits of providers, budgets of nights."""
        return self.llm_folder or self.var / "llm"

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


# Settings that are secrets. A process that is handed settings reads these from its environment.
SECRETS = frozenset(name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None)
