"""Secrets are planted in the environment of a factory that works and fails; none of them is found anywhere else."""

from __future__ import annotations

import base64
import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from greenlang.registry import Caller, Registry
from greenlang.registry.keys import Keys
from greenlang.signing import Signer
from tests.doctor.test_checks import free_port
from tests.registry.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("planted")]  # one day for all
ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-of-the-spec"  # no secret: where it is found, a secret would be


@dataclass(frozen=True)
class Day:
    """What is left of a day: named texts, and the secrets that were planted."""

    found: list[tuple[str, bytes]]
    secrets: dict[str, str]
    output: str


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """A server that refuses everything and repeats every header: the worst that a foreign service does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = json.dumps(
                {"error": {"message": f"refused: {dict(self.headers)}", "type": "auth"}, "size": len(body)}
            )
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(told.encode())

        do_GET = do_PUT = do_HEAD = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def day(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, echo: str) -> Iterator[Day]:
    """Everything runs once; the tests look at what is left."""
    folder = tmp_path_factory.mktemp("planted")
    var = folder / "var"
    home = var / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    (folder / "llm.yaml").write_text(
        f"providers: [{{name: ours, kind: openai, base_url: '{echo}/v1', models: [gpt-4.1], "
        "api_key_env: OURS_API_KEY, retries: {attempts: 1}}]\n"
    )
    Signer(var / "keys").sign(b"")
    secrets = {
        "database password": "planted-Db9PassWord",
        "password of a lost database": "planted-Lost7PassWord",
        "model key": "sk-planted-Model4Key",
        "mail password": "planted-Mail8PassWord",
        "webhook address": "planted-Hook5Token",
        "webhook key": base64.b64encode(b"planted-Whsec3Key-planted").decode(),
        "bucket secret": "planted-Bucket6Secret",
        "passphrase": "planted-Pass2Phrase-of-keys",
        "mirror's password": "planted-Mirror1PassWord",
        "broker's password": "planted-Broker4/PassWord",  # with a `/`, as generators make them
        "password of Dagster's database": "planted-Dagster2PassWord",
        "collector's token": "planted-Otlp6Token",
        "signing key": (var / "keys" / "signing-key.pem").read_text().splitlines()[1],
    }
    mirror, broker = secrets["mirror's password"], secrets["broker's password"]
    dagster, collector = secrets["password of Dagster's database"], secrets["collector's token"]
    with postgres.database("registry_template") as name:
        url = postgres.url(name).replace("greenlang_app@", f"greenlang_app:{secrets['database password']}@")
        with Registry(url, keys=var / "keys", caller=Caller(actor="ada")) as registry:
            secrets["API key"] = Keys(registry).issue("ada", ["super_admin"]).plain
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GREENLANG_"))},
            "GREENLANG_VAR": str(var),
            "GREENLANG_REGISTRY_URL": url,
            "GREENLANG_LLM": "live",
            "GREENLANG_LLM_CONFIG": str(folder / "llm.yaml"),
            "OURS_API_KEY": secrets["model key"],
            "GREENLANG_SMTP_URL": f"smtp://me:{secrets['mail password']}@127.0.0.1:{free_port()}",
            "GREENLANG_ALERT_EMAIL_TO": "ops@example.org",
            "GREENLANG_ALERT_WEBHOOK": f"{echo}/hooks/{secrets['webhook address']}",
            "GREENLANG_ALERT_WEBHOOK_KEY": f"whsec_{secrets['webhook key']}",
            "GREENLANG_BACKUP_PASSPHRASE": secrets["passphrase"],
            "GREENLANG_API_KEY": secrets["API key"],
            "GREENLANG_MIRROR_URL": f"postgresql+psycopg2://me:{mirror}@127.0.0.1:{free_port()}/x",
            "GREENLANG_CELERY_BROKER": f"redis://:{broker}@127.0.0.1:{free_port()}/0",
            "DAGSTER_PG_URL": f"postgresql://me:{dagster}@127.0.0.1:{free_port()}/x",
            "OTEL_EXPORTER_OTLP_ENDPOINT": echo,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{collector}",
            "GREENLANG_MUTANTS": "1",
            "GREENLANG_WORKERS": "1",
            "GREENLANG_LOG_FORMAT": "json",
            "GREENLANG_LOG_LEVEL": "DEBUG",
            "AWS_ACCESS_KEY_ID": "planted",
            "AWS_SECRET_ACCESS_KEY": secrets["bucket secret"],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": echo,
            "AWS_ALLOW_HTTP": "true",
            "DAGSTER_HOME": str(home),
            "ECHO": echo,
            "PYTHONPATH": str(ROOT),
        }
        lost = f"postgresql+psycopg2://me:{secrets['password of a lost database']}@127.0.0.1:{free_port()}/x"
        done = subprocess.run(
            [sys.executable, "-m", "tests.secrets.played"],
            input=json.dumps({"lost": lost, "key": secrets["API key"]}),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
            check=False,
            timeout=280,
        )
        dumped = "\n".join(_tables(postgres, name))
    found = [("stdout", done.stdout.encode()), ("stderr", done.stderr.encode()), ("postgresql", dumped.encode())]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.name not in ("signing-key.pem", "llm.yaml"):
            found += _texts(path.relative_to(folder).as_posix(), path.read_bytes())
    yield Day(found, secrets, f"{done.stdout}\n{done.stderr}")


def _tables(server: Postgres, database: str) -> Iterator[str]:
    """Every row of the database, as its superuser reads it."""
    for (table,) in server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=database):
        yield f"{table}: {server.sql(f'SELECT t::text FROM {table} t', database=database)}"


def _texts(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file as it is, and what is packed in it."""
    yield name, data
    if name.endswith(".parquet"):
        with duckdb.connect() as connection:
            connection.register("t", pq.read_table(io.BytesIO(data)))
            yield f"{name} (rows)", str(connection.sql("SELECT t::VARCHAR FROM t").fetchall()).encode()
    elif data.startswith(b"SQLite format 3\0"):
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(data[:18] + b"\1\1" + data[20:])  # a file with a WAL would ask for it
            yield f"{name} (rows)", "\n".join(database.iterdump()).encode()
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from _texts(f"{name}!{member}", archive.read(member))
    elif name.endswith(".tar.zst"):
        with (
            pa.CompressedInputStream(pa.BufferReader(data), "zstd") as raw,
            tarfile.open(fileobj=raw, mode="r|") as tar,
        ):
            for info in tar:
                file = tar.extractfile(info) if info.isreg() else None
                yield from _texts(f"{name}!{info.name}", file.read() if file else b"")


def _forms(secret: str) -> list[bytes]:
    """A secret as it stands, and as Base64 has it wherever it begins."""
    forms = [secret.encode()]
    for before in range(3):
        text = base64.b64encode(b"x" * before + secret.encode())
        forms.append(text[4 if before else 0 : -4])
    return forms


def test_the_day_went_as_it_should(day: Day) -> None:
    """Otherwise nothing would have had a chance to leak."""
    assert "batch True" in day.output, day.output[-3000:]
    assert "batch without a database False" in day.output
    assert "graphql 0" in day.output, day.output[-3000:]
    assert '"allTopLevelResourceDetails"' in day.output
    assert '"rootDefaultYaml"' in day.output
    assert "launched completed" in day.output
    assert "-m greenlang.launcher_local" in day.output, "its process was seen"
    for page in "/console", "/console/agents/buildings/gas_boiler_uk_v1", "/console/sign-in":
        assert f"\n{page} " in day.output
    assert "\n/console 200 " in day.output
    assert "refused" in day.output, "the echo was told"
    assert "['doctor'] " in day.output
    for words in ("factory", "alert-test"), ("backup",), ("registry", "search"):
        assert str(list(words))[:-1] in day.output


@pytest.mark.parametrize(
    "place", [".parquet (rows)", ".tar.zst!", ".whl!", "postgresql", "dagster/history/", "stdout", "var/bucket/"]
)
def test_what_is_no_secret_is_found_where_one_could_be(day: Day, place: str) -> None:
    """The looking itself sees into tables, archives and databases."""
    assert [name for name, data in day.found if place in name and CANARY.encode() in data], place


@pytest.mark.parametrize(
    "name",
    [
        *("database password", "password of a lost database", "model key", "mail password", "webhook address"),
        *("webhook key", "bucket secret", "passphrase", "signing key", "API key"),
        *("mirror's password", "broker's password", "password of Dagster's database", "collector's token"),
    ],
)
def test_no_secret_is_found_anywhere(day: Day, name: str) -> None:
    forms = _forms(day.secrets[name])
    leaks = []
    for place, data in day.found:
        for form in forms:
            at = data.find(form)
            if at >= 0:
                leaks.append((place, data[max(0, at - 200) : at + 60]))
                break
    assert not leaks, leaks[:5]


def test_a_secret_would_be_found() -> None:
    """In each of the forms."""
    secret = "planted-Db9PassWord"
    for text in (secret.encode(), *(base64.b64encode(b"user"[:n] + b":" + secret.encode()) for n in range(4))):
        assert any(form in text for form in _forms(secret)), text
