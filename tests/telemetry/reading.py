"""Reading Prometheus' text format, and programs of Prometheus' package.

Belongs here: helpers of this room. Does not belong here: tests.
"""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str:
    """A program of the Debian package prometheus; without it the test is skipped, and fails in CI."""
    found = shutil.which(name)
    if found is None:
        say = f"{name} is not there: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(say)
        pytest.skip(say)
    return found


def samples(text: str) -> dict[str, float]:
    """Series as written -> value."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in found, f"{name} twice"
            found[name] = float(value)
    return found
