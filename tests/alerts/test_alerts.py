"""Alerts over real servers on loopback: signed posts, mail over STARTTLS, each once, none lost, no secret told."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Verifier
from typer.testing import CliRunner

from greenlang.alerts import Alert, channels, deliver, send, try_out
from greenlang.alerts.mail import Mail
from greenlang.alerts.webhook import Webhook
from greenlang.cli.main import app
from greenlang.errors import AlertError, AlertRefused, SettingsError
from greenlang.settings import SECRETS, Settings
from tests.alerts.receivers import USER, Hook, Post, post
from tests.alerts.settings import ALERT, KEY, smtp, waiting

# --- webhook --------------------------------------------------------------------------------------------------------


def test_a_post_is_signed_as_standard_webhooks_says(receiver: Hook) -> None:
    Webhook.at(SecretStr(receiver.url), SecretStr(KEY)).send(ALERT)
    ((headers, body),) = receiver.posts
    told = Verifier(KEY).verify(body, headers)  # their own library, which also looks at the age
    assert told["title"] == "line_batch failed: über"
    assert told["text"] == ALERT.text()
    assert Alert.load(ALERT.kept()) == ALERT
    with pytest.raises(Exception, match="No matching signature"):
        Verifier(KEY).verify(body + b" ", headers)


@pytest.mark.parametrize(
    ("answers", "posts", "taken"), [([500, 503], 3, True), ([500] * 9, 3, False), ([404], 1, False), ([302], 1, False)]
)
def test_a_post_is_tried_again_where_that_may_help(receiver: Hook, answers: list[int], posts: int, taken: bool) -> None:
    receiver.answers.extend(answers)
    waits: list[float] = []
    made = Webhook.at(SecretStr(receiver.url), None)
    channel = Webhook(made.url, made.key, made.host, sleep=waits.append)
    if taken:
        channel.send(ALERT)
    else:
        with pytest.raises(
            AlertError, match=rf"the webhook at 127\.0\.0\.1:\d+ takes no alert: it answers {answers[0]}"
        ):
            channel.send(ALERT)
    assert len(receiver.posts) == posts
    assert waits == [0.5, 2.0][: posts - 1]
    assert "webhook-signature" not in receiver.posts[0][0], "no key was given"


@pytest.mark.parametrize(
    "url", ["", "ftp://example.org/x", "https://", "example.org/hook", "https://[::1", "https://h:port/"]
)
def test_an_address_that_is_none_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError) as told:
        Webhook.at(SecretStr(url or "planted-secret"), None)
    assert str(told.value) == "GREENLANG_ALERT_WEBHOOK is no address: it begins with https:// or http://, and a host"


def test_a_key_that_is_no_base64_is_told() -> None:
    with pytest.raises(SettingsError, match="what follows is no base64"):
        Webhook.at(SecretStr("https://example.org"), SecretStr("whsec_!!"))


def test_the_detail_travels_once_and_shortened_where_it_was_too_long(receiver: Hook) -> None:
    long = replace(ALERT, detail="ü" * 30_000)
    assert len(long.body()) < 2 * 20_000 + 1_000
    receiver.answers.extend([413, 204])
    remark = Webhook.at(SecretStr(receiver.url), SecretStr(KEY)).send(long)
    assert remark.endswith(", and went shortened")
    (_, whole), (headers, short) = receiver.posts
    assert whole == long.body()
    told = Verifier(KEY).verify(short, headers)
    assert (told["id"], told["look"]) == ("run-1", list(ALERT.look))
    assert f"{'ü' * 1000}\n\n(cut off)" in told["text"]
    receiver.answers.extend([413, 413, 413])
    for alert, posts in ((long, 2), (ALERT, 1)):  # one that is short cannot be shortened
        receiver.posts.clear()
        with pytest.raises(AlertRefused, match="it answers 413"):
            Webhook.at(SecretStr(receiver.url), None).send(alert)
        assert len(receiver.posts) == posts


# --- mail -----------------------------------------------------------------------------------------------------------


def test_mail_goes_over_starttls_and_signed_in(mailbox: Post) -> None:
    Mail.by(SecretStr(smtp(mailbox)), USER, "ops@example.org, night@example.org").send(ALERT)
    (message,) = mailbox.taken
    assert mailbox.to == [["ops@example.org", "night@example.org"]]
    assert (mailbox.encrypted, mailbox.signed_in) == ([True], [True])
    assert message["Subject"] == "line_batch failed: über"
    assert (message["Auto-Submitted"], message["Message-ID"]) == ("auto-generated", "<run-1@example.org>")
    assert message.get_content().replace("\r\n", "\n") == ALERT.text()


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(
    mailbox: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(AlertError, match="its certificate is not trusted: self-signed certificate"):
        Mail.by(SecretStr(smtp(mailbox)), USER, "ops@example.org").send(ALERT)
    assert mailbox.taken == []


def test_a_server_without_tls_is_refused_unless_it_is_said(tmp_path: Path) -> None:
    with post(tmp_path, tls=False) as box:
        with pytest.raises(AlertError, match="it has no STARTTLS"):
            Mail.by(SecretStr(f"smtp://127.0.0.1:{box.port}"), USER, "ops@example.org").send(ALERT)
        assert box.taken == []
        Mail.by(SecretStr(f"smtp://127.0.0.1:{box.port}?tls=no"), USER, "ops@example.org").send(ALERT)
        assert box.encrypted == [False]


def test_what_a_mail_server_refuses_is_told_without_the_password(mailbox: Post) -> None:
    with pytest.raises(AlertError, match=r"takes no alert: it answers 535$") as told:
        Mail.by(SecretStr(smtp(mailbox, "planted-wrong-password")), USER, "ops@example.org").send(ALERT)
    assert "planted" not in repr(told.value)
    mailbox.refuses.add("gone@example.org")
    with pytest.raises(AlertError, match=r"it refuses gone@example\.org"):
        Mail.by(SecretStr(smtp(mailbox)), USER, "gone@example.org").send(ALERT)
    with pytest.raises(AlertError, match=r"takes no alert: UnicodeEncodeError$"):
        Mail.by(SecretStr(smtp(mailbox, "pläntéd")), USER, "ops@example.org").send(ALERT)


def test_an_address_that_is_refused_beside_others_is_told_and_the_others_get_no_second_mail(
    tmp_path: Path, mailbox: Post
) -> None:
    mailbox.refuses.add("gone@example.org")
    settings = Settings(
        var=tmp_path / "var", smtp_url=SecretStr(smtp(mailbox)), alert_email_to="ops@example.org,gone@example.org"
    )
    assert try_out(settings) == {"mail": "the mail server refuses gone@example.org"}
    send(settings, ALERT)
    deliver(settings)
    assert (mailbox.to, waiting(settings)) == ([["ops@example.org"]] * 2, [])


@pytest.mark.parametrize(
    ("server", "sender", "to", "why"),
    [
        ("smtp://u:planted@", USER, "a@b.org", "GREENLANG_SMTP_URL is no address"),
        ("http://u:planted@mail", USER, "a@b.org", "GREENLANG_SMTP_URL is no address"),
        ("smtp://u:planted@h:port", USER, "a@b.org", "GREENLANG_SMTP_URL is no address"),
        ("smtp://h?tls=off", USER, "a@b.org", "GREENLANG_SMTP_URL is no address"),
        ("smtp://u:planted@h?tls=no", USER, "a@b.org", "a password is never sent in the clear"),
        ("smtp://h", "nobody", "a@b.org", "GREENLANG_ALERT_EMAIL_FROM: 'nobody' is no address"),
        ("smtp://h", USER, "a@b.org, x y@z", "GREENLANG_ALERT_EMAIL_TO: 'x y@z' is no address"),
        ("smtp://h", USER, "a@b.org\nBcc: all@b.org", "GREENLANG_ALERT_EMAIL_TO: "),
    ],
)
def test_settings_of_mail_that_cannot_be_used_are_told_without_the_password(
    server: str, sender: str, to: str, why: str
) -> None:
    with pytest.raises(SettingsError, match=why) as told:
        Mail.by(SecretStr(server), sender, to)
    assert "planted" not in str(told.value)


# --- settings and command -------------------------------------------------------------------------------------------


def test_secrets_come_from_the_environment_or_from_files_and_are_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        "hook": "https://h.example.org/planted-path",
        "key": "planted-key",
        "smtp": "smtp://u:planted-pw@m",
    }.items():
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setenv("GREENLANG_ALERT_WEBHOOK_FILE", str(tmp_path / "hook"))
    monkeypatch.setenv("GREENLANG_ALERT_WEBHOOK_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("GREENLANG_SMTP_URL", "smtp://u:planted-pw@m")
    monkeypatch.setenv("GREENLANG_ALERT_EMAIL_TO", "ops@example.org")
    settings = Settings(var=tmp_path / "var")
    found = channels(settings)
    assert [channel.name for channel in found] == ["webhook", "mail"]
    shown = CliRunner().invoke(app, ["factory", "config"])
    assert shown.exit_code == 0
    for text in (repr(found), repr(settings), shown.output):
        assert "planted" not in text
    with pytest.raises(SettingsError, match="GREENLANG_ALERT_WEBHOOK_FILE names a file that cannot be read"):
        channels(settings.model_copy(update={"alert_webhook_file": tmp_path / "none"}))
    with pytest.raises(SettingsError, match="GREENLANG_SMTP_URL names no mail server"):
        channels(settings.model_copy(update={"smtp_url": None}))


def test_the_command_sends_a_test_on_each_channel_and_says_what_failed(
    tmp_path: Path, receiver: Hook, mailbox: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_ALERT_WEBHOOK", receiver.url)
    monkeypatch.setenv("GREENLANG_ALERT_EMAIL_TO", "ops@example.org")
    monkeypatch.setenv("GREENLANG_SMTP_URL", smtp(mailbox))
    here = ["--var", str(tmp_path / "var"), "factory", "alert-test"]
    good = CliRunner().invoke(app, [*here, "--json"])
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout) == {"webhook": "", "mail": ""}
    assert (len(receiver.posts), len(mailbox.taken)) == (1, 1)
    monkeypatch.setenv("GREENLANG_SMTP_URL", smtp(mailbox, "planted-wrong-password"))
    bad = CliRunner().invoke(app, here)
    assert bad.exit_code == 3
    assert "it answers 535" in bad.output
    assert "planted" not in bad.output
    monkeypatch.setenv("GREENLANG_SMTP_URL", "smtp://")
    broken = CliRunner().invoke(app, [*here, "--json"])
    assert broken.exit_code == 3
    said = json.loads(broken.stdout)
    assert said["webhook"] == "", "a setting of the other channel stops nothing"
    assert "GREENLANG_SMTP_URL" in said["mail"]
    for name in [name for name in os.environ if name.startswith(("GREENLANG_ALERT", "GREENLANG_SMTP"))]:
        monkeypatch.delenv(name)
    none = CliRunner().invoke(app, here)
    assert none.exit_code == 2
    assert "no channel is set" in none.output


def test_a_process_that_is_handed_settings_finds_the_secrets_in_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The launcher's child is handed settings on its command line, which everybody on the machine may read."""
    monkeypatch.setenv("GREENLANG_SMTP_URL", "smtp://u:planted@h")
    handed = Settings().model_dump_json(exclude_defaults=True, exclude=set(SECRETS))
    assert {"smtp_url", "alert_webhook", "alert_webhook_key"} == SECRETS
    assert "smtp_url" not in handed
    found = Settings(**json.loads(handed)).smtp_url
    assert found is not None
    assert found.get_secret_value() == "smtp://u:planted@h"
