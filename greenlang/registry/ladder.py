"""The states of a build and the steps between them: one table.

    (entry) -> draft -> experimental -> certified -> deprecated -> retired

A step that is no entry and no way down needs a policy (`policy`). A rollback undoes the last step: where it leads to is
not in the table but in the log, as the state on which that step was taken.

Belongs here: which steps may follow which, the state after a sequence of steps. Does not belong here: evidence,
policies, rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar, get_args

from greenlang.registry.steps import Kind, State

STATES: tuple[str, ...] = tuple(state for state in get_args(State) if state)
MEANING: Mapping[str, str] = {
    "draft": "came out of the factory, or was published; nobody judged whether it may be used",
    "experimental": "may be tried: opt in, production in part",
    "certified": "for production",
    "deprecated": "still answers, but names what to use instead",
    "retired": "not to be used; kept as history",
}
PROMOTIONS: tuple[str, ...] = ("experimental", "certified")  # what a policy decides on

LADDER: Mapping[tuple[str, str], tuple[Kind, ...]] = {
    ("", "draft"): ("registered",),
    ("draft", "experimental"): ("promoted", "fast-track"),
    ("experimental", "certified"): ("promoted", "fast-track"),
    ("experimental", "deprecated"): ("deprecated",),
    ("certified", "deprecated"): ("deprecated",),
    ("draft", "retired"): ("retired",),
    ("deprecated", "retired"): ("retired",),
    ("experimental", "draft"): ("rollback",),
    ("certified", "experimental"): ("rollback",),
    ("deprecated", "experimental"): ("rollback",),
    ("deprecated", "certified"): ("rollback",),
    **{(state, state): ("registered",) for state in STATES},  # the factory made the very same pack again
}


class Taken(Protocol):
    """A step of the log."""

    @property
    def before(self) -> str:
        """The state that it was taken on."""

    @property
    def after(self) -> str:
        """The state that it led to."""

    @property
    def kind(self) -> str:
        """What it was."""


def allows(before: str, after: str, kind: str) -> bool:
    """Whether the table has that step."""
    return kind in LADDER.get((before, after), ())


def next_state(state: str) -> str:
    """The state that a build in ``state`` can be promoted to; empty if to none."""
    return next((after for (before, after), kinds in LADDER.items() if before == state and "promoted" in kinds), "")


def before_promotion(to: str) -> str:
    """The state that a build must have to be promoted to ``to``; empty if nothing is promoted to that."""
    return next((before for (before, after), kinds in LADDER.items() if after == to and "promoted" in kinds), "")


Step = TypeVar("Step", bound=Taken)


def standing(steps: Iterable[Step]) -> list[Step]:
    """The steps that were not undone: each on top of the one before, the last one gave the state.

    Raises ValueError for a log that the table does not allow.
    """
    found: list[Step] = []
    for step in steps:
        state = found[-1].after if found else ""
        if step.before != state or not allows(step.before, step.after, step.kind):
            raise ValueError(f"{step.kind} from {step.before or 'nothing'} to {step.after} cannot follow {state!r}")
        if step.kind == "rollback":
            found.pop()
            if not found or found[-1].after != step.after:
                raise ValueError(f"a rollback to {step.after} does not undo the last step")
        elif step.before != step.after:
            found.append(step)
    return found
