"""The mirror on a real PostgreSQL: names of document 000, the figures of DuckDB, filled while others read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import MirrorError, SettingsError
from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import MetricsStore, mirror, query
from greenlang.metrics.mirror import chunks
from greenlang.metrics.mirror.columns import COLUMNS, page_table
from greenlang.metrics.mirror.fill import Filling
from greenlang.metrics.mirror.texts import category_of
from greenlang.provenance import bytes_digest, canonical
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests.metrics.conftest import outcome
from tests.metrics.nights import (
    BOILER,
    FIRST,
    POWER,
    PUMP,
    SECOND,
    THIRD,
    call,
    key_of,
    three_nights,
    write_night,
    write_pack,
)
from tests.registry.entries import BOILER as ENTRY
from tests.registry.postgres import SUPERUSER, Postgres

SPEC = """\
id: heat/boiler
metadata:
  template: {name: boiler, version: "1.0.0"}
  catalogue:
    row: GLA-1
    category: Calculator
"""
VIEWS = {
    "v_generation_summary": "id status stage progress duration_seconds cost_usd refinement_attempts agent_id name "
    "domain category test_coverage security_score determinism_verified",
    "v_daily_metrics": "metric_date total_generated successful failed success_rate avg_generation_time_seconds "
    "avg_refinements avg_cost_usd total_cost_usd",
}


class Mirror:
    """A factory and its mirror, asked as a reader would."""

    def __init__(self, settings: Settings, server: Postgres, database: str) -> None:
        self.settings = settings
        self.server = server
        self.database = database

    def ask(self, sql: str) -> list[Any]:
        return self.server.sql(f"SET search_path TO factory; {sql}", database=self.database)

    def state(self, extra: str = "") -> dict[str, list[Any]]:
        """Every row of every table; ``extra`` is a column to see with it."""
        names = [*COLUMNS, "mirror_jobs", "mirror_calls", "mirror_parts", "mirror_source"]
        return {
            name: self.ask(f"SELECT {extra} to_jsonb(t) FROM {name} t ORDER BY to_jsonb(t)::TEXT") for name in names
        }

    def drop(self) -> None:
        self.ask("DROP SCHEMA factory CASCADE")


@pytest.fixture
def mirrored(settings: Settings, postgres: Postgres) -> Iterator[Mirror]:
    with postgres.database() as name:
        url = postgres.url(name, SUPERUSER)
        yield Mirror(settings.model_copy(update={"mirror_url": url}), postgres, name)


def filled_factory(settings: Settings) -> None:
    """Three nights, a pack, a spec, and a registry with the life of one build."""
    three_nights(settings)
    files, certificate = write_pack(settings, key_of(BOILER))
    pack = {"pack_digest": files, "certificate_digest": certificate}
    spec = settings.var / "bucket" / "specs" / "heat.boiler@1.0.0-abcdef12.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text(SPEC)
    digest = bytes_digest(SPEC.encode())
    at = THIRD + timedelta(hours=1)
    write_night(settings, at, [outcome(BOILER, score=93.0, spec_digest=digest, **pack)])
    with Registry(settings.registry) as registry:
        registry.register(replace(ENTRY, pack=f"packs/{spec.stem}", **pack))


def test_tables_and_views_have_the_names_of_the_document(mirrored: Mirror) -> None:
    mirror.upgrade(mirrored.settings)
    found: dict[str, list[str]] = {}
    for table, column in mirrored.ask(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'factory' "
        "ORDER BY table_name, ordinal_position"
    ):
        found.setdefault(table, []).append(column)
    own = {name: columns for name, columns in found.items() if not name.startswith("mirror_")}
    assert own == {**{t: list(c) for t, c in COLUMNS.items()}, **{v: names.split() for v, names in VIEWS.items()}}
    indexes = {row[0] for row in mirrored.ask("SELECT indexname FROM pg_indexes WHERE schemaname = 'factory'")}
    assert {"idx_agent_domain", "idx_job_status", "idx_job_created", "idx_provenance_timestamp"} <= indexes


def test_every_column_is_told_of_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "analysts.md").read_text(encoding="utf-8")
    assert page_table() in page, "run: python -m tools.docs"


def test_migrations_go_both_ways(mirrored: Mirror) -> None:
    three_nights(mirrored.settings)
    assert mirror.current(mirrored.settings) is None
    assert mirror.upgrade(mirrored.settings) == mirror.upgrade(mirrored.settings) == "0001"
    mirror.fill(mirrored.settings)
    before = mirrored.state()
    mirror.downgrade(mirrored.settings, "base")
    left = mirrored.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'factory'")
    assert (mirror.current(mirrored.settings), left) == (None, [("mirror_revision",)])
    mirror.fill(mirrored.settings)
    assert mirrored.state() == before
    mirrored.ask("UPDATE mirror_revision SET version_num = '9999'")
    with pytest.raises(SettingsError, match="upgrade greenlang"):
        mirror.fill(mirrored.settings)


def test_the_summary_says_what_duckdb_says(mirrored: Mirror) -> None:
    three_nights(mirrored.settings)
    assert mirror.fill(mirrored.settings).jobs == 6
    columns = "agent_id, status, duration_seconds, refinement_attempts, name, domain, test_coverage"
    found = mirrored.ask(f"SELECT {columns} FROM v_generation_summary ORDER BY agent_id, status, refinement_attempts")
    asked = """
    SELECT agent_id, CASE outcome WHEN 'registered' THEN 'completed' ELSE 'failed' END AS status, seconds,
        CASE outcome WHEN 'quarantined' THEN 2 WHEN 'registered' THEN 1 ELSE 0 END AS rounds, name,
        split_part(agent_id, '/', 1), CASE WHEN pack_digest IS NULL THEN NULL ELSE coverage END
    FROM history WHERE agent_id IS NOT NULL ORDER BY agent_id, status, rounds"""
    assert found == query(mirrored.settings, asked).rows
    assert len(found) == 5, "a file without an id is no agent's"
    (refused,) = mirrored.ask(
        "SELECT status, stage, progress, error_message FROM generation_jobs WHERE spec_id IS NULL"
    )
    assert refused == ("failed", "spec_validation", 0, "not UTF-8")
    reached = "SELECT stage, progress FROM v_generation_summary WHERE agent_id = 'heat/pump'"
    assert mirrored.ask(reached) == [("reference_selection", 10)]


def test_the_days_say_what_duckdb_says(mirrored: Mirror) -> None:
    three_nights(mirrored.settings)
    mirror.fill(mirrored.settings)
    asked = """
    WITH told AS (
        SELECT finished_at::DATE AS day, count(*) AS total, count(*) FILTER (outcome = 'registered') AS good,
            avg(seconds) AS seconds
        FROM history GROUP BY day
    ), cost AS (
        SELECT created_at::DATE AS day, sum(cost_usd) AS cost FROM llm_usage GROUP BY day
    )
    SELECT day, total, good, total - good, round((100 * good / total)::DECIMAL(18, 6), 2)::DECIMAL(5, 2), seconds,
        (coalesce(cost, 0) / total)::DECIMAL(10, 4), coalesce(cost, 0)::DECIMAL(10, 2)
    FROM told LEFT JOIN cost USING (day) ORDER BY day DESC"""
    columns = "metric_date, total_generated, successful, failed, success_rate, avg_generation_time_seconds"
    assert (
        mirrored.ask(f"SELECT {columns}, avg_cost_usd, total_cost_usd FROM v_daily_metrics")
        == query(mirrored.settings, asked).rows
    )
    assert mirrored.ask("SELECT avg_refinements FROM v_daily_metrics") == [(0.5,), (2.0,), (2 / 3,)]
    assert mirrored.ask("SELECT error_categories FROM factory_metrics ORDER BY metric_date") == [
        ({"incomplete": 1},),
        ({"quarantined": 1},),
        ({"refused": 1},),
    ]


def test_a_call_of_a_model_is_the_first_job_s_after_it(mirrored: Mirror) -> None:
    three_nights(mirrored.settings)
    mirror.fill(mirrored.settings)
    costs = "SELECT completed_at::DATE::TEXT, cost_usd FROM generation_jobs WHERE cost_usd > 0"
    assert mirrored.ask(costs) == [("2026-11-20", Decimal("0.1123"))]
    calls = "SELECT provider, cost_usd, job_id IS NULL FROM llm_usage ORDER BY created_at, provider"
    assert mirrored.ask(calls) == [
        ("acme", Decimal("0.012346"), False),
        ("acme", Decimal("0.100000"), False),
        ("other", Decimal("0.000000"), True),  # the grid's next night has not come yet
    ]
    write_night(mirrored.settings, THIRD + timedelta(days=1), [outcome(POWER)])
    mirror.fill(mirrored.settings)
    assert [row[2] for row in mirrored.ask(calls)] == [False, False, False]


def test_what_was_judged_stands_by_its_dimension(mirrored: Mirror) -> None:
    write_night(mirrored.settings, FIRST, [outcome(BOILER)])
    mirror.fill(mirrored.settings)
    ((dimension, passed, score, errors, warnings, told),) = mirrored.ask(
        "SELECT dimension, passed, score, errors, warnings, metadata FROM validation_results"
    )
    assert (dimension, passed, score, warnings) == ("tests", True, 100, [])
    assert errors == [
        {"level": "error", "line": 3, "measure": "latency", "mend": "cache", "message": "slow", "path": "a/tools.py"}
        | {"rule": "L1"}
    ]
    assert told["threshold"] == 90.0
    assert [m["measure"] for m in told["measures"]] == ["coverage", "latency"]


def test_a_second_run_rewrites_no_row_and_a_mirror_filled_anew_is_equal(mirrored: Mirror) -> None:
    filled_factory(mirrored.settings)
    first = mirror.fill(mirrored.settings)
    assert (first.jobs, first.calls, first.steps, first.packs) == (7, 3, 1, 1)
    before = mirrored.state("xmin::TEXT,")
    again = mirror.fill(mirrored.settings)
    assert again == mirror.Filled(missing=first.missing)
    assert mirrored.state("xmin::TEXT,") == before
    whole = mirrored.state()
    mirrored.drop()
    assert mirror.fill(mirrored.settings) == first
    assert mirrored.state() == whole


def test_night_by_night_and_after_merging_it_is_the_same(mirrored: Mirror, tmp_path: Path) -> None:
    settings = mirrored.settings
    (tmp_path / "other").mkdir()
    three_nights(settings)
    mirror.fill(settings)
    MetricsStore(settings).write_calls([call(9, key_of(PUMP), SECOND)], "calls-9-9")  # comes late
    assert MetricsStore(settings).compact(grace=0, at_least=2) > 0
    write_night(settings, THIRD + timedelta(days=1), [outcome(PUMP), outcome(BOILER)])
    assert mirror.fill(settings).jobs == 2
    grown = mirrored.state()
    mirrored.drop()
    mirror.fill(settings)
    assert mirrored.state() == grown
    assert mirrored.ask("SELECT cost_usd FROM generation_jobs WHERE cost_usd > 0 ORDER BY 1") == [
        (Decimal("0.0123"),),
        (Decimal("0.1123"),),
    ]


def test_small_pieces_end_as_one_large_one(mirrored: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    three_nights(mirrored.settings)
    mirror.fill(mirrored.settings)
    whole = mirrored.state()
    mirrored.drop()
    monkeypatch.setattr(chunks, "MOST", 1)
    mirror.fill(mirrored.settings)
    assert mirrored.state() == whole


def test_code_and_pages_are_those_of_the_pack_that_stands(mirrored: Mirror) -> None:
    filled_factory(mirrored.settings)
    mirror.fill(mirrored.settings)
    texts = "agent_code, test_code, deployment_pack, documentation, demo_scripts, agent_code_hash"
    ((code, tests, deployment, pages, demos, digest),) = mirrored.ask(
        f"SELECT {texts} FROM agent_artifacts WHERE agent_code IS NOT NULL"
    )
    assert code.endswith("# --- gl_boiler/tools.py\ndef co2e(gas):\n\treturn gas * 2  # tab, \\ backslash\n")
    assert digest == bytes_digest(code.encode())
    assert tests == "# --- tests/test_golden.py\ndef test_one():\n    assert True\n"
    assert deployment == "# --- Dockerfile\nFROM scratch\n\n# --- deploy/k8s/hpa.yaml\nkind: HPA\n"
    assert (pages, demos) == ({"README.md": "# Boiler\n", "docs/api.md": "# API\n"}, {"demos/api.py": "print(1)\n"})
    (spec,) = mirrored.ask("SELECT category, spec_yaml, created_at FROM agent_specs WHERE agent_id = 'heat/boiler'")
    assert spec[:2] == ("Calculator", SPEC)
    assert spec[2].date() == FIRST.date(), "the moment of the first outcome"
    ((reference, gold),) = mirrored.ask("SELECT agent_code, is_gold_standard FROM reference_agents")
    assert (reference, gold) == (code, False)
    later = {"pack_digest": "7" * 64, "certificate_digest": "8" * 64}
    write_night(mirrored.settings, THIRD + timedelta(days=1), [outcome(BOILER, **later)])
    assert mirror.fill(mirrored.settings).missing == 2
    assert mirrored.ask("SELECT count(*) FROM agent_artifacts WHERE agent_code_hash IS NOT NULL") == [(0,)]


def test_a_text_that_is_too_long_is_left_out_and_its_digest_stays(mirrored: Mirror) -> None:
    mirrored.settings = mirrored.settings.model_copy(update={"mirror_text_bytes": 30})
    filled_factory(mirrored.settings)
    mirror.fill(mirrored.settings)
    ((code, digest, pages),) = mirrored.ask(
        "SELECT agent_code, agent_code_hash, documentation FROM agent_artifacts WHERE agent_code_hash IS NOT NULL"
    )
    assert (code, len(digest), sorted(pages)) == (None, 64, ["README.md", "docs/api.md"])
    assert mirrored.ask("SELECT spec_yaml FROM agent_specs WHERE agent_id = 'heat/boiler'") == [(None,)]


def test_the_chain_of_steps_can_be_checked_in_the_mirror(mirrored: Mirror) -> None:
    filled_factory(mirrored.settings)
    with Registry(mirrored.settings.registry) as registry:
        registry.register(replace(ENTRY, agent_id="else/where", pack_digest="5" * 64))
    mirror.fill(mirrored.settings)
    steps = mirrored.ask(
        "SELECT event_type, event_data, hash, previous_hash, artifact_id FROM provenance_chain "
        "ORDER BY event_data ->> 'agent_id' DESC"
    )
    assert [row[0] for row in steps] == ["registered", "registered"]
    for _, data, digest, previous, _ in steps:
        assert bytes_digest(canonical(data)) == digest
        assert previous is None
    ((artifact,),) = mirrored.ask("SELECT id FROM agent_artifacts WHERE agent_code IS NOT NULL")
    assert [row[4] for row in steps] == [artifact, None], "a pack that was built elsewhere has no job here"


def test_a_step_that_was_committed_after_a_later_one_is_not_lost(mirrored: Mirror) -> None:
    """Ids are given out before a transaction ends: the mirror may have seen a higher one first."""
    filled_factory(mirrored.settings)
    with Registry(mirrored.settings.registry) as registry:
        registry.register(replace(ENTRY, agent_id="else/where", pack_digest="5" * 64))
    mirror.fill(mirrored.settings)
    whole = mirrored.state()
    mirrored.ask("DELETE FROM provenance_chain WHERE event_data ->> 'agent_id' = 'heat/boiler'")
    assert [mirror.fill(mirrored.settings).steps for _ in range(2)] == [1, 0]
    assert mirrored.state() == whole


def test_a_reference_never_has_the_code_of_an_older_version(mirrored: Mirror) -> None:
    """The pack of the newer one is not here: it was built elsewhere."""
    filled_factory(mirrored.settings)
    mirror.fill(mirrored.settings)
    assert len(mirrored.ask("SELECT agent_id FROM reference_agents")) == 1
    with Registry(mirrored.settings.registry) as registry:
        registry.register(replace(ENTRY, version="2.0.0", pack_digest="5" * 64))
    mirror.fill(mirrored.settings)
    assert mirrored.ask("SELECT agent_code FROM reference_agents") == []


def test_a_spec_that_a_corrected_one_has_followed_is_no_job(mirrored: Mirror) -> None:
    key = key_of(BOILER)
    gone = AgentOutcome(key, "x.yaml", "refused", "replaced", BOILER, "1.0.0", replaced_by="heat/boiler@1.0.0-cccccccc")
    write_night(mirrored.settings, FIRST, [gone, outcome(PUMP)])
    assert mirror.fill(mirrored.settings).jobs == 1
    assert mirrored.ask("SELECT total_generated, failed FROM factory_metrics") == [(1, 0)]


def test_templates_are_counted_by_the_specs_made_from_them(mirrored: Mirror) -> None:
    three_nights(mirrored.settings)
    mirror.fill(mirrored.settings)
    ((name, used, examples),) = mirrored.ask(
        "SELECT name, usage_count, jsonb_typeof(examples) FROM agent_templates WHERE name = 'industrial-heat-pump'"
    )
    assert (name, used, examples) == ("industrial-heat-pump", 0, "array")
    mirrored.ask("UPDATE agent_specs SET spec_yaml = '# Made from the template industrial-heat-pump 1.0.0.'")
    mirror.fill(mirrored.settings)
    assert mirrored.ask("SELECT usage_count FROM agent_templates WHERE usage_count > 0") == [(3,)]


@pytest.mark.slow
def test_a_run_that_is_killed_between_two_pieces_is_taken_up(mirrored: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    three_nights(mirrored.settings)
    monkeypatch.setattr(chunks, "MOST", 1)
    reckon, done = Filling._reckon, []

    def killed(self: Any, chunk: chunks.Chunk) -> None:
        done.append(chunk)
        if len(done) == 3:
            raise KeyboardInterrupt
        reckon(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(Filling, "_reckon", killed)
        with pytest.raises(KeyboardInterrupt):
            mirror.fill(mirrored.settings)
    half = mirrored.ask("SELECT count(*) FROM generation_jobs")
    mirror.fill(mirrored.settings)
    assert half < mirrored.ask("SELECT count(*) FROM generation_jobs") == [(6,)]
    after = mirrored.state()
    mirrored.drop()
    mirror.fill(mirrored.settings)
    assert mirrored.state() == after


@pytest.mark.slow
def test_readers_neither_wait_nor_see_half_a_piece(mirrored: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = mirrored.settings
    monkeypatch.setattr(chunks, "MOST", 1)
    mirror.upgrade(settings)
    for day in range(1, 9):
        at = datetime(2026, 10, day, 2, tzinfo=UTC)
        write_night(settings, at, [outcome(f"d/agent{n}") for n in range(4)])
    seen: list[tuple[int, int, int, int]] = []
    ended = threading.Event()

    def read() -> None:
        connection = psycopg2.connect(host=str(mirrored.server.folder), user=SUPERUSER, dbname=mirrored.database)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET search_path TO factory; SET lock_timeout = '1ms'")  # whoever has to wait, fails
            while not ended.is_set():
                cursor.execute(
                    "SELECT (SELECT count(*) FROM v_generation_summary), (SELECT count(*) FROM validation_results), "
                    "(SELECT coalesce(sum(total_generated), 0) FROM v_daily_metrics), "
                    "(SELECT coalesce(sum(completed), 0) FROM batch_jobs)"
                )
                seen.append(cursor.fetchone())
        connection.close()

    idle = psycopg2.connect(host=str(mirrored.server.folder), user=SUPERUSER, dbname=mirrored.database)
    with idle.cursor() as cursor:  # a reader that forgot its transaction holds nobody up
        cursor.execute("SELECT count(*) FROM factory.v_generation_summary")
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        mirror.fill(settings)
    finally:
        ended.set()
        for reader in readers:
            reader.join(timeout=30)
        idle.close()
    assert len({jobs for jobs, *_ in seen}) > 2, "nobody read while it was filled"
    assert all(jobs == judged == days == batches and jobs % 4 == 0 for jobs, judged, days, batches in seen), seen[-1]
    assert mirrored.ask("SELECT count(*) FROM v_generation_summary") == [(32,)]


def test_one_process_fills_at_a_time(mirrored: Mirror) -> None:
    three_nights(mirrored.settings)
    other = psycopg2.connect(host=str(mirrored.server.folder), user=SUPERUSER, dbname=mirrored.database)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext('factory'))", [0x67_6C_6D_72])
        with pytest.raises(MirrorError, match="another process"):
            mirror.fill(mirrored.settings)
    other.close()


def test_a_mirror_is_of_one_tenant(mirrored: Mirror) -> None:
    three_nights(mirrored.settings)
    mirror.fill(mirrored.settings)
    with pytest.raises(SettingsError, match="GREENLANG_MIRROR_SCHEMA"):
        mirror.fill(mirrored.settings.model_copy(update={"tenant": "acme"}))
    mirror.fill(mirrored.settings.model_copy(update={"tenant": "acme", "mirror_schema": "acme"}))


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        (None, SettingsError, "GREENLANG_MIRROR_URL names"),
        ("sqlite:///x.sqlite", SettingsError, "PostgreSQL"),
        ("nonsense", SettingsError, "cannot be used"),
        ("postgresql://u:secret@127.0.0.1:1/x", MirrorError, r"u:\*\*\*@"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(settings: Settings, url: str | None, error: type, said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        mirror.fill(settings.model_copy(update={"mirror_url": url}))
    assert "secret" not in str(caught.value)


def test_the_command_fills_and_takes_down(mirrored: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    three_nights(mirrored.settings)
    monkeypatch.setenv("GREENLANG_MIRROR_URL", str(mirrored.settings.mirror_url))
    begin = ["--var", str(mirrored.settings.var), "factory", "mirror"]
    done = CliRunner().invoke(app, [*begin, "--json"])
    assert json.loads(done.stdout) == {"jobs": 6, "calls": 3, "steps": 0, "packs": 0, "missing": 2}
    assert "mirrored: 0 outcomes" in CliRunner().invoke(app, begin).stdout
    done = CliRunner().invoke(app, [*begin, "--downgrade", "base"])
    assert (done.exit_code, done.stdout) == (0, "the mirror has no tables any more\n")
    monkeypatch.delenv("GREENLANG_MIRROR_URL")
    done = CliRunner().invoke(app, begin)
    assert (done.exit_code, "GREENLANG_MIRROR_URL" in done.stderr) == (2, True)


@pytest.mark.parametrize("text", [None, "", "metadata: x", "metadata:\n  catalogue: [1]\n", "metadata:\n  a: {\n"])
def test_a_spec_without_a_category_has_none(text: str | None) -> None:
    assert category_of(text) is None
