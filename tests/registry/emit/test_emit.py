"""What is emitted is valid where it is read, says only what is so, and is the same bytes every time."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from a2a.types import AgentCard
from a2a.utils.proto_utils import validate_proto_required_fields
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.vsa.v1.vsa_pb2 import VerificationSummary
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import PackError
from greenlang.factory.attest import opened
from greenlang.provenance import bytes_digest, tree
from greenlang.registry import Registry, RegistryEntry
from greenlang.registry.emit import FILES, NotEmitted, UrlNeeded, agent_card, emit
from greenlang.registry.emit.mcp import SCHEMA
from greenlang.registry.emit.vsa import PREDICATE
from greenlang.registry.packs import PackNotHere, pack_of
from greenlang.resolution.plan import Resolution
from greenlang.signing import PUBLIC, read_public_key
from tests.factory.conftest import build_combustion, build_heat_pump, build_toolbox
from tests.registry.emit import made

URL = "https://agents.example.org/boiler"
RUNNER = CliRunner()


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def registry(var: Path) -> Iterator[Registry]:
    with Registry(f"sqlite:///{var / 'registry.sqlite'}") as found:
        yield found


def registered(registry: Registry, var: Path, resolution: Resolution, *states: str) -> RegistryEntry:
    entry = made.pack(var, resolution)
    registry.register(entry)
    if states:
        made.step(registry, entry, "draft", *states)
    return registry.get(entry.agent_id)


@pytest.fixture
def certified(registry: Registry, var: Path) -> RegistryEntry:
    return registered(registry, var, build_combustion(), "experimental", "certified")


def server_schema() -> Draft7Validator:
    """The MCP registry's own schema, as the package skillsaw ships it (a dependency of the tests only)."""
    text = (files("skillsaw") / "schemas/mcp_registry/v2025_12_11/server.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert schema["$id"] == SCHEMA
    return Draft7Validator(schema)


@pytest.mark.parametrize("build", [build_combustion, build_heat_pump, build_toolbox])
@pytest.mark.parametrize("url", ["", URL])
def test_server_json_is_valid_and_offers_only_what_somebody_named(
    registry: Registry, var: Path, build: Any, url: str
) -> None:
    entry = registered(registry, var, build())
    content = json.loads(emit(registry, entry, var, "mcp", url=url))
    assert [error.message for error in server_schema().iter_errors(content)] == []
    assert content["version"] == entry.version
    assert content.get("remotes") == ([{"type": "streamable-http", "url": URL}] if url else None)
    assert "packages" not in content, "no pack is an MCP server"
    told = content["_meta"]["io.modelcontextprotocol.registry/publisher-provided"]
    assert told["packDigest"] == f"sha256:{entry.pack_digest}"
    assert {p["name"]: p["unit"] for p in told["outputs"]} == {p.name: p.unit for p in entry.outputs}


def test_ids_that_look_alike_have_different_server_names(registry: Registry, var: Path) -> None:
    names = []
    for agent_id in ("heat/pump_a", "heat_pump/a"):
        resolution = made.with_version(build_heat_pump(), "1.0.0", agent_id=agent_id)
        names.append(json.loads(emit(registry, registered(registry, var, resolution), var, "mcp"))["name"])
    assert len(set(names)) == 2


def test_long_words_of_a_spec_are_cut_to_what_the_schema_allows(registry: Registry, var: Path) -> None:
    resolution = made.with_version(build_combustion(), "1.0.0", summary="carbon\n" * 60, name="n" * 300)
    content = json.loads(emit(registry, registered(registry, var, resolution), var, "mcp"))
    assert list(server_schema().iter_errors(content)) == []
    assert len(content["description"]) <= 100
    assert content["description"].endswith("…")
    assert "\n" not in content["description"]


@pytest.mark.parametrize("build", [build_combustion, build_heat_pump, build_toolbox])
def test_the_agent_card_is_one_by_the_types_of_a2a(registry: Registry, var: Path, build: Any) -> None:
    entry = registered(registry, var, build())
    card = ParseDict(json.loads(emit(registry, entry, var, "a2a", url=URL)), AgentCard())
    validate_proto_required_fields(card)
    assert [(i.url, i.protocol_binding) for i in card.supported_interfaces] == [(URL, "JSONRPC")]
    assert not card.capabilities.streaming
    assert not card.capabilities.push_notifications


def test_a_toolbox_has_a_skill_for_each_tool_with_its_own_inputs_and_units(registry: Registry, var: Path) -> None:
    entry = registered(registry, var, build_toolbox())
    card = json.loads(agent_card(entry, url=URL))
    assert [s["name"] for s in card["skills"]] == ["burn_fuel", "burn_fuel_ar5", "heat_pump", "Double"]
    assert card["skills"][3]["description"] == "Calculates b from a."
    assert "co2e_kg (kgCO2e)" in card["skills"][0]["description"]
    assert "consumption (kWh)" in card["skills"][0]["description"]


def test_a_card_without_an_address_says_what_it_needs(certified: RegistryEntry) -> None:
    with pytest.raises(UrlNeeded, match="give it by --url"):
        agent_card(certified)
    for wrong in ("boiler", "ftp://x/y", "https://", "http://a b", "javascript:alert(1)"):
        with pytest.raises(UrlNeeded, match="is no address"):
            agent_card(certified, url=wrong)
    with pytest.raises(ValueError, match="no binding of A2A"):
        agent_card(certified, url=URL, binding="SOAP")


def test_the_summary_is_a_signed_in_toto_statement_with_the_fields_of_slsa(
    registry: Registry, var: Path, certified: RegistryEntry
) -> None:
    data = emit(registry, certified, var, "vsa")
    said = opened(data, read_public_key(var / "keys" / PUBLIC), PREDICATE).statement
    Statement.copy_from_pb(ParseDict(said, StatementMessage())).validate()
    levels = said["predicate"]["verifiedLevels"]
    assert levels == ["GREENLANG_CERTIFIED"], "a list by SLSA's text; in-toto's message knows one text there"
    summary = ParseDict(said["predicate"] | {"verifiedLevels": levels[0]}, VerificationSummary())
    step = registry.transitions(certified.agent_id, certified.version)[-1]
    assert summary.verification_result == "PASSED"
    assert summary.time_verified.ToDatetime() == step.at.replace(tzinfo=None)
    assert (summary.policy.uri, summary.policy.digest["sha256"]) == ("urn:greenlang:promotion-policy:v1", "7" * 64)
    assert [a.digest["sha256"] for a in summary.input_attestations] == [bytes_digest(step.statement.encode())]
    assert summary.resource_uri == "pkg:generic/emissions/carbon_calculator_v1@1.0.0"
    subjects = {s["name"]: s["digest"]["sha256"] for s in said["subject"]}
    folder = var / certified.pack
    assert subjects == tree(folder) | {"certificate.json": certified.certificate_digest}


def test_a_changed_summary_is_of_no_key(registry: Registry, var: Path, certified: RegistryEntry) -> None:
    envelope = json.loads(emit(registry, certified, var, "vsa"))
    payload = base64.b64decode(envelope["payload"]).replace(b"PASSED", b"FAILED")
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(PackError, match="no signature of the envelope is of this key"):
        opened(json.dumps(envelope).encode(), read_public_key(var / "keys" / PUBLIC), PREDICATE)


@pytest.mark.parametrize("states", [(), ("experimental",), ("experimental", "certified", "deprecated")])
def test_what_is_not_certified_has_no_summary(registry: Registry, var: Path, states: tuple[str, ...]) -> None:
    entry = registered(registry, var, build_combustion(), *states)
    with pytest.raises(NotEmitted, match=f"is {entry.state}: a verification summary stands for a certification"):
        emit(registry, entry, var, "vsa")


def test_a_pack_with_another_file_than_was_certified_has_no_summary(
    registry: Registry, var: Path, certified: RegistryEntry
) -> None:
    (var / certified.pack / "extra.py").write_text("x = 1\n")
    with pytest.raises(NotEmitted, match=r"extra\.py does not belong to the pack"):
        emit(registry, certified, var, "vsa")


def test_the_bill_is_the_pack_s_own_and_cyclonedx(registry: Registry, var: Path, certified: RegistryEntry) -> None:
    data = emit(registry, certified, var, "sbom")
    assert data == (var / certified.pack / "sbom.cdx.json").read_bytes()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None
    (var / certified.pack / "sbom.cdx.json").write_bytes(data.replace(b"pydantic", b"pydantik"))
    with pytest.raises(PackNotHere, match=r"sbom\.cdx\.json of .* was changed since it was certified"):
        emit(registry, certified, var, "sbom")


def test_the_same_entry_gives_the_same_bytes(registry: Registry, var: Path, certified: RegistryEntry) -> None:
    for form in FILES:
        first = emit(registry, certified, var, form, url=URL)
        with Registry(registry.url) as again:
            assert emit(again, again.get(certified.agent_id), var, form, url=URL) == first


def test_a_pack_of_another_build_or_place_is_not_taken_for_this_one(
    registry: Registry, var: Path, certified: RegistryEntry
) -> None:
    made.pack(var, build_combustion(), dimensions=made.judged(90.0))  # a rebuild takes the folder
    with pytest.raises(PackNotHere, match="is of another build"):
        pack_of(certified, var)
    for place in ("", "..", "../elsewhere", "/etc", "https://example.org/pack", "packs/none"):
        with pytest.raises(PackNotHere):
            pack_of(made.replace(certified, pack=place), var)


def run(var: Path, *arguments: str) -> tuple[int, str]:
    done = RUNNER.invoke(app, ["--var", str(var), "registry", "emit", *arguments])
    return done.exit_code, done.output


def test_the_command_writes_each_form_and_says_what_it_lacks(var: Path, certified: RegistryEntry) -> None:
    for form, name in FILES.items():
        path = var / name
        code, said = run(var, certified.agent_id, "--as", form, "-o", str(path), "--url", URL)
        assert (code, said.strip()) == (0, str(path))
        code, said = run(var, f"{certified.agent_id}@1.0.0", "--as", form, "--url", URL)
        assert (code, said) == (0, path.read_text())
    code, said = run(var, certified.agent_id, "--as", "a2a")
    assert code == 2
    assert "--url" in said
    code, said = run(var, "no/such", "--as", "mcp")
    assert (code, "no/such is not registered" in said) == (1, True)
    code, said = run(var, certified.agent_id, "--as", "a2a", "--url", URL, "--binding", "HTTP+JSON")
    assert json.loads(said)["supportedInterfaces"][0]["protocolBinding"] == "HTTP+JSON"


def test_the_command_exits_1_where_nothing_is_certified(registry: Registry, var: Path) -> None:
    entry = registered(registry, var, build_combustion())
    code, said = run(var, entry.agent_id, "--as", "vsa")
    assert code == 1
    assert "is draft" in said
