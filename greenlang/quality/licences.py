"""Licences of what an agent runs on: which are allowed, and what an installed distribution says of itself.

Belongs here: the list, and reading metadata. Does not belong here: the licence of the agent, which is the author's.
"""

from __future__ import annotations

import importlib.metadata
import re
from functools import cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

# Permissive licences: the pack and what it runs on can be passed on under the agent's own licence.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    }
)
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zero-Clause BSD (0BSD)": "0BSD",
}
_TOKEN = re.compile(r"\(|\)|[^\s()]+")


@cache
def licence_of(distribution: str) -> str:
    """The SPDX expression of an installed distribution; "" where it states none. Raises PackageNotFoundError."""
    metadata = importlib.metadata.metadata(distribution)
    stated = next((metadata[key] for key in ("License-Expression", "License") if key in metadata), "")
    expression = _spdx(stated)
    if expression:
        return expression
    classifiers = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    known = [_CLASSIFIERS[c] for c in classifiers if c in _CLASSIFIERS]
    return " AND ".join(known) if known and len(known) == len(classifiers) else ""


def _spdx(text: str) -> str:
    try:
        return str(canonicalize_license_expression(text.strip()))
    except InvalidLicenseExpression:
        return ""


@cache
def allowed(expression: str) -> bool:
    """Whether an SPDX expression lets a pack be passed on: all of what AND joins, one of what OR joins."""
    expression = _spdx(expression)
    if not expression:
        return False
    words = _TOKEN.findall(expression)
    return _any(words) and not words


def _any(words: list[str]) -> bool:
    good = _all(words)
    while words and words[0] == "OR":
        words.pop(0)
        good = _all(words) or good
    return good


def _all(words: list[str]) -> bool:
    good = _one(words)
    while words and words[0] == "AND":
        words.pop(0)
        good = _one(words) and good
    return good


def _one(words: list[str]) -> bool:
    word = words.pop(0)
    if word == "(":
        good = _any(words)
        words.pop(0)  # the closing one; the expression was checked
        return good
    if words and words[0] == "WITH":  # an exception only adds permissions
        del words[:2]
    return word.removesuffix("+") in ALLOWED  # or a later one: this one will do
