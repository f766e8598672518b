"""Whether an answer is the one that a vector expects.

Belongs here: the comparison. Does not belong here: what is expected (`greenlang.resolution.vectors`).
"""

from __future__ import annotations

import json
from decimal import Decimal

from greenlang.resolution.plan import Vector

ERROR_CODES = frozenset({"invalid_input", "not_covered", "calculation"})


def difference(vector: Vector, line: bytes) -> str:
    """How an answer differs from what the vector expects; "" if it does not."""
    try:
        answer = json.loads(line)
        ok, data, error = answer["ok"], answer.get("data") or {}, answer.get("error") or {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "its answer is malformed"
    if vector.error:
        if ok is not False:
            return "it answered where it must refuse"
        code = error.get("code") if isinstance(error, dict) else None
        if vector.error in ERROR_CODES and code != vector.error:
            return f"it refused with {code} instead of {vector.error}"
        return ""
    if ok is not True or not isinstance(data, dict):
        return f"it refused: {error}"[:200]
    for name, expected in vector.expect.items():
        if name not in data:
            return f"{name} is missing"
        if not _agrees(data[name], expected, vector.tolerances.get(name)):
            return f"{name} is {data[name]}, expected {expected}"
    return ""


def _agrees(actual: object, expected: str, tolerance: str | None) -> bool:
    text = ("true" if actual else "false") if isinstance(actual, bool) else str(actual)
    if text == expected:
        return True
    if tolerance is None:
        return False
    try:
        wanted = Decimal(expected)
        return abs(Decimal(text) - wanted) <= Decimal(tolerance) * (abs(wanted) or Decimal(1))
    except ArithmeticError:  # no number, or one beyond all measure
        return False
