"""The line: a spec dropped in the bucket becomes a registered agent, or is told why not."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from multiprocessing import forkserver, util
from pathlib import Path

import pytest
from line_tools import EXAMPLES, drop, end_state, example, renamed, run

from greenlang.bucket import Bucket
from greenlang.factors import Factor, FactorTable
from greenlang.factors.storage import write_parquet
from greenlang.factory import asking, errand, line
from greenlang.factory.inbox import journal
from greenlang.factory.outcome import AgentOutcome
from greenlang.factory.source import SpecSource
from greenlang.metrics import query
from greenlang.registry import Registry
from greenlang.registry.details import needs_of
from greenlang.registry.packs import pack_of
from greenlang.registry.steps import Step, write_step
from greenlang.sandbox import supervisor
from greenlang.settings import Settings
from greenlang.specs.model import slug
from tests.line.test_overlays import OVERLAY
from tests.line.test_overlays import SPEC as PUMP
from tests.registry.lives import judged

README = Path(__file__).resolve().parents[2] / "README.md"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, object]]:
    settings = Settings(var=tmp_path_factory.mktemp("examples") / "var", workers=2)
    drop(settings, **{p.name.replace(".", "__"): p.read_bytes() for p in EXAMPLES.glob("*.yaml")})
    return settings, run(settings)


class TestAllExamples:
    def test_every_one_is_registered(self, done: tuple[Settings, dict]) -> None:
        _, outcomes = done
        assert {f: (o.outcome, o.reason) for f, o in outcomes.items() if o.outcome != "registered"} == {}
        assert len(outcomes) >= 11

    def test_each_has_forty_tests_that_passed_and_enough_coverage(self, done: tuple[Settings, dict]) -> None:
        _, outcomes = done
        for outcome in outcomes.values():
            assert outcome.tests_passed == outcome.tests_total >= 40, outcome.file
            assert outcome.coverage is not None
            assert outcome.coverage >= 85, outcome.file
            assert len(outcome.dimensions) == 12

    def test_the_table_of_the_readme_is_what_comes_out(self, done: tuple[Settings, dict]) -> None:
        _, outcomes = done
        by_name = {(o.agent_id, o.version): o for o in outcomes.values()}
        table = README.read_text(encoding="utf-8").partition("ends with a table")[2].split("```")[1]
        rows = [line.split() for line in table.splitlines() if "/" in line]
        assert len(rows) >= 3
        for agent_id, version, _, tests, coverage, _, score, _, _ in rows:
            outcome = by_name[agent_id, version]
            assert tests == f"{outcome.tests_passed}/{outcome.tests_total}", agent_id
            assert (coverage, score) == (f"{outcome.coverage:.1f}", f"{outcome.score:.1f}"), agent_id

    def test_the_metrics_and_the_registry_agree(self, done: tuple[Settings, dict]) -> None:
        settings, outcomes = done
        rows = query(settings, "select agent_id, state, outcome from agents order by agent_id").as_dicts()
        assert {r["state"] for r in rows} == {"draft"}
        with Registry(settings.registry) as registry:
            assert [r["agent_id"] for r in rows] == sorted(e.agent_id for e in registry.all())
        assert len(rows) == len(outcomes)

    def test_the_lineage_names_every_pinned_factor(self, done: tuple[Settings, dict]) -> None:
        settings, _ = done
        refs = query(
            settings, "select ref from lineage where agent_id = 'cbam/goods_default_values_v1' and kind = 'factor'"
        ).as_dicts()
        assert len(refs) == 21

    def test_the_formulas_are_there_with_their_outputs(self, done: tuple[Settings, dict]) -> None:
        settings, _ = done
        rows = query(settings, "select id, outputs, citation from formulas").as_dicts()
        assert {(r["id"], r["outputs"]) for r in rows} >= {("carbon/energy-by-gas", "co2e")}
        assert all(r["outputs"] and r["citation"] for r in rows)

    def test_the_certificates_hold(self, done: tuple[Settings, dict]) -> None:
        from greenlang.provenance import PackCertificate

        settings, outcomes = done
        for outcome in outcomes.values():
            folder = settings.packs / slug(outcome.key)
            assert PackCertificate.load(folder).verify(folder) == []

    def test_each_has_a_report_in_every_form_and_its_measures_and_mutants_can_be_asked_for(
        self, done: tuple[Settings, dict]
    ) -> None:
        settings, outcomes = done
        for outcome in outcomes.values():
            folder = settings.var / outcome.report
            assert outcome.agent_id in (folder / "index.html").read_text()
            assert json.loads((folder / "quality.json").read_text())["agent_id"] == outcome.agent_id
            assert json.loads((folder / "quality.sarif").read_text())["runs"]
            assert (folder / "wheel.svg").read_text().startswith("<svg")
            assert outcome.summary["quality"].startswith("**Passed**")
        rows = query(settings, "select mutation_score, mutant_tier, latency_p95_ms, memory_mb from agents").rows
        assert all(score >= 95 and tier == "20" and p95 > 0 and mb >= 0 for score, tier, p95, mb in rows)
        told = query(
            settings,
            "select agent_id, count(*) filter (fate in ('killed', 'broken')) from mutants group by agent_id",
        ).rows
        assert len(told) == len(outcomes)
        assert all(killed >= 10 for _, killed in told)
        measured = query(settings, "select count(*), count(distinct agent_id) from qa_measures where met").rows[0]
        assert measured[0] > 30 * measured[1]
        assert measured[1] == len(outcomes)

    def test_nothing_is_left_in_the_inbox_and_every_spec_is_kept(self, done: tuple[Settings, dict]) -> None:
        settings, outcomes = done
        bucket = Bucket.open(settings.bucket_address)
        assert bucket.list("inbox") == []
        assert {o.key for o in outcomes.values()} == set(line.accepted_keys(bucket))

    def test_a_second_run_has_nothing_to_do(self, done: tuple[Settings, dict]) -> None:
        settings, _ = done
        before = end_state(settings)
        assert line.stale_keys(settings) == []
        drop(settings, again__yaml=example("boiler"))
        assert run(settings) == {}
        assert end_state(settings) == before

    def test_a_rebuild_without_change_keeps_what_stands(self, done: tuple[Settings, dict]) -> None:
        settings, outcomes = done
        keys = [o.key for o in outcomes.values()][:3]
        before = end_state(settings)
        again = run(settings, keys=keys)
        assert all(not o.rebuilt and o.outcome == "registered" and o.score for o in again.values())
        assert end_state(settings) == before

    def test_a_forced_rebuild_gives_the_same_bytes(self, done: tuple[Settings, dict]) -> None:
        settings, outcomes = done
        key = next(o.key for o in outcomes.values() if "heat_pump" in o.key)
        before = end_state(settings)
        again = run(settings, keys=[key], force=True)
        assert [o.rebuilt for o in again.values()] == [True]
        assert end_state(settings) == before


def test_what_cannot_be_built_is_told_and_harms_nobody(settings: Settings, shared: Path) -> None:
    specs = shared / "specs" / "pack_compute"
    drop(
        settings,
        good__yaml=example("boiler"),
        broken__yaml=b"a: [1\n",
        contradiction__yaml=(specs / "boiler_natural_gas.pack.yaml").read_bytes(),
        unknown__yaml=(specs / "grid_factor_ai.pack.yaml").read_bytes(),
    )
    outcomes = run(settings)
    assert {f: o.outcome for f, o in outcomes.items()} == {
        "good.yaml": "registered",
        "broken.yaml": "refused",
        "contradiction.yaml": "refused",
        "unknown.yaml": "incomplete",
    }
    bucket = Bucket.open(settings.bucket_address)
    rejected = {e.name for e in bucket.list("rejected")}
    assert rejected >= {
        "broken.yaml",
        "broken.yaml.report.md",
        "broken.yaml.report.json",
        "contradiction.yaml",
        "contradiction.yaml.report.md",
        "contradiction.yaml.report.json",
    }
    report = bucket.read("rejected/contradiction.yaml.report.md").decode()
    assert "355.2" in report
    assert "300.6" in report
    codes = {d["code"] for d in json.loads(bucket.read("rejected/contradiction.yaml.report.json"))["diagnostics"]}
    assert {"GLS031", "GLS051", "GLS052"} <= codes
    told = bucket.read(f"reports/{slug(outcomes['unknown.yaml'].key)}.md").decode()
    assert "no plan for `emission_factor`" in told
    with Registry(settings.registry) as registry:
        assert [e.agent_id for e in registry.all()] == ["buildings/gas_boiler_uk_v1"]
    assert bucket.read("rejected/contradiction.yaml") == (specs / "boiler_natural_gas.pack.yaml").read_bytes()


def test_every_kind_of_bad_file_ends_in_rejected_with_its_message(settings: Settings) -> None:
    good = example("boiler")
    files = {
        "broken.yaml": (b"a: [1, 2\nb: 3\n", "GLS002"),
        "twice.yaml": (good + b"name: again\n", "GLS003"),
        "latin.yaml": (b"id: \xff\n", "GLS001"),
        "large.yaml": (b"# " + b"x" * 50_000_000, "GLS004"),
        "empty.yaml": (b"", "GLS006"),
        "path.yaml": (good.replace(b"buildings/gas_boiler_uk_v1", b"../../etc/x"), "GLS013"),
        "unit.yaml": (good.replace(b"unit: kWh", b"unit: kWhh", 1), "GLS020"),
        "reference.yaml": (
            good.replace(b"2025/natural-gas/", b"2025/natural-gass/").replace(b"uk_v1", b"uk_v2"),
            "GLS031",
        ),
        "dialect.yaml": (b"apiVersion: greenlang.io/v2\nkind: AgentSpec\n", "GLS008"),
        "notes.txt": (b"hello", "GLS070"),
    }
    drop(settings, **{name.replace(".", "__"): data for name, (data, _) in files.items()})
    outcomes = run(settings)
    assert {o.outcome for o in outcomes.values()} == {"refused"}
    bucket = Bucket.open(settings.bucket_address)
    for name, (data, code) in files.items():
        assert bucket.digest(f"rejected/{name}") == hashlib.sha256(data).hexdigest(), name
        report = json.loads(bucket.read(f"rejected/{name}.report.json"))
        assert code in {d["code"] for d in report["diagnostics"]}, name
        assert code in bucket.read(f"rejected/{name}.report.md").decode(), name
    assert bucket.list("inbox") == []


def test_same_version_with_other_bytes_is_refused_and_names_both(settings: Settings) -> None:
    drop(settings, first__yaml=example("boiler"))
    run(settings)
    before = end_state(settings)
    drop(settings, second__yaml=example("boiler") + b"# changed\n")
    outcomes = run(settings)
    assert outcomes["second.yaml"].outcome == "refused"
    report = Bucket.open(settings.bucket_address).read("rejected/second.yaml.report.md").decode()
    for data in (example("boiler"), example("boiler") + b"# changed\n"):
        assert hashlib.sha256(data).hexdigest() in report
    assert "second.yaml" in report
    assert "specs/buildings.gas_boiler_uk_v1@1.0.0-" in report
    assert end_state(settings)["registry"] == before["registry"]
    assert end_state(settings)["packs"] == before["packs"]


def test_two_of_one_version_in_one_tick_are_both_refused(settings: Settings) -> None:
    drop(settings, one__yaml=example("boiler"), two__yaml=example("boiler") + b"# changed\n")
    outcomes = run(settings)
    assert {f: o.outcome for f, o in outcomes.items()} == {"one.yaml": "refused", "two.yaml": "refused"}


def test_a_new_version_is_a_new_entry(settings: Settings) -> None:
    drop(settings, one__yaml=example("boiler"))
    run(settings)
    newer = example("boiler").replace(b'version: "1.0.0"', b'version: "1.1.0"')
    names = b'needs: {buildings/gas_boiler_uk_v1/none: ">=2"}\nregulations: [SECR]\n'
    drop(settings, two__yaml=newer.replace(b"compute:\n", names + b"compute:\n", 1))
    outcome = run(settings)["two.yaml"]
    assert [(d.code, d.severity) for d in outcome.diagnostics if "none" in d.message] == [("GLS072", "warning")]
    with Registry(settings.registry) as registry:
        assert [e.version for e in registry.versions("buildings/gas_boiler_uk_v1")] == ["1.1.0", "1.0.0"]
        assert needs_of(registry, outcome.agent_id)["default", "1.1.0"] == {"buildings/gas_boiler_uk_v1/none": ">=2"}
        (found,) = registry.search(regulation="streamlined energy and carbon reporting")
        assert (found.version, found.judgement["compliance_security"]["scan"]["advisories"]) == ("1.1.0", 0)


_OLD_KERNEL = """
import ctypes, os, struct, sys
code = lambda op, jt, jf, k: struct.pack("HBBI", op, jt, jf, k)
# load the call's number; Landlock's first call (444) is unknown, as on an old kernel; everything else is allowed
program = code(0x20, 0, 0, 0) + code(0x15, 0, 1, 444) + code(0x06, 0, 0, 0x00050000 | 38) + code(0x06, 0, 0, 0x7FFF0000)
buffer = ctypes.create_string_buffer(program)
filters = ctypes.create_string_buffer(struct.pack("HP", 4, ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filters, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-m", "greenlang.cli.main", "--var", sys.argv[1], "demo"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="an old Linux kernel is imitated with seccomp")
def test_a_machine_without_the_primitives_is_told_the_exact_command(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OLD_KERNEL, str(tmp_path / "var")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3
    assert "    GREENLANG_SANDBOX=weak make run\n" in done.stderr
    assert "Landlock" in done.stderr
    assert not (tmp_path / "var" / "packs").exists()


def nobody_is_left(session: int) -> bool:
    """Whether every process of a session is gone within ten seconds."""
    for _ in range(100):
        stats = Path("/proc").glob("[0-9]*/stat")
        if not any(alive_in(stat, session) for stat in stats):
            return True
        time.sleep(0.1)
    return False


def alive_in(stat: Path, session: int) -> bool:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z" and int(fields[3]) == session


_BATCH = """
import sys
from greenlang.factory import line
from greenlang.settings import Settings
if __name__ == "__main__":
    for _ in line.run_batch(Settings(var=sys.argv[1], workers=2), entrance="test", settle=False):
        pass
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> dict[str, object]:
    settings = Settings(var=tmp_path_factory.mktemp("whole") / "var", workers=2)
    TestKilledAtAnyMoment.fill(settings, shared)
    run(settings)
    return end_state(settings)


class TestKilledAtAnyMoment:
    """SIGKILL, then a second run: the same end state, byte for byte."""

    @staticmethod
    def fill(settings: Settings, shared: Path) -> None:
        specs = shared / "specs" / "pack_compute"
        drop(
            settings,
            a__yaml=example("boiler"),
            b__yaml=b"a: [1\n",
            c__yaml=(specs / "boiler_natural_gas.pack.yaml").read_bytes(),
            d__yaml=(specs / "grid_factor_ai.pack.yaml").read_bytes(),
            e__yaml=example("waste"),
            f__yaml=renamed("boiler", "test/pair_v1"),
            g__yaml=renamed("boiler", "test/pair_v1") + b"# other\n",
            h__yaml=example("freight"),
        )

    @pytest.mark.parametrize("seconds", [0.5, 2.0, 3.5, 5.0])
    def test_the_end_state_is_the_same(
        self, seconds: float, reference: dict[str, object], settings: Settings, shared: Path, tmp_path: Path
    ) -> None:
        self.fill(settings, shared)
        script = tmp_path / "batch.py"
        script.write_text(_BATCH)
        with subprocess.Popen([sys.executable, str(script), str(settings.var)], start_new_session=True) as process:
            time.sleep(seconds)
            process.kill()
        assert nobody_is_left(process.pid)
        run(settings)
        state = end_state(settings)
        for part, wanted in reference.items():
            assert state[part] == wanted, part


class TestOneAgentsFaultIsItsOwn:
    def test_a_fault_of_ours_costs_one_agent_its_outcome(self, settings: Settings, tmp_path: Path) -> None:
        script = tmp_path / "batch.py"
        poison = (
            "import greenlang.factory.build as b\n"
            "real = b.generated\n"
            "def generate(resolution):\n"
            "    if 'waste' in resolution.spec.agent_id:\n"
            "        raise ZeroDivisionError('planted')\n"
            "    return real(resolution)\n"
            "b.generated = generate\n"
        )
        script.write_text(poison + _BATCH)  # workers import this file, so they are poisoned as well
        drop(settings, a__yaml=example("boiler"), b__yaml=example("waste"))
        subprocess.run([sys.executable, str(script), str(settings.var)], check=True, timeout=120)
        rows = {r["agent_id"]: r for r in query(settings, "select * from agents").as_dicts()}
        assert rows["buildings/gas_boiler_uk_v1"]["outcome"] == "registered"
        assert rows["waste/operations_us_v1"]["outcome"] == "quarantined"
        assert "ZeroDivisionError: planted" in rows["waste/operations_us_v1"]["reason"]

    def test_an_agent_that_kills_its_worker_does_not_take_others_along(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        script = tmp_path / "batch.py"
        poison = (
            "import os, signal\nimport greenlang.factory.build as b\n"
            "real = b.generated\n"
            "def generate(resolution):\n"
            "    if 'waste' in resolution.spec.agent_id:\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            "    return real(resolution)\n"
            "b.generated = generate\n"
        )
        script.write_text(poison + _BATCH)
        names = ("boiler", "waste", "freight", "refrigerant_leakage", "electricity_uk")
        drop(settings, **{f"{n}__yaml": example(n) for n in names})
        subprocess.run([sys.executable, str(script), str(settings.var)], check=True, timeout=180)
        rows = query(settings, "select agent_id, outcome from agents").as_dicts()
        assert {r["outcome"] for r in rows if "waste" not in r["agent_id"]} == {"registered"}
        assert len(rows) >= 4
        again = run(settings)  # without the poison
        assert {f: o.outcome for f, o in again.items()} == {"waste.yaml": "registered"}

    def test_a_spec_changed_by_hand_costs_only_itself(self, settings: Settings) -> None:
        drop(settings, a__yaml=example("boiler"), b__yaml=example("waste"))
        keys = {o.file: o.key for o in run(settings).values()}
        changed = settings.var / "bucket" / "specs" / f"{slug(keys['b.yaml'])}.yaml"
        changed.write_bytes(changed.read_bytes() + b"# by hand\n")
        again = {o.key: o for o in run(settings, keys=list(keys.values()), force=True).values()}
        assert again[keys["a.yaml"]].outcome == "registered"
        assert again[keys["b.yaml"]].outcome == "infrastructure"
        assert "changed by hand" in again[keys["b.yaml"]].reason


def refactor(settings: Settings, change: Callable[[Factor], Factor | None]) -> None:
    """Write the factor table of a factory anew: each row changed, or left out."""
    path = settings.tables / "factors.parquet"
    table = FactorTable.load(path)
    new = FactorTable([f for row in table if (f := change(row)) is not None], table.release)
    write_parquet(tuple(new), path, release=new.release, digest=new.digest)


def test_a_changed_factor_row_rebuilds_its_dependents_and_nobody_else(settings: Settings, tmp_path: Path) -> None:
    """The nightly question, on real tables: one figure of the UK grid changes."""
    drop(settings, boiler__yaml=example("boiler"), waste__yaml=example("waste"), uk__yaml=example("electricity_uk"))
    first = run(settings)
    assert line.stale_keys(settings) == []
    before = end_state(settings)["packs"]
    key = "desnz/electricity/2025/transmission-and-distribution/co2e-per-kwh"
    refactor(settings, lambda f: replace(f, value=f.value + Decimal("0.00001")) if f.key == key else f)
    assert set(line.stale_keys(settings)) == {o.key for o in first.values()}
    second = run(settings, keys=line.stale_keys(settings))
    assert {f for f, o in second.items() if o.rebuilt} == {"uk.yaml"}
    assert line.stale_keys(settings) == []
    after = end_state(settings)["packs"]
    assert {p.split("/")[0].split("@")[0] for p in before if before[p] != after.get(p)} == {
        "electricity.location_based_uk_v1"
    }
    with Registry(settings.registry) as registry:
        assert len(registry.builds("electricity/location_based_uk_v1", "1.0.0")) == 2
        assert len(registry.builds("waste/operations_us_v1", "1.0.0")) == 1
        assert list(settings.builds.iterdir()) == [], "nobody promoted the draft that was replaced"
    line.prepare(settings)  # the old figures, for one agent; then the new ones again, which only the others have met
    (back,) = run(settings, keys=[first["uk.yaml"].key]).values()
    assert back.pack_digest == first["uk.yaml"].pack_digest
    refactor(settings, lambda f: replace(f, value=f.value + Decimal("0.00001")) if f.key == key else f)
    assert first["uk.yaml"].key in line.stale_keys(settings)


class TestWhatStandsStartsNothing:
    """Agents of which nothing has changed: told from their rows, without a process of any kind."""

    @pytest.fixture
    def started(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        """The command of every process that this one starts."""
        found: list[list[str]] = []

        def started(self: subprocess.Popen[bytes], args: list[str], *more: object) -> None:
            found.append(args)
            execute(self, args, *more)

        def spawned(path: str, args: list[str], fds: list[int]) -> int:
            found.append(args)
            return spawn(path, args, fds)

        execute, spawn = subprocess.Popen._execute_child, util.spawnv_passfds
        monkeypatch.setattr(subprocess.Popen, "_execute_child", started)
        monkeypatch.setattr(util, "spawnv_passfds", spawned)
        return found

    def test_a_call_of_the_sdk_and_a_nightly_batch(
        self, settings: Settings, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(forkserver, "_forkserver", forkserver.ForkServer())  # those of other tests are no help
        monkeypatch.setattr(supervisor, "_proved", {})
        source = SpecSource("boiler.yaml", example("boiler"))
        drop(settings, boiler__yaml=source.data)
        (first,) = run(settings).values()
        assert started, "to build, it starts workers and asks a sandbox what the machine can do"
        started.clear()
        supervisor._proved.clear()
        before = end_state(settings)

        (again,) = run(settings, keys=[first.key]).values()  # as the nightly batch, and `agent create` of this spec
        assert (again.outcome, again.rebuilt, again.score) == ("registered", False, first.score)
        assert (again.name, again.diagnostics, again.summary) == (first.name, first.diagnostics, first.summary)
        (done,) = errand._done(errand.Errand(settings, (first.key,), (source,), workers=2))
        assert (done.fate, done.reason) == ("registered", "")
        assert started == []
        assert end_state(settings) == before

        pack = settings.packs / slug(first.key)
        pack.rename(pack.with_name("gone"))
        (built,) = run(settings, keys=[first.key]).values()
        assert (built.outcome, built.rebuilt) == ("registered", True)
        assert started, "a row is not believed where its pack is not there"


NEEDED = "grid/mix"
NEEDING = PUMP.replace(b"compute:\n", f"needs: {{{NEEDED}: '>=2'}}\ncompute:\n".encode(), 1)


def needs_told(outcome: AgentOutcome) -> list[str]:
    """What warnings say of needs that nobody meets."""
    return [d.message.partition(" needs ")[2] for d in outcome.diagnostics if d.code == "GLS072"]


@pytest.fixture(scope="module")
def pump(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, AgentOutcome]:
    """A factory with one agent, which has an overlay and a need that nobody meets."""
    settings = Settings(var=tmp_path_factory.mktemp("pump") / "var", workers=1)
    drop(settings, pump__yaml=NEEDING, pump__overlay__yaml=OVERLAY)
    (outcome,) = run(settings).values()
    assert outcome.outcome == "registered"
    assert needs_told(outcome) == [f"{NEEDED} >=2, and {NEEDED} is not registered"]
    return settings, outcome


class TestWhatIsNoPartOfTheWorld:
    """The world of an agent has not changed: overlay, needs and registry are looked at all the same."""

    @pytest.fixture
    def stands(self, pump: tuple[Settings, AgentOutcome], tmp_path: Path) -> tuple[Settings, AgentOutcome]:
        """A copy of the factory that built it."""
        settings, outcome = pump
        shutil.copytree(settings.var, tmp_path / "var")
        return settings.model_copy(update={"var": tmp_path / "var"}), outcome

    def test_an_overlay_that_comes_through_the_api_is_built(self, stands: tuple[Settings, AgentOutcome]) -> None:
        settings, first = stands
        corrected = OVERLAY.replace(b"UK electricity", b"UK electricity generated")
        with Registry(settings.registry) as registry:
            (wanted,) = asking.accept(settings, registry, [asking.Sent("pump.yaml", NEEDING, corrected)])
        assert (wanted.key, journal.unfinished(settings)) == (first.key, ())
        (second,) = run(settings, keys=[wanted.key]).values()
        assert (second.outcome, second.rebuilt) == ("registered", True)
        used = {u["digest"] for u in second.lineage if u["kind"] == "overlay"}
        assert used == {hashlib.sha256(corrected).hexdigest()}
        (third,) = run(settings, keys=[wanted.key]).values()
        assert not third.rebuilt

    def test_what_it_needs_is_looked_up_again(self, stands: tuple[Settings, AgentOutcome]) -> None:
        settings, first = stands
        (same,) = run(settings, keys=[first.key]).values()
        assert (same.rebuilt, same.diagnostics) == (False, first.diagnostics)
        with Registry(settings.registry) as registry:
            registry.register(judged(NEEDED, "2.0.0"))
        (met,) = run(settings, keys=[first.key]).values()
        assert (met.rebuilt, needs_told(met)) == (False, [])
        with Registry(settings.registry) as registry:
            registry.yank(NEEDED, "2.0.0", "b" * 64, "wrong figure")
        (broken,) = run(settings, keys=[first.key]).values()
        assert not broken.rebuilt
        assert needs_told(broken) == [f"{NEEDED} >=2, and {NEEDED} has 2.0.0 (yanked)"]

    def test_another_registry_gets_what_the_first_one_holds(self, stands: tuple[Settings, AgentOutcome]) -> None:
        settings, first = stands
        moved = settings.model_copy(update={"registry_url": f"sqlite:///{settings.var / 'another.sqlite'}"})
        assert (line.stale_keys(settings), line.stale_keys(moved)) == ([], [first.key])
        (entered,) = run(moved).values()
        assert (entered.outcome, entered.rebuilt, entered.pack_digest) == ("registered", True, first.pack_digest)
        with Registry(moved.registry) as registry:
            assert registry.get(first.agent_id).pack_digest == first.pack_digest
        assert line.stale_keys(moved) == []


def test_a_promoted_build_stays_whole_when_a_newer_one_takes_its_place(settings: Settings) -> None:
    drop(settings, uk__yaml=example("electricity_uk"))
    (outcome,) = run(settings).values()
    with Registry(settings.registry) as registry:
        entry = registry.get(outcome.agent_id)
        (build,) = registry.builds(entry.agent_id, entry.version)
        with registry.transaction(write=True) as connection:
            step = Step("draft", "certified", "promoted", "for this test")
            write_step(connection, registry.caller, registry.signer, build.id, step)
        key = "desnz/electricity/2025/transmission-and-distribution/co2e-per-kwh"
        refactor(settings, lambda f: replace(f, value=f.value + Decimal("0.00001")) if f.key == key else f)
        (rebuilt,) = run(settings, keys=line.stale_keys(settings)).values()
        assert rebuilt.pack_digest != build.pack_digest
        assert registry.get(outcome.agent_id).pack_digest == build.pack_digest, "the certified one stays in force"
        kept = pack_of(registry.get(outcome.agent_id), settings.var)
        assert kept.certificate.verify(kept.folder) == []
        newest, oldest = registry.builds(entry.agent_id, entry.version)
        assert pack_of(newest, settings.var).certificate.pack_digest == rebuilt.pack_digest
        assert oldest.state == "certified"


def test_more_mutants_are_a_reason_to_judge_again_and_fewer_are_none(settings: Settings) -> None:
    few, more, all_of_them = (settings.model_copy(update={"mutants": n}) for n in (2, 5, "all"))
    drop(few, boiler__yaml=example("boiler"))
    (first,) = run(few).values()
    assert (first.outcome, first.mutant_tier) == ("registered", "2")
    assert line.stale_keys(few) == []
    assert line.stale_keys(more) == line.stale_keys(all_of_them) == [first.key]
    (second,) = run(more, keys=[first.key]).values()
    assert (second.outcome, second.mutant_tier, second.rebuilt) == ("registered", "5", True)
    assert len(second.mutants) > len(first.mutants)
    assert second.pack_digest == first.pack_digest
    assert line.stale_keys(more) == line.stale_keys(few) == []


def test_a_kill_between_renames_brings_the_old_pack_back(settings: Settings) -> None:
    drop(settings, a__yaml=example("boiler"))
    (outcome,) = run(settings).values()
    before = end_state(settings)
    pack = settings.packs / slug(outcome.key)
    pack.rename(pack.with_name(f".{pack.name}.old"))
    run(settings, keys=[])
    assert end_state(settings) == before


def test_when_a_factor_goes_the_registered_pack_stays_and_is_marked_stale(settings: Settings) -> None:
    drop(settings, a__yaml=example("boiler"))
    (first,) = run(settings).values()
    before = end_state(settings)
    gone = "desnz/fuels/2025/natural-gas/co2e-per-kwh-gross"
    refactor(settings, lambda f: None if f.key == gone else f)
    (again,) = run(settings, keys=line.stale_keys(settings)).values()
    assert again.outcome == "incomplete"
    assert again.reason.startswith("stale: the registered pack stays")
    after = end_state(settings)
    assert after["packs"] == before["packs"]
    assert after["registry"] == before["registry"]
    assert line.accepted_keys(Bucket.open(settings.bucket_address)) == [first.key]
    line.prepare(settings)  # the factor is back
    (back,) = run(settings, keys=line.stale_keys(settings)).values()
    assert (back.outcome, back.pack_digest) == ("registered", first.pack_digest)


@pytest.mark.parametrize("seconds", [1.5, 3.5])
def test_a_killed_rebuild_ends_in_the_same_state(seconds: float, settings: Settings, tmp_path: Path) -> None:
    drop(settings, a__yaml=example("boiler"), b__yaml=example("waste"), c__yaml=example("freight"))
    keys = [o.key for o in run(settings).values()]
    before = end_state(settings)
    script = tmp_path / "rebuild.py"
    script.write_text(_BATCH.replace('entrance="test",', f'entrance="test", keys={keys!r}, force=True,'))
    with subprocess.Popen([sys.executable, str(script), str(settings.var)], start_new_session=True) as process:
        time.sleep(seconds)
        process.kill()
    assert nobody_is_left(process.pid)
    run(settings, keys=keys, force=True)
    assert end_state(settings) == before
    assert not list(settings.packs.glob(".*"))


def test_a_file_dropped_again_after_a_death_is_built(settings: Settings) -> None:
    drop(settings, a__yaml=example("boiler"))
    bucket = Bucket.open(settings.bucket_address)
    from greenlang.factory.intake import take_in

    (accepted,) = take_in(bucket, settings, settle=False).accepted  # accepted, and then nothing: as after a kill
    drop(settings, a__yaml=example("boiler"))
    outcomes = run(settings, files=["a.yaml"])
    assert outcomes["a.yaml"].outcome == "registered"
    assert outcomes["a.yaml"].key == accepted.key
