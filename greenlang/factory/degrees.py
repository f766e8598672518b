"""Which outputs are proportional to a power of which inputs, by the shape of their formulas.

Belongs here: degrees of expressions. Does not belong here: cases of them (``cases``).
"""

from __future__ import annotations

from greenlang.formulas.tree import Arithmetic, Call, Convert, If, Lookup, Name, Negate, Node, children
from greenlang.resolution.plan import Resolution


class Degrees:
    """For each input that a value depends on: k if the value is proportional to its k-th power, None if it is not.

    One pass over every formula, for all inputs at once: a sum of hundreds of terms must not take longer than its text.
    """

    def __init__(self, resolution: Resolution) -> None:
        self.plans = resolution.plans
        self.known: dict[str, dict[str, int | None]] = {}

    def of_output(self, name: str) -> dict[str, int | None]:
        """The degrees of an output."""
        if name not in self.known:
            self.known[name] = self.of(self.plans[name].expression)
        return self.known[name]

    def of(self, node: Node) -> dict[str, int | None]:
        """The degrees of an expression."""
        match node:
            case Name(name=name, kind="input"):
                return {name: 1}
            case Name(name=name, kind="output"):
                return self.of_output(name)
            case Lookup(inputs=inputs):
                return dict.fromkeys(inputs)
            case Negate(operand=x):
                return self.of(x)
            case Convert(operand=x, shift=shift):
                return dict.fromkeys(self.of(x)) if shift else self.of(x)
            case Arithmetic(op="*" | "/" as op, left=a, right=b):
                return _product(self.of(a), self.of(b), 1 if op == "*" else -1)
            case Arithmetic(op="+" | "-", left=a, right=b):
                return _alike([self.of(a), self.of(b)])
            case Call(function="min" | "max", arguments=arguments):
                return _alike([self.of(a) for a in arguments])
            case If(condition=condition, then=a, otherwise=b):
                return _alike([self.of(a), self.of(b)]) | dict.fromkeys(self.of(condition))
        return dict.fromkeys(name for child in children(node) for name in self.of(child))


def _product(a: dict[str, int | None], b: dict[str, int | None], sign: int) -> dict[str, int | None]:
    degrees: dict[str, int | None] = {}
    for name in a | b:
        first, second = a.get(name, 0), b.get(name, 0)
        degrees[name] = None if first is None or second is None else first + sign * second
    return degrees


def _alike(parts: list[dict[str, int | None]]) -> dict[str, int | None]:
    """What several values have in common that are added or chosen from."""
    degrees: dict[str, int | None] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        found = {part.get(name, 0) for part in parts}
        degrees[name] = found.pop() if len(found) == 1 else None
    return degrees
