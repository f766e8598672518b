"""Why a row has no answer: guards in the order in which they are met, and the status expression that they make.

Belongs here: guards and their SQL. Does not belong here: what makes a guard (``sql_tree``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

STATUSES = ("ok", "division_by_zero", "domain", "overflow", "missing", "out_of_range")


@dataclass(frozen=True, slots=True)
class Guard:
    """One reason for having no answer. A ``branch`` has reasons of its own on either side of a condition."""

    condition: str
    code: str = ""  # empty for a branch; a status expression if ``condition`` is empty
    then: tuple[Guard, ...] = ()
    otherwise: tuple[Guard, ...] = ()


def after(first: Iterable[Guard], then: Iterable[Guard]) -> list[Guard]:
    """Reasons in the order in which they are met; one that was asked already is not asked again."""
    out = list(first)
    known = {(g.condition, g.code) for g in out if g.code}
    for guard in then:
        if guard.code:
            if (guard.condition, guard.code) not in known:
                known.add((guard.condition, guard.code))
                out.append(guard)
            continue
        a = tuple(g for g in guard.then if (g.condition, g.code) not in known)
        b = tuple(g for g in guard.otherwise if (g.condition, g.code) not in known)
        if a or b:
            out.append(replace(guard, then=a, otherwise=b))
    return out


def status_of(guards: Iterable[Guard]) -> str:
    """The first reason that holds, else ``ok``."""
    listed = list(guards)
    if not listed:
        return "'ok'"
    cases = []
    while listed and listed[0].code and listed[0].condition:
        guard = listed.pop(0)
        cases.append(f"WHEN {guard.condition} THEN '{guard.code}'")
    if cases:
        return f"CASE {' '.join(cases)} ELSE {status_of(listed)} END"
    guard, rest = listed[0], listed[1:]
    own = guard.code
    if not own:
        own = f"CASE WHEN {guard.condition} THEN {status_of(guard.then)} ELSE {status_of(guard.otherwise)} END"
    return f"coalesce(nullif({own}, 'ok'), {status_of(rest)})" if rest else own


def flat(parts: Iterable[list[Guard]]) -> list[Guard]:
    out: list[Guard] = []
    for part in parts:
        out = after(out, part)
    return out


def first_bad(table: str, status: str, variable: str = "gl_row") -> str:
    """The first status of a row that is not ok, else ok."""
    each = f"list_transform({table}, lambda {variable}: {status})"
    return f"coalesce(list_filter({each}, lambda gl_status: gl_status <> 'ok')[1], 'ok')"
