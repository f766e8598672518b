"""What an agent waits for that wanted a model and got no answer, and when that has come."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.llm.ask import Why
from greenlang.llm.waiting import AtHand
from tests.llm.ground import KEY, gateway, question, settings


def at_hand(folder: Path, *keys: str, **more: Any) -> AtHand:
    return AtHand(settings(folder, **more), dict.fromkeys(keys, KEY))


@pytest.mark.parametrize("why", ["no_model", "not_recorded"])
def test_a_model_is_waited_for_until_a_key_a_provider_or_a_recording_comes(tmp_path: Path, why: Why) -> None:
    mark = at_hand(tmp_path).mark(why)
    assert KEY not in mark
    assert not at_hand(tmp_path).came(mark)
    assert at_hand(tmp_path, "ANTHROPIC_API_KEY").came(mark)
    keyed = at_hand(tmp_path, "ANTHROPIC_API_KEY").mark(why)
    assert not at_hand(tmp_path, "ANTHROPIC_API_KEY").came(keyed)
    ours = tmp_path / "llm.yaml"
    ours.write_text("providers: [{name: ours, models: [m], base_url: 'http://127.0.0.1:9/v1', api_key_env: null}]\n")
    assert at_hand(tmp_path, llm_config=ours).came(mark)
    gateway(tmp_path / "elsewhere").ask(question())
    recorded = settings(tmp_path / "elsewhere").cassettes
    assert at_hand(tmp_path, llm_cassettes=recorded).came(mark)


def test_a_key_is_no_news_where_nobody_may_be_called(tmp_path: Path) -> None:
    mark = at_hand(tmp_path, llm="replay").mark("not_recorded")
    assert not at_hand(tmp_path, "ANTHROPIC_API_KEY", llm="replay").came(mark)


def test_the_library_that_calls_is_waited_for_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("greenlang.llm.wire.find_spec", lambda _: None)
        mark = at_hand(tmp_path, "ANTHROPIC_API_KEY").mark("no_model")
    monkeypatch.setattr("greenlang.llm.wire.find_spec", lambda _: object())
    assert at_hand(tmp_path, "ANTHROPIC_API_KEY").came(mark)


def test_more_money_and_more_rounds_are_news_and_less_is_none(tmp_path: Path) -> None:
    for name, why in (("llm_budget_usd", "budget"), ("llm_rounds", "rounds")):
        mark = at_hand(tmp_path, **{name: Decimal(3)}).mark(why)  # type: ignore[arg-type]
        came = [at_hand(tmp_path, **{name: Decimal(n)}).came(mark) for n in (2, 3, 4)]
        assert came == [False, False, True]


def test_a_provider_that_failed_is_tried_again_and_a_reply_that_never_fitted_is_not(tmp_path: Path) -> None:
    here = at_hand(tmp_path)
    assert here.came(here.mark("unavailable"))
    assert (here.mark("malformed"), here.mark(None)) == ("", "")
    assert not here.came("")
