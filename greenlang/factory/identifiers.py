"""Python names for what a spec names: legal, free, and like the author's word.

Belongs here: names inside generated code. Does not belong here: names of packages, wheels, objects (``naming``).
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from pydantic import BaseModel

from greenlang.sandbox.gate_rules import TELLING

# Names that a generated module uses itself; an input of that name gets a trailing underscore.
# So do those that the sandbox's gate takes for a way out: `mro` and `request` are an author's words, too.
RESERVED = frozenset(
    set(dir(BaseModel))
    | TELLING
    | set(keyword.kwlist)
    | {"Decimal", "Input", "Output", "Tool", "TOOLS", "Agent", "AGENT", "ExecutionContext", "CalculatorAgent"}
    | {"lookup", "tables", "tools", "given", "context", "need", "round_output", "round_whole", "power", "self", "cls"}
    | {
        "sqrt",
        "exp",
        "ln",
        "log10",
        "round_half_even",
        "sum_over",
        "min",
        "max",
        "abs",
        "dict",
        "tool",
        "str",
        "bool",
        "super",
    }
    | {
        "as_dict",
        "canonical",
        "l",
        "O",
        "I",
        "Number",
        "Whole",
        "Text",
        "Truth",
        "Field",
        "Literal",
        "Annotated",
    }
)


def identifier(name: str, taken: Iterable[str] = ()) -> str:
    """A legal, free Python name that reads like ``name``."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII).lstrip("_") or "value"
    if text[0].isdigit():
        text = f"n{text}"
    if text.startswith("pytest_"):  # a hook of pytest, says the gate
        text = f"the_{text}"
    if text in RESERVED:
        text += "_"
    used = set(taken)
    candidate, count = text, 1
    while candidate in used:
        count += 1
        candidate = f"{text.rstrip('_')}_{count}"
    return candidate
