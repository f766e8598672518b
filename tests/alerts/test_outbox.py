"""The outbox over real servers on loopback: each alert once on each channel, none lost, none held up by another."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from greenlang.alerts import Alert, deliver, send
from greenlang.alerts.webhook import Webhook
from greenlang.settings import Settings
from tests.alerts.receivers import Hook, Post
from tests.alerts.settings import ALERT, both, smtp, waiting


def test_an_alert_arrives_once_on_each_channel_whoever_sends_it_again(
    tmp_path: Path, receiver: Hook, mailbox: Post
) -> None:
    settings = both(tmp_path, receiver, mailbox)
    assert [(d.channel, d.why) for d in send(settings, ALERT)] == [("webhook", ""), ("mail", "")]
    assert send(settings, ALERT) == []
    assert deliver(settings) == []
    assert (len(receiver.posts), len(mailbox.taken), waiting(settings)) == (1, 1, [])


def test_what_one_channel_does_not_take_waits_for_that_channel_alone(
    tmp_path: Path, receiver: Hook, mailbox: Post, caplog: pytest.LogCaptureFixture
) -> None:
    settings = both(tmp_path, receiver, mailbox, smtp_url=SecretStr(smtp(mailbox, "planted-wrong-password")))
    second = Alert("run-2", "run_failed", "two", ALERT.at)
    with caplog.at_level(logging.DEBUG):
        send(settings, ALERT)
        send(settings, second)
    assert (len(receiver.posts), mailbox.taken, waiting(settings)) == (2, [], ["run-1", "run-2"])
    assert "planted" not in caplog.text
    mended = both(tmp_path, receiver, mailbox)
    assert [d.alert for d in deliver(mended)] == ["run-1", "run-2"]
    assert [m["Subject"] for m in mailbox.taken] == ["line_batch failed: über", "two"]
    assert (len(receiver.posts), waiting(settings)) == (2, [])


def test_a_channel_whose_settings_are_wrong_holds_up_no_other_and_gets_its_alert_once_mended(
    tmp_path: Path, receiver: Hook, mailbox: Post
) -> None:
    wrong = both(tmp_path, receiver, mailbox, smtp_url=None)
    assert [(d.channel, d.why[-37:]) for d in send(wrong, ALERT)] == [
        ("webhook", ""),
        ("mail", "GREENLANG_SMTP_URL names no mail server"[-37:]),
    ]
    assert (len(receiver.posts), waiting(wrong)) == (1, ["run-1"])
    other = both(tmp_path, receiver, mailbox, alert_webhook=SecretStr("ftp://planted-in-the-address"))
    second = replace(ALERT, id="run-2")
    told = send(other, second)
    assert [(d.alert, d.channel, bool(d.why)) for d in told] == [
        ("run-1", "mail", False),
        ("run-2", "webhook", True),
        ("run-2", "mail", False),
    ]
    assert "planted" not in repr(told)
    assert [(d.alert, d.channel, d.why) for d in deliver(both(tmp_path, receiver, mailbox))] == [
        ("run-2", "webhook", "")
    ]
    assert (len(receiver.posts), len(mailbox.taken), waiting(other)) == (2, 2, [])


def test_what_cannot_be_kept_is_sent_all_the_same_and_the_error_is_raised_if_nobody_took_it(
    tmp_path: Path, receiver: Hook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    settings = Settings(var=tmp_path / "var", alert_webhook=SecretStr(receiver.url))
    assert [(d.alert, d.why) for d in send(settings, ALERT)] == [("run-1", "")]
    assert "cannot be kept" in caplog.text
    receiver.answers.append(404)
    with pytest.raises(OSError, match="No space left on device"):
        send(settings, replace(ALERT, id="run-2"))
    assert len(receiver.posts) == 2
    assert list((settings.var / "alerts" / "waiting").iterdir()) == [], "no half of a file is left"


def test_what_was_taken_is_not_sent_again_where_only_the_note_of_it_cannot_be_written(
    tmp_path: Path, receiver: Hook, mailbox: Post
) -> None:
    settings = both(tmp_path, receiver, mailbox)
    (settings.var / "alerts").mkdir(parents=True)
    (settings.var / "alerts" / "taken").write_bytes(b"")  # where a folder should be
    assert [d.channel for d in send(settings, ALERT)] == ["webhook", "mail"]
    assert deliver(settings) == []
    assert (len(receiver.posts), len(mailbox.taken), waiting(settings)) == (1, 1, [])


def wait(settings: Settings, number: int) -> None:
    """Have that many alerts wait, `run-0` the longest."""
    folder = settings.var / "alerts" / "waiting"
    folder.mkdir(parents=True)
    for n in range(number):
        (folder / f"run-{n}.json").write_bytes(replace(ALERT, id=f"run-{n}").kept())
        os.utime(folder / f"run-{n}.json", (1e9 + n, 1e9 + n))


def test_an_address_that_is_gone_does_not_use_up_the_time_of_the_other_channel(
    tmp_path: Path, receiver: Hook, mailbox: Post
) -> None:
    settings = both(tmp_path, receiver, mailbox)
    wait(settings, 12)
    receiver.answers.extend([404] * 12)
    deliver(settings, clock=lambda: 1e9)
    assert (len(receiver.posts), len(mailbox.taken)) == (10, 12)


@pytest.mark.parametrize(("status", "posts"), [(400, 3), (413, 3), (404, 3), (429, 3), (501, 1)])
def test_one_alert_that_is_refused_does_not_hold_up_the_next_unless_the_channel_is_down(
    tmp_path: Path, receiver: Hook, status: int, posts: int
) -> None:
    settings = Settings(var=tmp_path / "var", alert_webhook=SecretStr(receiver.url))
    made = Webhook.at(SecretStr(receiver.url), None)
    channel = Webhook(made.url, made.key, made.host, sleep=lambda _: None)
    wait(settings, 3)
    receiver.answers.extend([status] * (3 if status == 429 else 1))
    told = deliver(settings, through=[channel], clock=lambda: 1e9)
    assert len(receiver.posts) == posts
    down = status in {429, 501}
    assert [(d.alert, bool(d.why)) for d in told] == [
        ("run-0", True),
        *([] if down else [("run-1", False), ("run-2", False)]),
    ]
    assert waiting(settings) == (["run-0", "run-1", "run-2"] if down else ["run-0"])


def test_a_message_that_a_mail_server_refuses_for_good_does_not_hold_up_the_next(tmp_path: Path, mailbox: Post) -> None:
    settings = Settings(var=tmp_path / "var", smtp_url=SecretStr(smtp(mailbox)), alert_email_to="ops@example.org")
    mailbox.answers.append("554 looks like spam")
    assert [d.why[-14:] for d in send(settings, ALERT)] == ["it answers 554"]
    mailbox.answers.append("554 looks like spam")
    told = send(settings, replace(ALERT, id="run-2"))
    assert [(d.alert, bool(d.why)) for d in told] == [("run-1", True), ("run-2", False)]
    mailbox.answers.append("451 try again later")
    assert [(d.alert, d.why[-14:]) for d in send(settings, replace(ALERT, id="run-3"))] == [
        ("run-1", "it answers 451")
    ], "it takes nothing now"


def test_what_waits_stays_while_no_channel_is_set(tmp_path: Path, receiver: Hook) -> None:
    settings = Settings(var=tmp_path / "var", alert_webhook=SecretStr(receiver.url))
    receiver.answers.append(404)
    send(settings, ALERT)
    unset = Settings(var=tmp_path / "var", alert_webhook=None, alert_email_to="")
    assert deliver(unset) == []
    assert deliver(unset, through=()) == []
    assert waiting(settings) == ["run-1"]
    assert [d.why for d in deliver(settings)] == [""]


def test_what_nobody_took_in_a_week_is_put_aside_and_what_is_no_alert_too(tmp_path: Path, receiver: Hook) -> None:
    settings = Settings(var=tmp_path / "var", alert_webhook=SecretStr(receiver.url))
    receiver.answers.extend([404] * 2)
    send(settings, ALERT)
    (settings.var / "alerts" / "waiting" / "torn.json").write_text('{"id": ')
    then = ALERT.at.timestamp() + 8 * 86_400
    assert [d.why[-14:] for d in deliver(settings, clock=lambda: then)] == ["it answers 404"]
    assert waiting(settings) == []
    assert sorted(f.name for f in (settings.var / "alerts" / "lost").iterdir()) == ["run-1.json", "torn.json"]


def test_without_a_channel_nothing_is_kept(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var", alert_webhook=None, alert_email_to="")
    assert send(settings, ALERT) == []
    assert not (settings.var / "alerts").exists()


def test_two_processes_deliver_in_turns(tmp_path: Path, receiver: Hook) -> None:
    settings = Settings(var=tmp_path / "var", alert_webhook=SecretStr(receiver.url))
    receiver.answers.append(404)
    send(settings, ALERT)
    with (settings.var / "alerts" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert deliver(settings) == []
    assert len(receiver.posts) == 1
    assert len(deliver(settings)) == 1


def test_who_does_not_deliver_removes_nothing_and_bears_that_another_does(
    tmp_path: Path, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(var=tmp_path / "var", alert_webhook=SecretStr(receiver.url))
    send(settings, ALERT)
    receiver.answers.append(404)
    send(settings, replace(ALERT, id="run-2"))
    note = settings.var / "alerts" / "taken" / "run-1.webhook"
    later = time.time() + 40 * 86_400
    with (settings.var / "alerts" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert deliver(settings, clock=lambda: later) == []
    assert note.exists()

    listed = Path.glob

    def glob(self: Path, pattern: str) -> list[Path]:
        return [*listed(self, pattern), self / "gone.json"]  # removed between the listing and the look at it

    monkeypatch.setattr(Path, "glob", glob)
    assert [d.alert for d in deliver(settings, clock=lambda: later)] == ["run-2"]
    assert not note.exists(), "it is old"
