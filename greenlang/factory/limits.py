"""Values by the declaration of an input: one that it allows, those that it just allows, those that it refuses.

Belongs here: bounds, types, choices, patterns of one input or column. Does not belong here: whole cases (``cases``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from greenlang_sdk.decimals import CONTEXT, NotANumber, normal_text, to_decimal, to_whole

from greenlang.specs.model import Given, InputSpec, Scalar
from greenlang.specs.pattern_examples import example
from greenlang.specs.patterns import matches
from greenlang.specs.reader import violates

_STEP = Decimal("0.000001")
_SAMPLES = ("US", "text", "A1", "2024")
_MISFITS = ("", " ", "!", "0", "x", "?" * 40)
_MORE = ("!", " ", "x", "0", "?" * 40)


def sample(given: InputSpec) -> Given:
    """A value that the input allows, as far as its bounds and its pattern tell."""
    if given.columns:
        row = {column.name: sample(column) for column in given.columns}
        return ({name: value for name, value in row.items() if not isinstance(value, tuple)},)
    if given.default is not None:
        return given.default
    if given.enum:
        return next((choice for choice in given.enum if not violates(given, choice)), given.enum[0])
    if given.dtype == "bool":
        return True
    if not given.numeric:
        fitting = (text for text in (*_SAMPLES, example(given.pattern or "")) if text is not None)
        return next((text for text in fitting if not violates(given, text)), "text")
    low, high = _ends(given)
    wanted: list[Decimal] = []
    if low is not None and high is not None:
        middle = _middle(low, high)
        wanted.append(middle.to_integral_value() if given.dtype == "int32" else middle)
    if low is not None:
        wanted += [CONTEXT.add(low, Decimal(1)), low]
    if high is not None:
        wanted += [CONTEXT.subtract(high, Decimal(1)), high]
    wanted.append(Decimal(1))
    return next((value for value in wanted if fits(given, value)), wanted[0])


def _ends(given: InputSpec) -> tuple[Decimal | None, Decimal | None]:
    """The limits, None where there is none or where it lies beyond every number that an agent takes."""
    low, high = given.ge if given.ge is not None else given.gt, given.le if given.le is not None else given.lt
    return (low if low is None or _number(low) else None), (high if high is None or _number(high) else None)


def _middle(low: Decimal, high: Decimal) -> Decimal:
    return CONTEXT.add(CONTEXT.divide(low, Decimal(2)), CONTEXT.divide(high, Decimal(2)))


def fits(given: InputSpec, value: Decimal) -> bool:
    """Whether a number is one that the input allows."""
    return _typed(given, value) and not violates(given, value)


def inside(given: InputSpec) -> Iterator[tuple[str, Decimal]]:
    """Numbers that the limits just allow."""
    if not given.numeric:
        return
    low, high = _ends(given)
    between = _middle(low, high) if low is not None and high is not None else None
    wanted: list[tuple[str, Decimal | None, list[Decimal | None]]] = [
        ("at-least", given.ge, [_rounded(given, given.ge, ROUND_CEILING)]),
        ("just-above", given.gt, [_beyond(given, given.gt, up=True), between]),
        ("at-most", given.le, [_rounded(given, given.le, ROUND_FLOOR)]),
        ("just-below", given.lt, [_beyond(given, given.lt, up=False), between]),
    ]
    for label, limit, values in wanted:
        value = next((v for v in values if v is not None and fits(given, v)), None)
        if limit is not None and value is not None:
            yield label, value


def _rounded(given: InputSpec, limit: Decimal | None, rounding: str) -> Decimal | None:
    """The limit; for whole numbers the nearest one inside it."""
    return limit if limit is None or given.dtype != "int32" else limit.to_integral_value(rounding)


# --- what is refused -----------------------------------------------------------------------------------------------


def wrong_types(given: InputSpec) -> list[tuple[str, Any]]:
    """Values of other types, each with what it is."""
    if given.numeric:
        wrong: list[tuple[str, Any]] = [("words", "twelve"), ("truth", True), ("nan", "NaN"), ("list", [1])]
        return [*wrong, ("fraction", "1.5")] if given.dtype == "int32" else wrong
    if given.dtype == "bool":
        return [("number", 1), ("words", "yes")]
    return [("number", 5), *([("list", ["a"])] if given.dtype == "string" else [])]


def misfits(given: InputSpec) -> Iterator[tuple[str, str]]:
    """Texts that are not of the pattern, nor one of the choices: any; a good one with something before or behind."""
    pattern = given.pattern
    if not pattern:
        return
    good = sample(given)
    around: list[tuple[str, Iterable[str]]] = [("against-the-pattern", _MISFITS)]
    if isinstance(good, str):
        around += [("with-more-before", [f"{more}{good}" for more in _MORE])]
        around += [("with-more-behind", [f"{good}{more}" for more in _MORE])]
    for label, texts in around:
        text = next((t for t in texts if t not in given.enum and not matches(pattern, t)), None)
        if text is not None:
            yield label, text


def no_choice(given: InputSpec) -> Scalar | None:
    """A value of the right type that is none of the choices."""
    if not given.numeric:
        text = "no such choice"
        while text in given.enum:
            text += "?"
        return text
    return _beyond(given, max(Decimal(v) for v in given.enum if isinstance(v, (int, Decimal))), up=True)


def outside(given: InputSpec) -> Iterator[tuple[str, Decimal]]:
    """Numbers just outside the limits, none where no number that a person can type lies outside."""
    if not given.numeric:
        return
    wanted = [
        ("below", _beyond(given, given.ge, up=False)),
        ("at-the-lower-limit", _at(given, given.gt, up=False)),
        ("above", _beyond(given, given.le, up=True)),
        ("at-the-upper-limit", _at(given, given.lt, up=True)),
    ]
    for label, value in wanted:
        if value is not None:
            yield label, value


def _at(given: InputSpec, limit: Decimal | None, *, up: bool) -> Decimal | None:
    """The limit itself; where it is no whole number and one is needed, the nearest one behind it."""
    if limit is None or _typed(given, limit):
        return limit
    return _beyond(given, limit, up=up)


def _beyond(given: InputSpec, limit: Decimal | None, *, up: bool) -> Decimal | None:
    """A number a small step above or below a limit, whatever its size; None if the agent's numbers end there."""
    if limit is None or not _number(limit):
        return None
    if given.dtype == "int32":
        whole = limit.to_integral_value(ROUND_FLOOR if up else ROUND_CEILING)
        value = CONTEXT.add(whole, Decimal(1 if up else -1))
    else:
        value = CONTEXT.add(limit, _STEP if up else -_STEP)
        if not (value > limit if up else value < limit):  # the step was rounded away
            value = CONTEXT.next_plus(limit) if up else CONTEXT.next_minus(limit)
    return value if _typed(given, value) else None


def _typed(given: InputSpec, value: Decimal) -> bool:
    """Whether the agent takes the number at all, its limits aside."""
    return _number(value, to_whole if given.dtype == "int32" else to_decimal)


def _number(value: Decimal, reader: Callable[[object], Decimal] = to_decimal) -> bool:
    """Whether an agent can read the number back from its text."""
    try:
        reader(normal_text(value))
    except NotANumber:
        return False
    return True
