"""The right side of an author's equation over inputs and outputs, with the other equations of the texts put in.

Belongs here: following a symbol to the parameter or the equation that it stands for, and why that is not certain. Does
not belong here: which parameter one symbol is (``prose_bind``), which output an equation is meant for (``prose``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from greenlang.formulas.show import show
from greenlang.formulas.tree import Arithmetic, Compare, Name, Node, Number, Text, substitute, walk
from greenlang.resolution.prose_against import Taken, mismatch
from greenlang.resolution.prose_bind import Binder, Bound, Hit, Several, Unbound
from greenlang.resolution.prose_equation import Equation
from greenlang.resolution.prose_meaning import Port, split
from greenlang.resolution.prose_rows import bound_sums
from greenlang.resolution.prose_words import PRODUCTS
from greenlang.specs.model import AgentSpec, Prose


@dataclass(frozen=True, slots=True)
class Written:
    """One equation with the text that it stands in."""

    equation: Equation
    source: Prose

    @property
    def label(self) -> str:
        """As reports cite it."""
        line = f" (line {self.source.line})" if self.source.line else ""
        return f"`{self.equation.text}`{line}"


Lefts = list[tuple[Written, list[str]]]  # each equation with the outputs that its left side may name


@dataclass
class Joiner:
    """Joins the equations of one part. ``lefts`` are all of them."""

    spec: AgentSpec
    binder: Binder
    lefts: Callable[[], Lefts]

    def bound(self, written: Written, output: str, trail: tuple[str, ...]) -> tuple[Bound, list[str]]:
        """The right side with its symbols bound; other equations of the texts are put in. Raises Unbound."""
        equation = written.equation
        nodes: dict[str, Node] = {}
        raws: dict[str, Node] = {}
        notes: list[str] = []
        doubts: list[str] = []
        ports: dict[str, str] = {}
        names = dict.fromkeys(n.name for n in walk(equation.right) if isinstance(n, Name))
        if equation.sums:
            defined = {w.equation.left for w, _ in self.lefts() if w is not written}
            rows, notes = bound_sums(self.binder, equation, output, defined)
            nodes |= rows
            raws |= rows
        for symbol in _texts(equation.right):
            text = self.binder.text(symbol, equation.words.get(symbol, ()))
            nodes[symbol], raws[symbol] = text.node, text.raw
            notes += [text.said] if text.said else []
        waiting = [n for n in names if n not in nodes]
        while waiting:  # of several that fit, those go that other symbols certainly are
            several: dict[str, Several] = {}
            for symbol in waiting:
                try:
                    bound, said = self._symbol(symbol, written, output, (*trail, equation.left), frozenset(ports))
                except Several as why:
                    several[symbol] = why
                    continue
                if isinstance(bound.node, Name):
                    other = ports.setdefault(bound.node.name, symbol)
                    if other != symbol:
                        raise Unbound(f"`{other}` and `{symbol}` would both be `{bound.node.name.partition('.')[2]}`")
                nodes[symbol], raws[symbol] = bound.node, bound.raw
                notes += said
                doubts += [bound.doubt] if bound.doubt else []
            if len(several) == len(waiting):
                raise next(iter(several.values()))
            waiting = list(several)
        self._of_one_thing(equation, ports, output)
        node, raw = substitute(equation.right, nodes), substitute(equation.right, raws)
        return Bound(node, raw, doubt="; ".join(doubts)), list(dict.fromkeys(notes))

    def _of_one_thing(self, equation: Equation, ports: dict[str, str], output: str) -> None:
        """Raises Unbound where the parameters are of unlike things and a symbol leaves open of which it is."""
        taken = []
        for name, symbol in ports.items():
            side, _, port = name.partition(".")
            words = [*equation.words.get(symbol, (symbol,)), self.binder.said(symbol)]
            found: Port = self.spec.inputs[port] if side == "input" else self.spec.outputs[port]
            taken.append(Taken(symbol, frozenset(p.lower() for w in words for p in split(w)), found))
        if why := mismatch(taken, self.spec.outputs[output]):
            raise Unbound(why)

    def _symbol(
        self, symbol: str, written: Written, output: str, trail: tuple[str, ...], taken: frozenset[str]
    ) -> tuple[Bound, list[str]]:
        equation = written.equation
        words = equation.words.get(symbol, (symbol,))
        others = [(w, names) for w, names in self.lefts() if like(w.equation.left, symbol) and w is not written]
        if others and symbol not in trail:
            return self._other(symbol, words, others, output, trail)
        unit = equation.units.get(symbol, "")
        try:
            bound = self.binder.bind(symbol, words, unit, without=output, taken=taken)
        except Unbound as why:
            product = self._product(words, equation, output)
            if product is None:
                raise why from None
            return product
        return bound, [bound.said] if bound.said else []

    def _other(
        self,
        symbol: str,
        words: tuple[str, ...],
        others: list[tuple[Written, list[str]]],
        output: str,
        trail: tuple[str, ...],
    ) -> tuple[Bound, list[str]]:
        """A symbol that another equation defines: the output that it names, or its right side."""
        sure = [(w, names) for w, names in others if not w.equation.condition]
        if not sure:
            raise Unbound(f"`{symbol}` is defined only `{others[0][0].equation.condition}`")
        trees = {show(w.equation.right) for w, _ in sure}
        if len({tuple(w.equation.sums.values()) for w, _ in sure}) > 1:
            raise Unbound(f"`{symbol}` has {len(sure)} equations, which sum over other rows")
        if len(trees) > 1:
            raise Unbound(f"`{symbol}` has {len(trees)} equations: {' and '.join(sorted(trees))}")
        other, names = sure[0]
        constant = isinstance(other.equation.right, Number)
        if (given := self.binder.given(symbol, words, by_name=not constant)) is not None:
            raise Unbound(f"`{symbol}` may be the input `{given.port.name}` or {trees.pop()}")
        if names == [output]:
            raise Unbound(f"`{symbol}` is the output itself")
        if len(names) == 1:
            unit = other.equation.units.get(other.equation.left, "")
            own = self.binder.as_port(symbol, Hit("output", self.spec.outputs[names[0]]), unit)
            return own, [own.said] if own.said else []
        bound, notes = self.bound(other, output, trail)
        return bound, [f"{symbol} = {show(other.equation.right)}", *notes]

    def _product(self, words: tuple[str, ...], equation: Equation, output: str) -> tuple[Bound, list[str]] | None:
        """``m cp ΔT``: symbols that only stand side by side are multiplied, if each of them is bound."""
        words = tuple(one for word in words for one in PRODUCTS.get(word, (word,)))
        if len(words) < 2:
            return None
        parts: list[Bound] = []
        for word in words:
            try:
                parts.append(self.binder.bind(word, (word,), equation.units.get(word, ""), without=output))
            except Unbound:
                return None
        self._of_one_thing(
            equation, {p.node.name: w for p, w in zip(parts, words, strict=True) if isinstance(p.node, Name)}, output
        )
        node, raw = parts[0].node, parts[0].raw
        for part in parts[1:]:
            node, raw = Arithmetic("*", node, part.node), Arithmetic("*", raw, part.raw)
        return Bound(node, raw, doubt="; ".join(p.doubt for p in parts if p.doubt)), [
            f"{' '.join(words)} is read as {' × '.join(words)}",
            *(p.said for p in parts if p.said),
        ]


def like(a: str, b: str) -> bool:
    """Whether two symbols are one: `HeatDemand` and `heat_demand`, `cₚ` and `cp`, but not `T` and `t`."""
    one, other = a.replace("_", ""), b.replace("_", "")
    return one == other or (len(a) > 2 and one.lower() == other.lower())


def _texts(tree: Node) -> list[str]:
    """The names that are compared with a word."""
    pairs = ((n.left, n.right) for n in walk(tree) if isinstance(n, Compare))
    return [a.name for x, y in pairs for a, b in ((x, y), (y, x)) if isinstance(a, Name) and isinstance(b, Text)]
