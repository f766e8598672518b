"""`AgentFactory` as a Python program uses it: document 000's own snippets, and what holds whatever happens."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greenlang.bucket import Bucket
from greenlang.errors import SettingsError, SpecError
from greenlang.factory import AgentFactory, AgentSpec, GenerationResult
from greenlang.factory.templates import TemplateManager
from greenlang.registry import Registry
from greenlang.settings import Settings
from greenlang.specs.reader import read
from tests import libraries
from tests.factory.bare_agent import AGENT, SPEC, TESTS
from tests.specs.texts import A as LOOSE

pytestmark = pytest.mark.usefixtures("no_loop_left")

DOCUMENT = "seeds/000_f9016b64b7a2f8ec.txt"
OTHER = SPEC.replace("heat/pump_cop", "heat/other_cop")


def factory(var: Path, **options: Any) -> AgentFactory:
    """A factory of one worker that tries one mutant."""
    var.mkdir(parents=True, exist_ok=True)
    libraries.tell(var)
    return AgentFactory(settings=Settings(var=var, workers=1, mutants=1), **options)


def spec(folder: Path, text: str = SPEC, name: str = "spec.yaml") -> AgentSpec:
    (folder / name).write_text(text, encoding="utf-8")
    return AgentSpec.from_yaml(folder / name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the snippets name, and one factory for all of them."""
    folder = tmp_path_factory.mktemp("sdk")
    (folder / "specs").mkdir()
    for number in range(10):
        (folder / "specs" / f"agent_{number}.yaml").write_text(OTHER if number % 2 else SPEC, encoding="utf-8")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "agent.py").write_text(AGENT, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def made(home: Path) -> tuple[AgentFactory, GenerationResult]:
    ours = factory(home / "var")
    return ours, ours.generate_agent_sync(AgentSpec.from_yaml(home / "spec.yaml"))


# --- what is imported -----------------------------------------------------------------------------------------------


def test_importing_the_names_is_light() -> None:
    code = (
        "import sys\nfrom greenlang.factory import AgentFactory, AgentSpec\n"
        "heavy = {'duckdb', 'pyarrow', 'sqlalchemy', 'pydantic', 'pint', 'yaml', 'httpx', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ImportError):
        from greenlang.factory import NoSuchThing  # type: ignore[attr-defined] # noqa: F401


# --- the document's snippets ----------------------------------------------------------------------------------------


@pytest.fixture
def snippets(shared: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of document 000's section "SDK Interface (Python)", run as it stands there.

    One function of it is no Python: `use_template` awaits without being `async`. That word is added, and nothing else.
    """
    text = (shared / DOCUMENT).read_text(encoding="utf-8")
    code = text.partition("### SDK Interface (Python)")[2].partition("```python\n")[2].partition("```")[0]
    with pytest.raises(SyntaxError, match="await"):
        compile(code, DOCUMENT, "exec")
    code = code.replace("def use_template():", "async def use_template():")
    monkeypatch.chdir(home)
    libraries.tell(home / "var")
    for name, value in (("VAR", str(home / "var")), ("WORKERS", "1"), ("MUTANTS", "1")):
        monkeypatch.setenv(f"GREENLANG_{name}", value)
    names: dict[str, Any] = {"spec": AgentSpec.from_yaml("spec.yaml"), "test_code": TESTS}
    exec(compile(code, DOCUMENT, "exec"), names)
    yield names


@pytest.mark.slow
@pytest.mark.xdist_group("python_sdk")
def test_every_snippet_of_the_document_runs(snippets: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    def run(name: str) -> list[str]:
        result = snippets[name]()
        if inspect.isawaitable(result):
            asyncio.run(result)  # type: ignore[arg-type]
        return capsys.readouterr().out.splitlines()

    first = run("generate_agent")
    assert first[0].startswith("Agent generated: ")
    assert first[-2:] == ["Coverage: 100.0%", "Cost: $0"]
    assert run("batch_generate") == ["Generated 10/10 agents"]
    judged = run("validate_agent")
    assert "Tests: PASS" in judged or "tests: PASS" in judged
    assert re.fullmatch(r"Overall Score: [\d.]+/100", judged[-1])
    assert run("use_template") == []
    assert run("refine_agent") == ["Success on attempt 1"]
    told = run("monitor_factory")
    assert told[:2] == ["Total Generated: 3", "Success Rate: 100.0%"]
    assert float(told[2].removeprefix("Avg Time: ").removesuffix("s")) > 0
    assert told[3] == "Avg Cost: $0.00"
    with Registry(Settings().registry) as registry:
        agents = {entry.agent_id for entry in registry.all()}
    assert agents == {"heat/pump_cop", "heat/other_cop", "industrial/my_heat_pump_agent"}


# --- what comes back ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.xdist_group("python_sdk")
def test_a_made_agent_is_registered_and_its_files_are_at_hand(
    home: Path, made: tuple[AgentFactory, GenerationResult]
) -> None:
    ours, result = made
    assert (result.success, result.registered, result.outcome, result.error) == (True, True, "registered", "")
    assert result.validation.passed
    assert result.validation.coverage == 100.0
    assert len(result.validation.dimensions) == 12
    assert "class " in result.agent_code
    assert result.pack is not None
    assert (result.pack / result.package / "agent.py").read_text() == result.agent_code
    assert {"tests/test_unit.py", "tests/vectors.json"} <= result.tests.keys()
    assert f"{result.package}/tools.py" in result.code
    with Registry(ours.settings.registry) as registry:
        assert registry.get("heat/pump_cop").version == result.version == "1.0.0"
    figures = ours.get_metrics()
    assert figures.total_agents == figures.registered >= 1
    assert figures.avg_generation_time > 0


VAGUE = SPEC.replace("    cop: heat / electricity\n", "    {}\n").replace("heat/pump_cop", "heat/vague_cop")
OVERLAY = """\
overlay: 1
spec: {id: heat/vague_cop, version: "1.0.0", sha256: DIGEST}
reviewed: {by: "A. Person", on: "2026-11-01"}
formulas:
  cop: {expression: heat / electricity, source: "Handbook, p. 3"}
"""


def test_what_is_left_out_is_not_registered_and_says_so(tmp_path: Path) -> None:
    """Two factories at once, in one event loop; one makes several agents, each with another fate."""
    ours, theirs = factory(tmp_path / "ours"), factory(tmp_path / "theirs", enable_validation=False)
    plain, vague = spec(tmp_path), spec(tmp_path, VAGUE, "vague.yaml")
    (tmp_path / "vague.overlay.yaml").write_text(OVERLAY.replace("DIGEST", vague.digest), encoding="utf-8")
    overlaid = AgentSpec.from_yaml(tmp_path / "vague.yaml")
    long = spec(tmp_path, SPEC.replace("pump_cop", "long_cop") + "# " + "x" * 300_000, "long.yaml")
    template = TemplateManager().get_template("industrial_heat_pump")
    filled = template.create_spec(name="mine", parameters={"max_temperature": 250, "cop_range": [2.5, 4.5]})
    assert (str(filled.inputs["temperature"].le), str(filled.inputs["cop"].ge)) == ("250", "2.5")

    async def both() -> tuple[GenerationResult, list[GenerationResult]]:
        return await asyncio.gather(
            ours.generate_agent(plain, skip_tests=True, skip_docs=True),
            theirs.generate_batch([plain, vague, overlaid, filled, plain, long]),
        )

    bare, several = asyncio.run(both())
    assert (bare.success, bare.registered, bare.outcome) == (True, False, "generated")
    assert bare.error == "not registered: tests and documents were left out, and no agent is registered without"
    assert not bare.tests
    assert "README.md" not in bare.files
    assert "class " in bare.agent_code
    assert (bare.validation.passed, bare.validation.coverage) == (False, None)
    assert bare.validation.errors == (bare.error,)
    assert [r.outcome for r in several] == ["generated", "incomplete", *["generated"] * 4]
    assert several[0].tests
    assert "validation" in several[0].error
    assert (several[1].success, several[1].agent_code) == (False, "")
    assert "no certain plan for cop" in several[1].error
    assert several[1].validation.errors == (several[1].error,)
    assert several[3].agent_id == "industrial/mine"
    assert several[4].files == several[0].files
    for one in (ours, theirs):
        assert one.get_metrics().total_agents == 0


def test_a_spec_that_does_not_read_names_every_mistake(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as raised:
        spec(tmp_path, SPEC.replace("unit: kWh", "unit: kWh, minimum: 0"))
    assert len([d for d in raised.value.diagnostics if d.severity == "error"]) == 2
    assert "spec.yaml:" in str(raised.value)
    with pytest.raises(FileNotFoundError):
        AgentSpec.from_yaml(tmp_path / "none.yaml")


def test_an_overlay_beside_the_spec_counts_and_a_named_one_too(tmp_path: Path) -> None:
    digest = spec(tmp_path, VAGUE).digest
    (tmp_path / "spec.overlay.yaml").write_text(OVERLAY.replace("DIGEST", digest), encoding="utf-8")
    assert "cop" in AgentSpec.from_yaml(tmp_path / "spec.yaml").formulas
    (tmp_path / "spec.overlay.yaml").rename(tmp_path / "named.yaml")
    assert "cop" not in AgentSpec.from_yaml(tmp_path / "spec.yaml").formulas
    named = AgentSpec.from_yaml(tmp_path / "spec.yaml", tmp_path / "named.yaml")
    assert named.overlay is not None
    assert named.overlay.name == "named.yaml"


# --- refinement -----------------------------------------------------------------------------------------------------


def test_refining_repairs_what_needs_no_judgement_and_leaves_the_rest(tmp_path: Path) -> None:
    ours = factory(tmp_path / "var")
    good = spec(tmp_path)
    assert ours.refine_spec(good, errors=["tests, passed: 3 of 54 failed"]) is good
    loose, _ = read(LOOSE.encode())
    assert loose is not None
    assert ours.refine_spec(loose, errors=()) is loose
    better = ours.refine_spec(loose, errors=["a finding"])
    assert better.digest != loose.digest
    assert better.inputs == loose.inputs
    by_hand = AgentSpec("B", "0" * 64, "a/b", "1.0.0", "By hand")
    with pytest.raises(SpecError, match=r"a/b@1\.0\.0.* AgentSpec.from_yaml"):
        ours.refine_spec(by_hand, errors=["a finding"])


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_bounds_that_cannot_be_kept_are_refused(tmp_path: Path) -> None:
    for bounds in ({"budget_per_agent_usd": -1}, {"max_refinements": -1}):
        with pytest.raises(SettingsError):
            factory(tmp_path / "var", **bounds)
    ours = factory(tmp_path / "var", budget_per_agent_usd=0.1, max_refinements=0)
    assert (str(ours.settings.llm_budget_usd), ours.settings.llm_rounds) == ("0.1", 0)
    with pytest.raises(ValueError, match="max_concurrent"):
        ours.generate_batch_sync([spec(tmp_path)], max_concurrent=0)
    assert ours.generate_batch_sync([]) == []


def test_what_the_factory_lacks_is_raised_where_the_call_was_made(tmp_path: Path) -> None:
    config = tmp_path / "models.yaml"
    config.write_text("providers: 7\n", encoding="utf-8")
    ours = factory(tmp_path / "var")
    ours.settings = ours.settings.model_copy(update={"llm_config": config})
    with pytest.raises(SettingsError, match="models"):
        ours.generate_agent_sync(spec(tmp_path))


def descendants(process: int) -> set[int]:
    """The processes below one, from /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(words[1])
    found = {process}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


def alive(pids: set[int]) -> set[int]:
    """Those that still run; a zombie does not."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(pid)
    return found


def gone(pids: set[int]) -> bool:
    for _ in range(400):
        if not alive(pids):
            return True
        time.sleep(0.05)
    return False


def building(var: Path) -> bool:
    return any(var.glob("packs/.build-*"))


def nothing_left(var: Path, key: str) -> None:
    """No folder of a build, no open spec, no pack, no entry; the spec lies in rejected/ with the reason."""
    settings = Settings(var=var)
    assert list((var / "packs").iterdir()) == []
    bucket = Bucket.open(settings.bucket_address)
    assert [e.name for e in bucket.list("inbox")] == []
    assert [e.name for e in bucket.list("specs") if not e.name.startswith(".names/")] == []
    assert "took the call back" in bucket.read(f"rejected/{key.replace('/', '.')}.yaml.report.md").decode()
    with Registry(settings.registry) as registry:
        assert registry.count() == 0


@pytest.mark.slow
def test_a_call_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    ours = factory(tmp_path / "var")
    mine = spec(tmp_path)

    async def cancelled() -> set[int]:
        work = asyncio.create_task(ours.generate_agent(mine))
        while not building(tmp_path / "var"):
            await asyncio.sleep(0.05)
            assert not work.done()
        seen = descendants(os.getpid())
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return seen

    before = descendants(os.getpid())
    seen = asyncio.run(cancelled()) - before
    assert seen
    assert gone(seen)
    nothing_left(tmp_path / "var", mine.partition)


@pytest.mark.slow
def test_a_caller_that_dies_leaves_nothing(tmp_path: Path) -> None:
    """Its script has no `if __name__ == "__main__"`, which worker processes of its own would need."""
    mine = spec(tmp_path)
    factory(tmp_path / "var")
    script = (
        "from pathlib import Path\nfrom greenlang.factory import AgentFactory, AgentSpec\n"
        "AgentFactory().generate_agent_sync(AgentSpec.from_yaml('spec.yaml'))\n"
    )
    env = {**os.environ, "GREENLANG_VAR": str(tmp_path / "var"), "GREENLANG_WORKERS": "1", "GREENLANG_MUTANTS": "1"}
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    caller = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env=env)
    while not building(tmp_path / "var"):
        time.sleep(0.05)
        assert caller.poll() is None
    seen = descendants(caller.pid)
    assert seen
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    assert gone(seen)
    nothing_left(tmp_path / "var", mine.partition)


def test_a_sync_call_times_out_too(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.05 seconds"):
        factory(tmp_path / "var", timeout_seconds=0.05).generate_agent_sync(spec(tmp_path), skip_tests=True)
