"""Models in the line, over real HTTP: a scripted provider on loopback answers what the rungs ask, and is paid.

No live provider takes part: this tells that a right proposal is taken and paid for, and nothing about how often a model
is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from line_tools import drop, example, run
from typer.testing import CliRunner

from greenlang.bucket import Bucket
from greenlang.cli.main import app
from greenlang.factory import line, refine
from greenlang.factory.build import Builder, Built, Draft, Task
from greenlang.factory.generate import generate
from greenlang.factory.source import SpecSource
from greenlang.llm.accounts import Accounts
from greenlang.metrics import query
from greenlang.provenance import PackCertificate
from greenlang.quality.tools import prepare
from greenlang.resolution.plan import Resolution
from greenlang.settings import Settings
from greenlang.specs.model import slug
from tests import libraries
from tests.llm.server import Provider, fails, says

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("litellm"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class:UserWarning"),
]
WORDS = "what the pump draws at its rated power over all the hours that it runs"
SPEC = f"""\
schema_version: "2.0.0"
id: "buildings/pump"
name: "Pump"
version: "1.0.0"
summary: "Electricity of a pump."
license: "Apache-2.0"
compute:
  inputs:
    power: {{dtype: float64, unit: kW, ge: 0, le: 1000, description: "Rated power"}}
    hours: {{dtype: float64, unit: h, ge: 0, le: 8784, description: "Hours of operation"}}
  outputs:
    energy: {{dtype: float64, unit: kWh, description: "{WORDS}"}}
""".encode()
PROPOSAL = json.dumps({"formulas": [{"output": "energy", "expression": "power * hours", "quote": WORDS}]})


@pytest.fixture
def server() -> Iterator[Provider]:
    made = Provider()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", workers=1, mutants=2, llm="record")


def with_provider(settings: Settings, server: Provider) -> Settings:
    """The same factory, for which somebody has configured a provider."""
    file = settings.var / "llm.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    price = "{m-1: {input_usd_per_million: 3, output_usd_per_million: 15}}"
    file.write_text(
        f"providers: [{{name: ours, models: [m-1], base_url: '{server.base_url('ours')}', api_key_env: null,"
        f" prices: {price}, retries: {{attempts: 1}}}}]\n"
    )
    return settings.model_copy(update={"llm_config": file})


def test_an_agent_that_wanted_a_model_is_built_again_once_there_is_one_and_names_it(
    settings: Settings, server: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    drop(settings, pump__yaml=SPEC)
    (first,) = run(settings).values()
    assert (first.outcome, first.waits_for[:6]) == ("incomplete", "model ")
    told = CliRunner().invoke(app, ["--var", str(settings.var), "agent", "inspect", "buildings/pump"])
    assert "it waits for: model " in told.stderr
    assert line.stale_keys(settings) == [], "nothing came: nothing is tried again"
    assert run(settings) == {}

    server.always["ours"] = says(PROPOSAL, prompt=2000, completion=100)
    asking = with_provider(settings, server)
    assert line.stale_keys(asking) == [first.key]
    (second,) = run(asking).values()  # as `make run` and the nightly batch take it up
    assert second.reason.endswith("an overlay is proposed, and waits for a person")
    assert (second.waits_for, server.calls("ours")) == ("", 1)
    assert line.stale_keys(asking) == []
    assert run(asking) == {}

    draft = settings.var / "dossiers" / slug(first.key) / "pump.overlay.yaml"
    drop(asking, pump__overlay__yaml=draft.read_bytes().replace(b"by: ''", b"by: A. Reviewer"))
    (third,) = run(asking).values()
    assert (third.outcome, third.reason) == ("registered", "")
    pack = settings.packs / slug(first.key)
    (model,) = PackCertificate.load(pack).content["overlay"]["models"]
    assert (model["provider"], model["model"], model["prompt"]) == ("ours", "m-1-2026-01-01", "overlay_proposal@1")
    assert model["requested"] == model["accepted"]
    assert model["requested"].keys() == {"max_tokens", "seed", "temperature"}
    assert (model["fingerprint"], len(model["price_map_digest"])) == ("fp_test", 64)
    assert "ours m-1-2026-01-01 (overlay_proposal@1)" in (pack / "pack.yaml").read_text()
    assert [r["citation"] for r in third.lineage if r["kind"] == "overlay"] == [
        "reviewed by A. Reviewer; drafted by ours m-1-2026-01-01 (overlay_proposal@1)"
    ]
    report = json.loads((settings.var / third.report / "quality.json").read_text())
    assert [m["artifact"] for m in report["models"]] == ["a draft of the reviewed overlay"]

    told = CliRunner().invoke(app, ["--var", str(settings.var), "quality", "repairs", "--json"])
    (overlay,) = [r for r in json.loads(told.output) if r["rung"] == "overlay" and r["error_class"] is None]
    assert (overlay["tries"], overlay["mended"], overlay["yield"]) == (1, 1, 1.0)
    assert overlay["usd"] == pytest.approx(0.0075)  # 2000 at 3 and 100 at 15 dollars a million
    assert Bucket.open(settings.bucket_address).exists(f"reports/{slug(first.key)}.md")


KEY = "buildings/gas_boiler_uk_v1@1.0.0-01234567"
RIGHT, WRONG = "useful_heat / efficiency", "useful_heat * efficiency"
TOOLS = "gl_buildings_gas_boiler_uk_v1/tools.py"


@pytest.fixture
def builder(settings: Settings, server: Provider) -> Iterator[Builder]:
    """The stages of one agent in this process, with a provider."""
    asking = with_provider(settings, server)
    asking.packs.mkdir(parents=True)
    libraries.tell(asking.var)
    line.prepare(asking)
    made = Builder(asking)
    yield made
    made.examiner.sandbox.close()


def test_a_provider_that_gave_up_is_asked_again_and_may_have_been_paid(builder: Builder, server: Provider) -> None:
    server.always["ours"] = fails(504, "upstream timed out")
    built = builder.draft(Task("buildings/pump@1.0.0-01234567", SpecSource("pump.yaml", SPEC)))
    builder.refiner.flush()
    assert isinstance(built, Built)
    assert (built.outcome.outcome, built.outcome.waits_for) == ("incomplete", "provider")
    spent = Accounts(builder.settings.var / "llm").account(built.outcome.key)
    assert (spent.reserved, spent.spent > 0) == (0, True)
    rows = query(builder.settings, "select call, estimated, cost_usd from llm_usage").rows
    assert rows == [("failed", True, spent.spent)]


def test_a_fault_of_the_generator_is_mended_by_a_model_and_by_nothing_below_it(
    builder: Builder, server: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is generated multiplies where the plan divides, and generating anew gives the same."""

    def faulty(resolution: Resolution) -> dict[str, bytes]:
        return files | {TOOLS: text.replace(RIGHT, WRONG).encode()}

    draft = builder.draft(Task(KEY, SpecSource("boiler.yaml", example("boiler"))))
    assert isinstance(draft, Draft)
    files = dict(generate(draft.resolution))
    text = files[TOOLS].decode()
    assert text.count(RIGHT) == 1
    (draft.folder / TOOLS).write_bytes(faulty(draft.resolution)[TOOLS])
    monkeypatch.setattr(refine, "generate", faulty)
    patch = {"file": TOOLS, "line": 1, "old": WRONG, "new": RIGHT, "explanation": "as the plan says"}
    server.then("ours", says(json.dumps({"patches": [patch]}), prompt=9000, completion=150))
    outcome = builder.conclude(draft, prepare([draft.ref], builder.examiner.cache)[draft.folder]).outcome
    assert (outcome.outcome, outcome.reason) == ("registered", ""), outcome.summary["repair"]
    assert {r["rung"]: r["status"] for r in outcome.repairs} == {
        "mechanical": "skipped",
        "template": "no_change",
        "overlay": "skipped",
        "code": "repaired",
    }
    assert sum(r["usd"] for r in outcome.repairs) == pytest.approx(0.02925)
    assert (server.calls("ours"), outcome.waits_for) == (1, "")
    certificate = PackCertificate.load(builder.settings.packs / slug(KEY))
    assert certificate.content["repair"]["models"][0]["model"] == "m-1-2026-01-01"
