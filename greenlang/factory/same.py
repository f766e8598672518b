"""A resolution as a key of a cache: the very object, since its tables have no hash.

Belongs here: that one class. Does not belong here: what is kept by it.
"""

from __future__ import annotations

from greenlang.resolution.plan import Resolution


class Same:
    """A resolution as a key: the very object. Generation, mutants and back-ends ask the same of it one by one."""

    def __init__(self, part: Resolution) -> None:
        self.part = part

    def __hash__(self) -> int:
        return id(self.part)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.part is self.part
