"""Words that are kept for years are words: no database refuses them and no terminal obeys them."""

from __future__ import annotations

import pytest

from greenlang.errors import LifecycleError, SettingsError
from greenlang.registry import Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.tenants import Tenants
from tests.registry.lives import BOILER, enter


@pytest.mark.parametrize("words", ["", " \n", "a\0b", "a\udcff", "\x1b]0;owned\a", "\u202egood", "x" * 20_001])
def test_what_nobody_can_read_is_refused_before_it_is_written(registry: Registry, words: str) -> None:
    enter(registry)
    life, tenants = Lifecycle(registry), Tenants(registry)
    before = len(AuditLog(registry).query())
    for ask in (
        lambda: life.promote(BOILER, "experimental", words),
        lambda: life.approve(BOILER, "experimental", comment=words),
        lambda: life.retire(BOILER, words),
        lambda: registry.yank("heat/boiler", "1.0.0", "b" * 64, words),
        lambda: tenants.deny("a/*", reason=words),
        lambda: tenants.set_residency("eu", reason=words),
    ):
        with pytest.raises((LifecycleError, SettingsError)):
            ask()
    assert len(AuditLog(registry).query()) == before


def test_lines_and_other_alphabets_are_words(registry: Registry) -> None:
    enter(registry)
    assert Lifecycle(registry).promote(BOILER, "experimental", "geprüft:\n\t– 計算は正しい").taken
