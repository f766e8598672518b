"""The configuration: what is built in, what a file changes, and that keys stay out of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from greenlang.errors import SettingsError
from greenlang.factory.line import run_batch
from greenlang.llm.config import Gateways, check, load
from greenlang.llm.parameters import chosen, named_in
from tests.llm.ground import KEY, provider, settings

ASKED = {"max_tokens": 10, "seed": 42, "temperature": 0}


def test_anthropic_comes_first_then_openai_then_google() -> None:
    built_in = load(settings(Path("/nowhere")))
    assert [p.name for p in built_in.providers] == ["anthropic", "openai", "google"]
    assert [p.kind for p in built_in.providers] == ["anthropic", "openai", "gemini"]
    assert [p.requests_per_minute for p in built_in.providers] == [50, 60, 60]
    assert [p.name for p in built_in.order("any")] == ["anthropic", "openai", "google"]


def test_a_file_declares_providers(tmp_path: Path) -> None:
    file = tmp_path / "llm.yaml"
    file.write_text(
        "strategy: weighted\n"
        "providers:\n"
        "  - {name: ours, base_url: 'http://127.0.0.1:8000/v1', models: [m], api_key_env: null,\n"
        "     prices: {m: {input_usd_per_million: 0, output_usd_per_million: 0.5}}}\n"
    )
    found = load(settings(tmp_path, llm_config=file)).providers[0]
    assert (found.kind, found.base_url) == ("openai", "http://127.0.0.1:8000/v1")
    assert found.key({}) is not None
    assert found.prices["m"].cost(10**6, 10**6) == 0.5


def test_the_file_in_the_documentation_is_a_good_one(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    file = tmp_path / "llm.yaml"
    file.write_text(page.split("```yaml\n", 1)[1].split("```", 1)[0])
    found, built_in = load(settings(tmp_path, llm_config=file)), Gateways()
    assert found.model_copy(update={"providers": ()}) == built_in.model_copy(update={"providers": ()})  # its defaults
    assert found.providers[0] == built_in.providers[0]
    assert (found.providers[1].retries, found.providers[1].timeouts) == (
        built_in.providers[1].retries,
        built_in.providers[1].timeouts,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("providers: [{name: x, models: [m], api_key: SECRET}]", "providers.0.api_key: Extra inputs are not permitted"),
        ("providers: [{name: x, models: []}]", "providers.0.models: "),
        ("providers: [{name: x, models: [m]}, {name: x, models: [m]}]", "two providers have one name"),
        ("providers: [{name: 'x y', models: [m]}]", "providers.0.name: "),
        ("{: [", "is no YAML"),
        ("seed: SECRET", "seed: Input should be a valid integer"),
        ("providers: [{name: x, models: [m], base_url: 'https://u:SECRET@host/v1'}]", "base_url: "),
        ("providers: [{name: x, models: [m], base_url: 'https://host/v1?key=SECRET'}]", "base_url: "),
        ("providers: [{name: x, models: [m], api_key_env: sk-SECRET-key}]", "api_key_env: "),
    ],
)
def test_a_wrong_file_is_named_without_its_values(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "llm.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        load(settings(tmp_path, llm_config=file))
    assert told in str(error.value)
    assert "SECRET" not in str(error.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(settings(tmp_path, llm_config=tmp_path / "no.yaml"))


def test_a_key_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    one = provider()
    assert one.key({}) is None
    assert one.key({"KEY": " "}) is None
    for environment in ({"KEY": KEY}, {"KEY_FILE": str(file)}):
        found = one.key(environment)
        assert found is not None
        assert found.get_secret_value() == KEY
        assert KEY not in repr(found)
    with pytest.raises(SettingsError, match="KEY_FILE"):
        one.key({"KEY_FILE": str(tmp_path / "no")})


def test_weights_decide_how_often_a_provider_comes_first_and_a_digest_always_goes_one_way() -> None:
    names = {"a": 50, "b": 30, "c": 20, "never": 0}
    config = Gateways(providers=tuple(provider(n, weight=w) for n, w in names.items()), strategy="weighted")
    orders = [tuple(p.name for p in config.order(f"{n:064x}")) for n in range(4000)]
    assert orders == [tuple(p.name for p in config.order(f"{n:064x}")) for n in range(4000)]
    first = Counter(order[0] for order in orders)
    assert all(abs(first[n] / 4000 - w / 100) < 0.03 for n, w in names.items())
    assert {order[-1] for order in orders} == {"never"}


@pytest.mark.parametrize(
    ("kind", "model", "supported", "dropped"),
    [
        ("openai", "gpt-4.1", {"seed", "temperature"}, set()),
        ("openai", "gpt-5.4", {"seed", "temperature"}, {"seed", "temperature"}),
        ("openai", "o3-mini", {"seed"}, {"seed", "temperature"}),
        ("anthropic", "claude-sonnet-4-6", {"temperature"}, {"seed"}),
        ("anthropic", "claude-opus-4-7", {"temperature"}, {"seed", "temperature"}),
        ("openai", "unheard-of", None, set()),
        ("gemini", "gemini-2.5-pro", {"temperature"}, {"seed"}),
    ],
)
def test_what_a_model_does_not_take_is_dropped_with_a_reason(
    kind: str, model: str, supported: set[str] | None, dropped: set[str]
) -> None:
    sent = chosen(ASKED, kind=kind, model=model, supported=supported)
    assert set(sent.dropped) == dropped
    assert all(sent.dropped.values())
    assert {**sent.accepted, **{n: ASKED[n] for n in dropped}} == ASKED
    assert "max_tokens" in sent.accepted


def test_the_configuration_can_drop_a_parameter() -> None:
    sent = chosen(ASKED, kind="openai", model="m", supported=None, drop=("seed",))
    assert sent.dropped == {"seed": "the configuration drops it"}


def test_a_refusal_names_a_parameter_only_if_it_was_sent() -> None:
    sent = chosen(ASKED, kind="openai", model="m", supported=None)
    assert named_in("`temperature` is deprecated for this model.", sent) == "temperature"
    assert named_in("Unknown parameter: 'seed'", sent) == "seed"
    assert named_in("the seedling is too large", sent) is None
    assert named_in("temperature", sent.without("temperature", "x")) is None


@pytest.mark.parametrize("text", ["SECRET\nSECRET", "SECRET key", "SECRET\x00", "SECRETä"])
def test_a_text_that_no_header_can_carry_is_refused_before_a_call_and_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KEY holds more than a key") as error:
        provider().key({"KEY": text})
    assert "SECRET" not in str(error.value)
    file = tmp_path / "key"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="KEY_FILE holds more than a key") as error:
        provider().key({"KEY_FILE": str(file)})
    assert "SECRET" not in str(error.value)


def test_configuration_and_keys_are_read_before_work_begins(tmp_path: Path) -> None:
    check(settings(tmp_path), {})
    with pytest.raises(SettingsError, match="OPENAI_API_KEY_FILE"):
        check(settings(tmp_path), {"OPENAI_API_KEY_FILE": str(tmp_path / "missing")})
    check(settings(tmp_path, llm="replay"), {"OPENAI_API_KEY_FILE": str(tmp_path / "missing")})
    with pytest.raises(SettingsError, match="cannot be read"):
        next(run_batch(settings(tmp_path, llm_config=tmp_path / "missing.yaml"), entrance="cli"))
    assert not (tmp_path / "var").exists()
