"""A Dockerfile is read as Docker reads it, and its rules are told with lines."""

from __future__ import annotations

import pytest

from greenlang.quality.dockerfile import faults, parse
from tests.quality.good import files

GOOD = """\
# a comment
ARG BASE=python:3.11-slim
FROM ${BASE}
RUN pip install x \\
    # a comment inside
    && rm -r /tmp/x
USER 10001:10001
EXPOSE 8080/tcp
HEALTHCHECK --interval=30s \\
    CMD ["python", "-c", "pass"]
CMD ["python", "-m", "x", "--port", "8080"]
"""


def test_instructions_are_joined_and_comments_dropped() -> None:
    file = parse(GOOD)
    assert [(i.line, i.word) for i in file.instructions] == [
        (2, "ARG"),
        (3, "FROM"),
        (4, "RUN"),
        (7, "USER"),
        (8, "EXPOSE"),
        (9, "HEALTHCHECK"),
        (11, "CMD"),
    ]
    assert file.instructions[2].rest == "pip install x && rm -r /tmp/x"
    assert (file.base, file.user, file.ports) == ("python:3.11-slim", "10001", {8080})
    assert file.command == ["python", "-m", "x", "--port", "8080"]
    assert list(faults(file)) == []


def test_the_factory_s_own_keeps_every_rule() -> None:
    assert list(faults(parse(files()["Dockerfile"].decode()))) == []


CHANGED = {
    "no base": ("FROM ${BASE}\n", "", {"base"}),
    "no tag": ("python:3.11-slim", "python", {"base"}),
    "a port is no tag": ("python:3.11-slim", "registry.local:5000/python", {"base"}),
    "latest": ("python:3.11-slim", "python:latest", {"base"}),
    "a digest": ("python:3.11-slim", "python@sha256:" + "a" * 64, set()),
    "an argument without a default": ("ARG BASE=python:3.11-slim", "ARG BASE", {"base"}),
    "root": ("USER 10001:10001", "USER root", {"user"}),
    "root by number": ("USER 10001:10001", "USER 0", {"user"}),
    "no user": ("USER 10001:10001\n", "", {"user"}),
    "root again": ("EXPOSE", "USER root\nEXPOSE", {"user"}),
    "no check": ("HEALTHCHECK --interval=30s", "HEALTHCHECK NONE\nLABEL a=b", {"healthcheck"}),
    "secret argument": ("EXPOSE", "ARG DB_PASSWORD\nEXPOSE", {"secret"}),
    "secret variable": ("EXPOSE", "ENV A=1 API_KEY=2\nEXPOSE", {"secret"}),
    "an address": ("EXPOSE", "ADD https://x.y/z /z\nEXPOSE", {"add"}),
    "shell": ('CMD ["python", "-m", "x", "--port", "8080"]', "CMD python -m x", {"shell"}),
    "no command": ('CMD ["python", "-m", "x", "--port", "8080"]', "", {"command"}),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_broken_rule_is_told(name: str) -> None:
    old, new, wanted = CHANGED[name]
    assert old in GOOD
    assert {rule for _, rule, _ in faults(parse(GOOD.replace(old, new)))} == wanted


def test_the_last_stage_counts() -> None:
    file = parse(
        "FROM python:latest AS build\nFROM --platform=linux/amd64 python:3.12\n" + GOOD.partition("FROM ${BASE}\n")[2]
    )
    assert file.base == "python:3.12"
    assert list(faults(file)) == []


def test_what_an_earlier_stage_says_is_in_force_only_where_the_last_one_starts_from_it() -> None:
    image = 'EXPOSE 8080\nHEALTHCHECK CMD ["x"]\nCMD ["x"]\n'
    apart = f"FROM python:3.11 AS build\nUSER 10001\nFROM python:3.11-slim\n{image}"
    assert [(line, rule) for line, rule, _ in faults(parse(apart))] == [(1, "user")]
    from_it = f"FROM python:3.11 AS Build\nUSER 10001\nFROM build\n{image}"
    assert list(faults(parse(from_it))) == []
    assert parse(from_it).base == "python:3.11"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("API_KEY", True),
        ("DB_PASSWORD", True),
        ("PYPI_TOKEN", True),
        ("SECRET_VALUE", True),
        ("TOKENIZERS_PARALLELISM", False),
        ("DB_PASSWORD_FILE", False),
        ("SECRETARY", False),
    ],
)
def test_a_secret_is_known_by_a_word_of_its_name(name: str, secret: bool) -> None:
    text = GOOD.replace("USER 10001:10001", f"ENV {name}=x\nUSER 10001:10001")
    assert bool([rule for _, rule, _ in faults(parse(text)) if rule == "secret"]) is secret
