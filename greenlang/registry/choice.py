"""Which build of a version is in force, and which version is the latest.

By lifecycle first, then evidence, then version: what nobody judged, and what describes itself with placeholders, never
comes before what was judged, however high its version. Belongs here: the order. Does not belong here: SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from greenlang.registry.entry import Build, RegistryEntry, version_key
from greenlang.registry.steps import RANK

_PLACEHOLDER = re.compile(
    r"\b(todo|tbd|fixme|xxx+|lorem ipsum|placeholder|fill (me|this) in|to be (done|defined|written)|description here)\b"
    r"|<[a-z _-]+>|\{\{.*\}\}",
    re.IGNORECASE,
)

_WITHIN = {**RANK, "deprecated": RANK["draft"], "draft": RANK["deprecated"]}  # a version


def is_placeholder(text: str) -> bool:
    """Whether a name or a summary says nothing: it is empty, or stands for one that is still to be written."""
    return not text.strip() or _PLACEHOLDER.search(text) is not None


def evidence(score: float | None, tests_passed: int, tests_total: int, *texts: str) -> int:
    """What speaks for a build: 2 judged, its tests passed, described; 1 judged and its tests passed; 0 neither."""
    if score is None or tests_total == 0 or tests_passed < tests_total:
        return 0
    return 1 if any(is_placeholder(text) for text in texts) else 2


def build_order(build: Build, registered: int) -> tuple[Any, ...]:
    """The greatest is in force. ``registered`` grows with the time at which a build came out of the factory.

    A rebuild that nobody promoted replaces neither a certified build nor a deprecated one, which names its successor.
    """
    judged = evidence(build.score, build.tests_passed, build.tests_total)
    return (not build.yanked, _WITHIN[build.state], judged, registered)


def entry_order(entry: RegistryEntry) -> tuple[Any, ...]:
    """The greatest of an agent's versions is its latest."""
    judged = evidence(entry.score, entry.tests_passed, entry.tests_total, entry.name, entry.summary)
    return (not entry.yanked, RANK[entry.state], judged, version_key(entry.version))


def latest(entries: Iterable[RegistryEntry]) -> RegistryEntry | None:
    """The latest of an agent's versions; None if there are none but yanked ones."""
    return max((entry for entry in entries if not entry.yanked), key=entry_order, default=None)
