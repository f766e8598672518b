"""Licences of components: expressions, and what installed distributions say."""

from __future__ import annotations

import importlib.metadata
from email.message import Message
from typing import Any

import pytest

from greenlang.quality import licences
from greenlang.quality.licences import allowed, licence_of


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("mit", True),
        ("Apache-2.0 AND BSD-3-Clause", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("MIT AND GPL-2.0-only", False),
        ("GPL-2.0-only OR MIT", True),
        ("MIT OR GPL-2.0-only", True),
        ("(MIT OR GPL-2.0-only) AND Apache-2.0", True),
        ("(MIT OR GPL-2.0-only) AND LGPL-2.1-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("Apache-2.0+ AND MIT", True),
        ("LGPL-2.1+", False),
        ("GPL-2.0-only OR (MIT AND LicenseRef-Proprietary)", False),
        ("GPL-2.0-only OR MIT AND BSD-2-Clause", True),
        ("LicenseRef-Proprietary", False),
        ("", False),
        ("whatever it says", False),
        ("MIT AND", False),
    ],
)
def test_an_expression_is_allowed_by_what_it_joins(expression: str, good: bool) -> None:
    assert allowed(expression) is good


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ([("License-Expression", "MIT")], "MIT"),
        ([("License", "apache-2.0")], "Apache-2.0"),
        ([("License", "see the file"), ("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        (
            [
                ("Classifier", "License :: OSI Approved :: MIT License"),
                ("Classifier", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"),
            ],
            "",
        ),
        ([("License", "see the file")], ""),
        ([], ""),
    ],
)
def test_a_distribution_states_its_licence(
    fields: list[tuple[str, str]], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message: Any = Message()
    for key, value in fields:
        message[key] = value
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: message)
    licences.licence_of.cache_clear()
    try:
        assert licence_of("x") == wanted
    finally:
        licences.licence_of.cache_clear()


def test_what_agents_run_on_is_allowed() -> None:
    assert {name: allowed(licence_of(name)) for name in ("pydantic", "pydantic-core", "typing-extensions")} == {
        "pydantic": True,
        "pydantic-core": True,
        "typing-extensions": True,
    }


def test_what_is_not_installed_is_told() -> None:
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        licence_of("no-such-distribution")
