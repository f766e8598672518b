"""A resolution as a key of a cache.

Belongs here: when two are one. Does not belong here: what is kept by it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from greenlang.resolution.plan import Resolution


class Same:
    """A resolution as a key: the very object. Generation, mutants and back-ends ask the same of it one by one."""

    def __init__(self, part: Resolution) -> None:
        self.part = part

    def __hash__(self) -> int:
        return id(self.part)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.part is self.part


class Alike:
    """A resolution as a key: all that calculate the same of the same inputs, from the same vectors, are one.

    A catalogue has thousands of agents that differ by their names and words.
    """

    def __init__(self, part: Resolution) -> None:
        self.part = part

    def __hash__(self) -> int:
        return hash((tuple(self.part.spec.inputs), tuple(self.part.order), len(self.part.vectors)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike) and (other.part is self.part or other._calculation == self._calculation)

    @cached_property
    def _calculation(self) -> tuple[Any, ...]:
        part = self.part
        return (
            part.spec.inputs,
            part.spec.outputs,
            part.order,
            {name: (plan.means, plan.expression, plan.decimals) for name, plan in part.plans.items()},
            {name: (table.inputs, table.unit, table.rows) for name, table in part.lookups.items()},
            part.vectors,
        )
