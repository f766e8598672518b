"""What a person sets in a template: other defaults, ranges and choices of its inputs.

Belongs here: from words or a mapping to changes of inputs. Does not belong here: putting them into the spec
(``filling``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from greenlang.errors import TemplateError
from greenlang.specs.model import Scalar
from greenlang.specs.source import parse

Parameter = Scalar | float | Sequence[Scalar | float]
SETTABLE = ("default", "enum", "ge", "gt", "le", "lt", "description")
InputChanges = dict[str, dict[str, Any]]


def of_mapping(parameters: Mapping[str, Parameter], inputs: Iterable[str]) -> InputChanges:
    """Changes of inputs out of parameters by name.

    ``x: 5`` is a default, ``x: [1, 9]`` and ``x_range: [1, 9]`` the range of ``x``; ``max_x`` and ``min_x`` its ends,
    unless inputs are called so. Raises TemplateError for a name that is none of these.
    """
    known = list(inputs)
    out: InputChanges = {}
    for name, value in parameters.items():
        target, key = _meant(name, known)
        change = out.setdefault(target, {})
        if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) != 2:
                raise TemplateError(f"`{name}`: a range has two ends, [lowest, highest]")
            lowest, highest = map(_exact, value)
            if isinstance(lowest, int | Decimal) and isinstance(highest, int | Decimal) and lowest > highest:
                raise TemplateError(f"`{name}`: its lowest end {lowest} is above its highest {highest}")
            change |= {"ge": lowest, "le": highest}
        else:
            change[key] = _exact(value)
    return out


def _meant(name: str, known: list[str]) -> tuple[str, str]:
    if name in known:
        return name, "default"
    for target, key in (
        (name.removesuffix("_range"), "default"),
        (name.removeprefix("max_"), "le"),
        (name.removeprefix("min_"), "ge"),
    ):
        if target != name and target in known:
            return target, key
    raise TemplateError(_unknown(name, known))


def of_words(words: Iterable[str], inputs: Iterable[str]) -> InputChanges:
    """Changes of inputs out of ``input.default=5``, ``input.enum=[a, b]``. Raises TemplateError."""
    known = list(inputs)
    out: InputChanges = {}
    for word in words:
        path, equals, text = word.partition("=")
        name, _, key = path.partition(".")
        if not equals or key not in SETTABLE:
            raise TemplateError(f"`{word}`: write INPUT.KEY=VALUE, KEY one of {', '.join(SETTABLE)}")
        if name not in known:
            raise TemplateError(_unknown(name, known))
        document = parse(f"value: {text}\n".encode())
        if document.diagnostics or not isinstance(document.value, dict):
            raise TemplateError(f"`{word}`: the value cannot be read")
        out.setdefault(name, {})[key] = document.value["value"]
    return out


def _exact(value: Scalar | float) -> Scalar:
    return Decimal(repr(value)) if isinstance(value, float) else value


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"its inputs are {', '.join(known)}"
    return f"the template has no input `{name}`; {hint}"
