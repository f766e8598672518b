"""`line_machines` on two Celery workers with Redis, PostgreSQL and an object store; one worker is lost at a shard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.factory.line import run_batch
from greenlang.metrics import query
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests import libraries
from tests.bucket.conftest import s3, s3_server  # noqa: F401 - fixtures
from tests.machines.services import ROOT, Worker, redis, wait_for
from tests.registry.postgres import OWNER, Postgres

pytestmark = pytest.mark.xdist_group("celery")
EXAMPLES = _paths.data() / "templates" / "specs" / "examples"
LOST_SECONDS = 20


def drop_examples(bucket: Bucket) -> int:
    """Four example specs, and a file that is none."""
    chosen = sorted(EXAMPLES.glob("*.pack.yaml"))[:4]
    for path in chosen:
        bucket.write(f"inbox/{path.name}", path.read_bytes())
    bucket.write("inbox/broken.yaml", b"{")
    return len(chosen)


def packs(settings: Settings) -> dict[str, bytes]:
    return {
        path.relative_to(settings.packs).as_posix(): path.read_bytes()
        for path in settings.packs.rglob("*")
        if path.is_file() and "published" not in path.parts
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_that_is_killed_at_a_shard_loses_nothing(
    postgres: Postgres,
    postgres_url: str,
    s3: Bucket,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    for var in (home, away):
        var.mkdir()
        libraries.tell(var)
    shutil.rmtree(away / "tables")  # what it needs of them comes through the store
    one = Settings(var=tmp_path / "one", workers=1, keys_folder=tmp_path / "keys", settle_seconds=0)
    libraries.tell(one.var)
    many = drop_examples(Bucket.open(one.bucket_address))
    assert len([stage for stage in run_batch(one, entrance="test", settle=False) if stage.agent]) == many + 1

    assert drop_examples(s3) == many
    shutil.copyfile(ROOT / "deploy" / "dagster.yaml", tmp_path / "dagster.yaml")
    with postgres.database() as name, redis(tmp_path) as broker:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GREENLANG_")},
            "DAGSTER_HOME": str(tmp_path),
            "DAGSTER_PG_URL": postgres.url(name, OWNER).replace("postgresql+psycopg2", "postgresql"),
            "GREENLANG_BUCKET": s3.address,
            "GREENLANG_STORE": f"{s3.address}-store",
            "GREENLANG_REGISTRY_URL": postgres_url,
            "GREENLANG_KEYS_FOLDER": str(one.keys),
            "GREENLANG_WORKERS": "1",
            "GREENLANG_SHARD_SIZE": "2",
            "GREENLANG_SETTLE_SECONDS": "0",
            "GREENLANG_EXECUTOR": "celery",
            "GREENLANG_CELERY_BROKER": broker,
            "GREENLANG_CELERY_LOST_SECONDS": str(LOST_SECONDS),
        }
        at_home = {**environment, "GREENLANG_VAR": str(home)}
        workers = [
            Worker("home", at_home, "greenlang-home,dagster", tmp_path / "home.log"),
            Worker("away", {**environment, "GREENLANG_VAR": str(away)}, "dagster", tmp_path / "away.log"),
        ]
        started: subprocess.Popen[bytes] | None = None
        try:
            for worker in workers:
                worker.wait()
            with (tmp_path / "run.log").open("wb") as out:
                started = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "dagster", "job", "execute"),
                        *("-m", "greenlang_pipelines.definitions", "-j", "line_machines"),
                    ],
                    cwd=ROOT,
                    env=at_home,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            log = (tmp_path / "run.log").read_text
            # a scratch folder is there while its shard is built
            wait_for(
                lambda: started.poll() is not None or any(p.is_dir() for p in (away / "shards").glob("*")), 120, log
            )
            assert started.poll() is None, log()
            workers[1].kill()
            assert started.wait(240) == 0, log()
        finally:
            for worker in workers:
                worker.kill()
            if started is not None and started.poll() is None:
                started.kill()
                started.wait(30)

        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
        monkeypatch.setenv("DAGSTER_PG_URL", environment["DAGSTER_PG_URL"])
        with DagsterInstance.get() as instance:
            (run,) = instance.get_runs()
            entries = instance.all_logs(run.run_id)
            events = [e.dagster_event for e in entries if e.dagster_event is not None]
            green = instance.get_materialized_partitions(AssetKey("registry_entry"))
    assert any("; 2 of 2 shards are built" in e.user_message for e in entries), "how far the batch is"
    begun = Counter(e.step_key for e in events if e.event_type_value == "STEP_START")
    ended = Counter(e.step_key for e in events if e.event_type_value == "STEP_SUCCESS")
    shards = {f"build_shard[s{n:06d}]" for n in (1, 2)}
    assert set(ended) == {"run_line", "close_batch", *shards}
    assert sum(begun[step] - ended[step] for step in shards) == 1, "the shard of the lost worker was begun twice"

    settings = Settings(var=home, registry_url=postgres_url)
    assert packs(settings) == packs(one), "to the byte, signatures too"
    alone = {row["key"]: row for row in query(one, "SELECT partition AS key, * FROM agents").as_dicts()}
    rows = {row["key"]: row for row in query(settings, "SELECT partition AS key, * FROM agents").as_dicts()}
    assert rows.keys() == alone.keys()
    for name in ("outcome", "pack_digest", "certificate_digest", "consumed_digest", "tests_total", "reason"):
        assert {key: row[name] for key, row in rows.items()} == {key: row[name] for key, row in alone.items()}
    registered = {key for key, row in rows.items() if row["outcome"] == "registered"}
    assert green == registered
    with Registry(postgres_url) as registry:
        assert registry.count() == len(registered)
    (told,) = query(settings, "SELECT agents, kept, refused, registered, finished_at FROM runs").as_dicts()
    assert told["finished_at"]
    assert (told["agents"], told["kept"], told["registered"]) == (many + 1, 0, len(registered))
