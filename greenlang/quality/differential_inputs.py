"""Inputs that an agent has not seen: inside the limits of its spec, drawn by rule from the spec's digest.

The same spec gives the same inputs on every machine; none of them is a vector of the pack. Edges, numbers of many
digits and keys of look-ups are among them. Belongs here: drawing. Does not belong here: comparing (``differential``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

from greenlang_sdk.decimals import CONTEXT, normal_text

from greenlang.errors import CalculationError
from greenlang.factory import limits, whole
from greenlang.factory.same import Same
from greenlang.resolution import run, samples
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import Given, InputSpec
from greenlang.specs.reader import violates

COUNT = 14
_LEAST_A_PART = 4
_TRIES = 4  # draws for one place: one that is answered is preferred
_WHOLE = 2**31 - 1
_MANY = 27  # digits of a share
Inputs = dict[str, Given]


def inputs(resolution: Resolution) -> list[dict[str, Any]]:
    """COUNT inputs of the whole agent as JSON values, decimals as texts; an agent of many tools has four a tool."""
    toolbox = whole.is_toolbox(resolution)
    found = []
    for part in resolution.flat:
        for given in drawn(part, count_for(resolution)):
            plain = whole.plain(given)
            found.append({"tool": part.spec.part, "arguments": plain} if toolbox else plain)
    return found


def count_for(resolution: Resolution) -> int:
    """How many inputs each part gets."""
    return max(_LEAST_A_PART, -(-COUNT // len(resolution.flat)))


def drawn(part: Resolution, count: int = COUNT) -> list[Inputs]:
    """Inputs of one part; fewer where the spec allows no more."""
    return list(_drawn(Same(part), count))


@lru_cache(maxsize=16)
def _drawn(key: Same, count: int) -> tuple[Inputs, ...]:
    with localcontext(CONTEXT):  # whatever the caller's context is
        return tuple(_draws(key.part, count))


def _draws(part: Resolution, count: int) -> list[Inputs]:
    draw = _Draw(f"{part.spec.digest}:{part.spec.part}")
    bases: list[Inputs] = [dict(v.input) for v in part.vectors if not v.error]
    first = bases[0] if bases else samples.base_inputs(part.spec, part.lookups)
    if first is None:
        return []
    seen = {_text(v.input) for v in part.vectors}
    rows = run.tables(part.lookups)
    found: list[Inputs] = []
    for place in range(2 * count):
        made: Inputs | None = None
        for _ in range(_TRIES):
            base = bases[draw.below(len(bases))] if bases else first
            one = _inputs(part, base, draw, place)
            if _text(one) in seen:
                continue
            made = made or one
            try:
                run.outputs(part.spec, part.plans, part.order, rows, one)
            except (CalculationError, KeyError):
                continue
            made = one
            break
        if made is not None and _text(made) not in seen:
            seen.add(_text(made))
            found.append(made)
        if len(found) == count:
            break
    return found


def _text(given: Mapping[str, Given]) -> str:
    return repr(sorted(whole.plain(given).items()))


class _Draw:
    """Whole numbers from SHA-256 of a text and a counter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.count = 0

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        self.count += 1
        digest = hashlib.sha256(f"{self.text}:{self.count}".encode()).digest()
        return int.from_bytes(digest, "big") % limit

    def share(self, digits: int) -> Decimal:
        """A number between 0 and 1 with that many digits."""
        return Decimal(self.below(10**digits)).scaleb(-digits)


def _inputs(part: Resolution, base: Inputs, draw: _Draw, place: int) -> Inputs:
    """All inputs; the keys of one look-up are taken from one of its rows, so that it covers them."""
    given: Inputs = {}
    keys: dict[str, str] = {}
    tables = [t for t in part.lookups.values() if t.inputs and t.rows]
    if tables and draw.below(2):
        table = tables[draw.below(len(tables))]
        rows = sorted(table.rows)
        keys = dict(zip(table.inputs, rows[draw.below(len(rows))], strict=True))
    for name, declared in part.spec.inputs.items():
        if name in keys:
            key: int | str = int(keys[name]) if declared.dtype == "int32" else keys[name]
            given[name] = base.get(name, key) if violates(declared, key) else key
            continue
        optional = not declared.required and (declared.default is not None or name not in base)
        if optional and draw.below(3) == 0:
            continue
        value = _value(part, declared, base.get(name), draw, place)
        if value is not None:
            given[name] = value
    return given


def _value(part: Resolution, declared: InputSpec, like: Given | None, draw: _Draw, place: int) -> Given | None:
    if declared.columns:
        return _rows(part, declared, like, draw, place)
    if declared.enum:
        choices = [choice for choice in declared.enum if not violates(declared, choice)]
        return choices[draw.below(len(choices))] if choices and draw.below(2) else like or _first(choices)
    if declared.dtype == "bool":
        return bool(draw.below(2))
    if declared.numeric:
        return _number(declared, like, draw, place)
    if declared.dtype in {"list", "object"}:
        return like
    texts = samples.texts(declared, part.lookups)
    return texts[draw.below(len(texts))] if texts and draw.below(4) == 0 else like or _first(texts)


def _first(values: list[Any]) -> Any:
    return values[0] if values else None


def _rows(part: Resolution, declared: InputSpec, like: Given | None, draw: _Draw, place: int) -> Given | None:
    pattern = like if isinstance(like, tuple) and like else None
    first = pattern[0] if pattern else {}
    rows = []
    for _ in range(1 + draw.below(3)):
        row = {}
        for column in declared.columns:
            cell = _value(part, column, first.get(column.name), draw, place)
            if cell is not None and not isinstance(cell, tuple):
                row[column.name] = cell
        if any(column.required and column.name not in row for column in declared.columns):
            return like
        rows.append(row)
    return tuple(rows)


def _number(declared: InputSpec, like: Given | None, draw: _Draw, place: int) -> Given | None:
    """An edge, a number of many digits, or one somewhere between the limits or near the vector's."""
    kind = draw.below(8)
    edges = [value for _, value in limits.inside(declared)]
    near = Decimal(like) if isinstance(like, (Decimal, int)) else Decimal(1)
    if kind == 0 and edges:
        value = edges[draw.below(len(edges))]
    elif place == 1:  # once an agent: a wide value makes wide columns, and those are slow in SQL
        value = CONTEXT.multiply(near, Decimal("0.5") + draw.share(_MANY))
    elif kind < 3:
        value = _few(CONTEXT.multiply(near, Decimal("0.5") + draw.share(6)), 6)
    else:
        value = _between(declared, near, draw)
    if declared.dtype == "int32":
        value = value.to_integral_value()
        value = max(Decimal(-_WHOLE), min(Decimal(_WHOLE), value))
    for found in (value, near):
        if limits.fits(declared, found):
            return int(found) if declared.dtype == "int32" else Decimal(normal_text(found))
    return like


def _between(declared: InputSpec, near: Decimal, draw: _Draw) -> Decimal:
    low = declared.ge if declared.ge is not None else declared.gt
    high = declared.le if declared.le is not None else declared.lt
    share, places = draw.share(9), draw.below(7)
    if low is not None and high is not None and draw.below(2):
        value = low + (high - low) * share
    else:
        value = near * (Decimal(draw.below(4000)) / 1000)
    return _few(round(value, places), 7)


def _few(value: Decimal, digits: int) -> Decimal:
    """The value with at most so many digits."""
    return round(value, digits - 1 - value.adjusted()) if value else value
