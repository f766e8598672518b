"""PostgreSQL is killed and started again under load: 503 meanwhile, nothing acknowledged lost, nobody restarts us."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.registry import Caller, Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.registry.postgres import Postgres

LISTS = "/api/v1/registry/tenants/acme/lists"
WRITERS = 4


@pytest.mark.slow
def test_a_killed_database_loses_nothing_that_was_acknowledged(
    own_postgres: tuple[Any, Postgres], tmp_path: Path
) -> None:
    running, made = own_postgres
    settings = Settings(var=tmp_path / "var", registry_url=made.url("registry"))
    registry = Registry(settings.registry, keys=settings.keys)
    Tenants(registry).create("acme")
    mine = {"X-API-Key": key_for(registry, "tenant_admin", tenant="acme")}
    acknowledged: list[str] = []
    answers: Counter[int] = Counter()
    stop = threading.Event()

    def write(client: TestClient, writer: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            line = {"kind": "deny", "pattern": f"w{writer}/n{number}", "reason": "load"}
            answer = client.post(LISTS, json=line, headers=mine)
            answers[answer.status_code] += 1
            if answer.status_code == 201:
                acknowledged.append(line["pattern"])
            else:
                assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True), answer.text
                time.sleep(0.2)

    def until(enough: Any) -> None:
        deadline = time.monotonic() + 60
        while not enough():
            assert time.monotonic() < deadline, answers
            time.sleep(0.05)

    with TestClient(create_app(settings, registry=registry), raise_server_exceptions=False) as client:
        writers = [threading.Thread(target=write, args=(client, writer)) for writer in range(WRITERS)]
        for one in writers:
            one.start()
        try:
            before, failed = answers[201], answers[503]
            until(lambda: answers[201] > before + 20)
            os.kill(running.get_pid(), signal.SIGQUIT)  # every process dies at once; the start is a recovery
            until(lambda: answers[503] > failed + 5)
            assert client.get("/health").status_code == 200
            assert client.get("/ready").status_code == 503
            until(lambda: not (made.folder / "postmaster.pid").exists())
            running.ensure_postgres_running()
            before = answers[201]
            until(lambda: answers[201] > before + 20)
        finally:
            stop.set()
            for one in writers:
                one.join(timeout=60)
        assert client.get("/ready").status_code == 200
        standing = {one["pattern"] for one in client.get(LISTS, headers=mine).json()["items"]}
    assert set(answers) == {201, 503}
    assert set(acknowledged) <= standing
    assert AuditLog(registry.as_caller(Caller("acme", "test"))).verify().findings == ()
    registry.close()
