"""Cassettes: canonical bytes, digests that are checked, exports that carry nothing but recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.errors import PackError
from greenlang.llm.cassettes import Cassettes, Recorded, encoded
from greenlang.llm.prompts import Rendered
from greenlang.llm.request import Parameters, Request, request, round_digest
from greenlang.provenance import canonical, digest

ASKED = {"max_tokens": 10, "seed": 42, "temperature": 0}
REPLY = Recorded("{}", "openai", "gpt", ASKED, ASKED, {}, "stop", "fp", "0" * 64, 10, 5, Decimal("0.0012"), ("a: 500",))


def made(user: str = "what?", **more: object) -> Request:
    rendered = Rendered("test@1", "be good", user, True)
    parameters = Parameters(**{"temperature": 0.0, "seed": 42, "max_tokens": 10, **more})  # type: ignore[arg-type]
    return request(rendered, {"type": "object"}, parameters, 0)


def test_a_reply_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    store = Cassettes(tmp_path)
    assert store.get(made()) is None
    assert store.put(made(), REPLY) == REPLY
    assert Cassettes(tmp_path).get(made()) == REPLY
    assert store.verify() == []


def test_the_same_recording_gives_the_same_bytes(tmp_path: Path) -> None:
    again = replace(REPLY, cost_usd=Decimal("0.00120"), requested={**ASKED, "temperature": 0.0})
    assert encoded(made(), REPLY) == encoded(made(temperature=0), again)
    assert encoded(made(), REPLY).endswith(b"}\n")


@pytest.mark.parametrize("changed", [{"temperature": 0.5}, {"seed": 43}, {"max_tokens": 11}])
def test_each_parameter_makes_another_request(changed: dict[str, object]) -> None:
    assert made(**changed).digest != made().digest
    assert made(**changed).digest != made("what else?").digest


def test_neither_provider_nor_model_is_part_of_a_request() -> None:
    assert set(made().content) == {"format", "prompt", "rendered", "schema", "parameters", "sample"}


def test_samples_are_requests_of_their_own_and_one_round() -> None:
    rendered, parameters = Rendered("test@1", "s", "u", True), Parameters(0.0, 42, 10)
    first, second = (request(rendered, {}, parameters, n) for n in (0, 1))
    assert first.digest != second.digest
    assert second.parameters.seed == 43
    assert round_digest(first) == round_digest(second)


def test_a_re_ask_is_named_by_the_reply_and_not_by_the_words_that_tell_it() -> None:
    one, other = made().again("{", ("no JSON",)), made().again("{", ("not JSON at all",))
    assert one.digest == other.digest
    assert one.digest != made().again("[", ("no JSON",)).digest
    assert one.again("{", ()).digest != one.digest
    assert one.root == made().digest


def test_the_first_recording_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    store, other = Cassettes(tmp_path), replace(REPLY, text='{"a": 1}')
    store.put(made(), REPLY)
    assert store.put(made(), other) == REPLY
    assert store.put(made(), other, replace=True) == other
    assert store.get(made()) == other


def tampered(path: Path, **changes: object) -> None:
    raw = json.loads(path.read_bytes())
    path.write_bytes(canonical({**raw, **changes}) + b"\n")


def test_a_changed_cassette_is_refused(tmp_path: Path) -> None:
    store = Cassettes(tmp_path)
    store.put(made(), REPLY)
    path = store.path(made().digest)
    good = path.read_bytes()
    reply = json.loads(good)["reply"]
    for changes, told in (
        ({"reply": {**reply, "text": "other"}}, "its reply was changed"),
        ({"request": {"other": 1}}, "its digest is not that of its request"),
        ({"messages": [{"role": "user", "content": "other"}]}, "its messages are not those of its request"),
        ({"more": 1}, "it is not in the form of a cassette"),
        ({"reply": {**reply, "cost_usd": "x"}}, "its reply is not in the form of a cassette"),
    ):
        tampered(path, **changes)
        with pytest.raises(PackError, match=told):
            store.get(made())
        assert told in store.verify()[0]
        path.write_bytes(good)
    path.write_bytes(good.replace(b'","', b'", "'))
    with pytest.raises(PackError, match="not canonical"):
        store.get(made())


def test_verify_names_what_does_not_belong(tmp_path: Path) -> None:
    store = Cassettes(tmp_path)
    store.put(made(), REPLY)
    (tmp_path / "notes.txt").write_text("x")
    assert store.verify() == ["notes.txt is no cassette"]


def test_an_export_is_the_same_from_every_folder_and_comes_back(tmp_path: Path) -> None:
    one, other, back = Cassettes(tmp_path / "one"), Cassettes(tmp_path / "other"), Cassettes(tmp_path / "back")
    questions = [made(f"question {n}") for n in range(5)]
    for question in questions:
        one.put(question, REPLY)
    for question in reversed(questions):
        other.put(question, REPLY)
    assert one.export(tmp_path / "a.jsonl") == other.export(tmp_path / "b.jsonl") == 5
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert back.take(tmp_path / "a.jsonl") == (5, 0)
    assert back.take(tmp_path / "a.jsonl") == (0, 5)
    assert back.names() == one.names()
    assert back.verify() == []


def test_an_import_stores_nothing_if_one_line_is_wrong(tmp_path: Path) -> None:
    good = encoded(made(), REPLY)
    bad = encoded(made("other"), REPLY).replace(b"stop", b"halt")
    (tmp_path / "x.jsonl").write_bytes(good + bad)
    store = Cassettes(tmp_path / "store")
    with pytest.raises(PackError, match=r"x\.jsonl, line 2: .*its reply was changed"):
        store.take(tmp_path / "x.jsonl")
    assert store.names() == []


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "..", "a" * 63, "A" * 64, "a" * 64 + "/x"])
def test_no_name_of_a_file_comes_from_an_import(name: str, tmp_path: Path) -> None:
    content = {**made().content, "path": name}
    raw = json.loads(encoded(made(), REPLY))
    line = canonical({**raw, "request": content, "digest": name}) + b"\n"
    (tmp_path / "x.jsonl").write_bytes(line)
    store = Cassettes(tmp_path / "store")
    with pytest.raises(PackError, match="its digest is not that of its request"):
        store.take(tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="is no digest"):
        store.path(name)
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]


def test_an_import_does_not_write_through_a_link(tmp_path: Path) -> None:
    store = Cassettes(tmp_path / "store")
    path = store.path(made().digest)
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "x.jsonl").write_bytes(encoded(made(), REPLY))
    with pytest.raises(PackError, match="symbolic link"):
        store.take(tmp_path / "x.jsonl")
    assert not (tmp_path / "elsewhere").exists()


def test_a_recording_that_differs_is_replaced_only_when_told(tmp_path: Path) -> None:
    store = Cassettes(tmp_path / "store")
    store.put(made(), REPLY)
    (tmp_path / "x.jsonl").write_bytes(encoded(made(), replace(REPLY, text="other")))
    with pytest.raises(PackError, match="recorded already with another reply"):
        store.take(tmp_path / "x.jsonl")
    assert store.take(tmp_path / "x.jsonl", replace=True) == (1, 0)
    found = store.get(made())
    assert found is not None
    assert found.text == "other"


def test_a_file_with_two_replies_of_one_request_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(encoded(made(), REPLY) + encoded(made(), replace(REPLY, text="other")))
    store = Cassettes(tmp_path / "store")
    with pytest.raises(PackError, match="holds two replies of"):
        store.take(tmp_path / "x.jsonl", replace=True)
    assert store.names() == []


def test_the_same_reply_beside_other_examples_is_the_same_recording(tmp_path: Path) -> None:
    def sent(examples: str) -> Request:
        shown, counted = (Rendered("test@1", "be good", user, True) for user in (f"what? {examples}", "what?"))
        return request(shown, {}, Parameters(0.0, 42, 10), 0, counted)

    store = Cassettes(tmp_path / "store")
    store.put(sent("a"), REPLY)
    assert store.get(sent("b")) == REPLY
    (tmp_path / "x.jsonl").write_bytes(encoded(sent("b"), REPLY))
    assert store.take(tmp_path / "x.jsonl") == (0, 1)
    assert store.verify() == []
    assert encoded(sent("b"), REPLY).count(b"what? b") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": 5},
        {"model": None},
        {"prompt_tokens": "10"},
        {"completion_tokens": -1},
        {"cost_usd": "NaN"},
        {"cost_usd": "-1"},
        {"fallbacks": "abc"},
        {"dropped": []},
    ],
)
def test_a_reply_of_the_wrong_form_is_refused_though_its_digests_fit(wrong: dict[str, object], tmp_path: Path) -> None:
    raw = json.loads(encoded(made(), REPLY))
    reply = {**raw["reply"], **wrong}
    line = canonical({**raw, "reply": reply, "reply_digest": digest(reply)}) + b"\n"
    (tmp_path / "x.jsonl").write_bytes(line)
    with pytest.raises(PackError, match="not in the form of a cassette"):
        Cassettes(tmp_path / "store").take(tmp_path / "x.jsonl")


def test_a_digest_is_that_of_the_canonical_content() -> None:
    assert made().digest == digest(made().content)
