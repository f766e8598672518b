"""What a hostile pack is, and how the files of one are put together.

Belongs here: the type, and builders. Does not belong here: the packs (`packs_files`, `packs_processes`, `packs_forged`,
`packs_gate`), running them (`test_matrix`).
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import Literal

from greenlang.sandbox import confine, syscalls

PACKAGE = "gl_x_smallest"
INIT = f"{PACKAGE}/__init__.py"
TOOLS = f"{PACKAGE}/tools.py"
HOSTILE = "tests/test_hostile.py"
GOOD = """\
from decimal import Decimal

import gl_x_smallest as pack


def test_doubles() -> None:
    result = pack.AGENT.run({"a": 3})
    assert result.data is not None
    assert result.data.as_dict()["b"] == Decimal(6)
"""
FAILING = GOOD + "\n\ndef test_fails() -> None:\n    assert pack.AGENT.run({'a': 3}).data is None\n"
Files = dict[str, str | bytes | tuple[str, str]]
Then = Literal["", "answers", "mutants", "coverage", "harmless"]


@dataclass(frozen=True)
class Hostile:
    """One pack. ``files`` are put into a good one; ``+`` before the name adds to a file, a pair changes words of it.

    ``gate``: the rule that refuses it, "" where the gate has nothing against it. ``jail`` and ``words``: the verdict
    without the gate, and words of its detail. ``then``: who stops a pack whose tests pass without the gate.
    """

    name: str
    tries: str
    files: Files
    gate: str
    jail: str
    words: str = ""
    then: Then = ""
    links: dict[str, str] = field(default_factory=dict)
    machine: str = ""  # the only one where there is such a thing


def swallowed(code: str, head: str = "") -> Files:
    """A test that does it and hides what it raises."""
    body = "\n".join(f"        {line}" for line in code.strip().splitlines())
    swallow = "    except Exception:\n        pass\n"
    return {HOSTILE: f"{head}\n\ndef test_it() -> None:\n    try:\n{body}\n{swallow}"}


def plain(code: str, head: str = "") -> Files:
    """A test that does it."""
    body = "\n".join(f"    {line}" for line in code.strip().splitlines())
    return {HOSTILE: f"{head}\n\ndef test_it() -> None:\n{body}\n"}


def imported(code: str, tests: str = GOOD) -> Files:
    """The package does it when it is imported; ``tests`` are its tests."""
    return {f"+{INIT}": f"\n{code}\n", "tests/test_unit.py": tests}


def answering(what: str, head: str = "") -> Files:
    """The agent adds something to its answer; its tests do not look."""
    start = "from decimal import Decimal\n"
    tests = "import gl_x_smallest as pack\n\n\ndef test_it() -> None:\n    assert pack.AGENT\n"
    return {
        TOOLS: ("return a * 2", f"return a * 2 + Decimal({what})"),
        f"~{TOOLS}": (start, f"{start}{head}\n"),
        "tests/test_unit.py": tests,
    }


def number(call: str) -> int:
    """The number of a system call on this machine, or a number as it is; -1 where the machine has no such call."""
    if call.isdigit():
        return int(call)
    tables = {**syscalls.KILLED, **syscalls.REFUSED, **syscalls.ABSENT, **syscalls.JUDGED}
    _, index = confine._ARCHITECTURES.get(platform.machine(), (0, 0))
    found = tables[call][index]
    return -1 if found is None else found


def raw(*calls: str) -> Files:
    """System calls without a name for Python to see, each as ``name, arguments``."""
    told = [(name, arguments) for name, _, arguments in (call.partition(", ") for call in calls)]
    body = "\n".join(f"call({number(name)}{', ' if given else ''}{given})" for name, given in told)
    head = (
        "import ctypes, os\nlibc = ctypes.pythonapi\nlibc.syscall.restype = ctypes.c_long\n"
        "def call(*a):\n    return libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])\n"
    )
    return swallowed(body, head)
