"""Planted secrets are found, each by its kind; what only looks like one is not.

The planted ones are made up here piece by piece, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from greenlang.quality.files import Files
from greenlang.quality.secrets import in_text, secrets
from tests.quality.good import files

LETTERS = string.ascii_letters + string.digits


def drawn(length: int, alphabet: str = LETTERS) -> str:
    """Characters drawn with a fixed seed."""
    return "".join(random.Random(length).choices(alphabet, k=length))


HEX = "0123456789abcdef"
PLANTED = {
    "AWS access key": f'key_id = "AKIA{drawn(16, string.ascii_uppercase + string.digits)}"',
    "AWS secret": f'aws_secret_access_key = "{drawn(40)}"',
    "bare AWS secret": f"AWS_SECRET_ACCESS_KEY={drawn(40)}",
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "OpenSSH key": "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "PGP key": "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----",
    "GitHub token": f"gh{'p'}_{drawn(36)}",
    "GitHub fine-grained token": f"github_{'pat'}_{drawn(82)}",
    "GitLab token": f"gl{'pat'}-{drawn(20)}",
    "Slack token": f"xo{'xb'}-{drawn(12, string.digits)}-{drawn(24)}",
    "Slack hook": f"https://hooks.slack.{'com'}/services/T{drawn(8)}/B{drawn(9)}/{drawn(24)}",
    "Discord token": f"discord: M{drawn(23)}.{drawn(6)}.{drawn(27)}",
    "Telegram token": f"{drawn(10, string.digits)}:AA{drawn(33)}",
    "Stripe key": f"sk_{'live'}_{drawn(24)}",
    "OpenAI key": f"sk-{'proj'}-{drawn(48)}",
    "Anthropic key": f"sk-{'ant'}-api03-{drawn(40)}",
    "Groq key": f"gsk_{drawn(52)}",
    "Google key": f"AI{'za'}{drawn(35)}",
    "SendGrid key": f"SG.{drawn(22)}.{drawn(43)}",
    "Twilio key": f"SK{drawn(32, HEX)}",
    "Mailchimp key": f"{drawn(32, HEX)}-us{12}",
    "npm token": f"npm_{drawn(36)}",
    "npm configuration": f"//registry.npmjs.org/:_authToken={drawn(36)}",
    "PyPI token": f"pypi-{'AgE'}IcHlwaS5vcmc{drawn(60)}",
    "DigitalOcean token": f"dop_{'v1'}_{drawn(64, HEX)}",
    "Azure storage key": f"AccountKey={drawn(86)}==",
    "web token": f"ey{'J'}{drawn(20)}.ey{'J'}{drawn(30)}.{drawn(30)}",
    "password in an address": "postgres://me:hunter22" + "@db.local/x",
    "bearer": f"Authorization: Bearer {drawn(32)}",
    "basic": f"Authorization: Basic {drawn(30)}==",
    "quoted password": 'password: "correct-horse"',
    "password of a mapping": "{'passwd': 'correct-horse'}",
    "bare password": "DB_PASSWORD=hunter22horse",
    "api key in YAML": "api_key: 8fj3kd9s7f6g5h4j",
    "client secret": f'CLIENT_SECRET = "{drawn(24)}"',
    "hexadecimal secret": f'secret_key = "{drawn(32, HEX)}"',
    "random text without a name": f'x = "{drawn(32)}"',
    "random Base64": f'blob: "{drawn(30)}+/{drawn(10)}="',
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found_once(name: str) -> None:
    text = f"# a comment\n{PLANTED[name]}\n"
    assert len(list(in_text(text))) >= 1, PLANTED[name]


HARMLESS = {
    "a digest": f'"sha256": "{drawn(64, HEX)}"',
    "a key of a factor": '"key": "epa/stationary-combustion/2024/distillate-fuel-oil-no-2/ch4-per-mmbtu"',
    "a token of a parser": "token = tokens[0]",
    "a stand-in": 'password = "${DB_PASSWORD}"',
    "another stand-in": "api_key: <your-api-key>",
    "none": "token: None",
    "words": "the secret is to keep factors apart from formulas",
    "a call": "password = getpass.getpass()",
    "a name in camel case": '"HorizontalPodAutoscalerSpecification2"',
    "a sentence": '"Fuel2023_and_Energy2024_of_Plant"',
    "an address": "https://example.com:8080/a@b",
    "an image": "python:3.11-slim-bookworm@sha256",
    "a long identifier": '"gl_electricity_location_based_uk_v1"',
    "a base unit": '"kgCO2e/(kWh*year)_per_functional_unit1"',
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_secret_is_left_alone(name: str) -> None:
    assert list(in_text(HARMLESS[name])) == []


def test_places_are_told_and_the_secret_never(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text(f"x\n\n{PLANTED['Google key']}\n")
    (tmp_path / "id_rsa").write_text(PLANTED["private key"])
    (tmp_path / ".env").write_text(PLANTED["bare password"])
    (tmp_path / "image.png").write_bytes(PLANTED["private key"].encode())
    found = secrets(Files(tmp_path))
    assert found == [
        (".env", 1, "value beside a secret's name"),
        ("docs/a.md", 3, "Google key"),
        ("id_rsa", 1, "private key"),
    ]


def test_words_in_letters_that_change_their_length_keep_their_places() -> None:
    text = f"İİİİ {PLANTED['quoted password']}"
    assert [text[at : at + 5] for at, _ in in_text(text)] == ["passw"]


def test_a_pack_of_the_factory_holds_none() -> None:
    assert {name: list(in_text(data.decode())) for name, data in files().items()} == {name: [] for name in files()}
