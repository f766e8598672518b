"""The right side of an equation as a formula: brackets, remarks, units, and choices between two formulas.

Belongs here: what people leave out or add when they write a formula (`2 m v`, `95 %`, `(for boilers)`, `a if x > y else
b`). Does not belong here: the left side and what an equation is (``prose_equation``), what a name stands for.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from greenlang.errors import FormulaError
from greenlang.formulas.parse import parse
from greenlang.formulas.tree import Node
from greenlang.resolution.prose_tokens import SENTENCE, NoEquation, Token, operates, symbol, tokens, written_unit

MAX_DEPTH = 60
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?")
_CUT = frozenset(
    ("for", "if", "when", "where", "unless", "using", "based", "assuming", "at", "in", "per", "with", "from", "then")
)
_IFS = frozenset(("if", "when", "unless", "only", "provided", "otherwise", "else", "where", "in case", "then"))
_CALLS = {"sqrt": "sqrt", "exp": "exp", "ln": "ln", "log10": "log10", "log_10": "log10", "lg": "log10", "abs": "abs",
          "min": "min", "max": "max", "round": "round"}  # fmt: skip
_COMPARES = re.compile(r"<=|>=|!=|==|[<>=]")
_CHOICES = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"\s*if\b(?!\s*\()(?P<when>.+?)(?:,?\s*\bthen\b|,)(?P<then>.+?)[,;]?\s*\b(?:else|otherwise)\b[,:]?(?P<other>.+)",
        r"\s*if\s*\((?P<when>[^()]+)\)\s*then\b(?P<then>.+?)[,;]?\s*\b(?:else|otherwise)\b[,:]?(?P<other>.+)",
        r"(?P<then>.+?)[,;]?\s*\b(?:if|when)\b(?P<when>.+?)(?:[,;]\s*\b(?:else|otherwise)\b|\belse\b)[,:]?(?P<other>.+)",
        r"(?P<then>.+?)[,;]?\s*\b(?:if|when)\b(?P<when>[^,;]+)[,;](?P<other>[^,;]+?)\b(?:otherwise|else)\s*",
        r"(?P<when>[^?]+)\?(?P<then>[^:?]+):(?P<other>.+)",
    )
)
_CHOOSES = re.compile(r"\b(?:if|when)\b|\?", re.IGNORECASE)
_QUOTED = re.compile(r"\s*['\"]([^'\"]*)['\"]\s*")
FILLERS = frozenset(
    """
    the of and or to a an by is are be from on as per not each all every into this that which than over via both
    """.split()  # noqa: SIM905
)


class Reader:
    """Reads one right side; ``words``, ``units`` and ``remarks`` are those of the whole equation.

    ``sums`` are the names of its sums over rows (``prose_sums``).
    """

    def __init__(self, sums: Collection[str] = ()) -> None:
        self.sums = sums
        self.words: dict[str, tuple[str, ...]] = {}
        self.units: dict[str, str] = {}
        self.remarks: list[str] = []
        self.condition = ""
        self.tokens: list[Token] = []
        self.at = 0
        self.depth = 0

    def behind(self, name: str, said: str) -> None:
        """What stands in brackets behind a name: its unit, or a remark."""
        unit = written_unit(said)
        if unit:
            self.units[name] = unit
        else:
            self.remark(said)

    def remark(self, said: str) -> None:
        """What is left out, and kept; one that begins with `if` is a condition."""
        said = " ".join(said.split())
        self.remarks.append(said)
        if said.split(" ", 1)[0].lower() in _IFS:
            self.condition = said

    # --- right -----------------------------------------------------------------------------------------------------

    def right(self, text: str) -> Node:
        """The right side as an unchecked tree."""
        formula = self.chosen(text)
        if not formula.strip():
            raise NoEquation("nothing stands behind the equal sign")
        try:
            tree = parse(formula)
        except FormulaError as error:
            raise NoEquation(f"it cannot be read: {error}") from None
        if re.fullmatch(r"\s*\d+(?:\.\d+)?\s*-\s*\d+(?:\.\d+)?\s*", formula):
            raise NoEquation(f"`{' '.join(text.split())}` is a range, no value")
        return tree

    def chosen(self, text: str) -> str:
        """Formula text; of a choice (``a if x > y else b``) the language's ``if(x > y, a, b)``."""
        for pattern in _CHOICES if _CHOOSES.search(text) else ():
            match = pattern.fullmatch(text.strip())
            if match is not None and _COMPARES.search(match["when"]):
                return f"if({self.decided(match['when'])}, {self.chosen(match['then'])}, {self.chosen(match['other'])})"
        self.tokens = tokens(text)
        self.at = 0
        return self.expression(closing="")

    def decided(self, text: str) -> str:
        """A condition: comparisons, joined by `and` or `or`."""
        pieces = re.split(r"\s*(\band\b|\bor\b|&&|\|\|)\s*", text.strip(" :"), flags=re.IGNORECASE)
        out = [self.compared(p) if i % 2 == 0 else ("or" if p.lower() in {"or", "||"} else "and")
               for i, p in enumerate(pieces)]  # fmt: skip
        return " ".join(out)

    def compared(self, text: str) -> str:
        """``load > capacity``, or ``0 < x < 1``."""
        pieces = re.split(r"\s*(<=|>=|!=|==|[<>=])\s*", text)
        if len(pieces) < 3:
            raise NoEquation(f"`{' '.join(text.split())}` is no comparison of numbers")
        return " ".join(self.plain_part(p) if i % 2 == 0 else ("==" if p == "=" else p) for i, p in enumerate(pieces))

    def plain_part(self, text: str) -> str:
        """A part of a condition: a word in quotes, or a number without a remark."""
        if quoted := _QUOTED.fullmatch(text):
            return f'"{quoted[1]}"'
        before = len(self.remarks)
        self.tokens, self.at = tokens(text), 0
        formula = self.expression(closing="")
        if len(self.remarks) > before or not formula.strip():
            raise NoEquation(f"`{' '.join(text.split())}` is no number to compare")
        return formula

    def peek(self, ahead: int = 0) -> Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def expression(self, closing: str) -> str:
        """Formula text up to the closing bracket (or the end), with what is left out in prose put in."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NoEquation(f"its brackets stand more than {MAX_DEPTH} deep in one another")
        formula = self.joined(closing)
        self.depth -= 1
        return formula

    def joined(self, closing: str) -> str:
        """The pieces up to the closing bracket."""
        out: list[str] = []
        operand = False  # whether an operand stands just before
        while (token := self.peek()) is not None:
            if closing and token.text == closing:
                self.at += 1
                return " ".join(out)
            if self.ends(token, operand, closing):
                self.rest()
                break
            operand = self.sign(token, out, operand) if token.kind in {"op", "sign"} else self.part(token, out, operand)
        if closing:
            raise NoEquation("its brackets do not match")
        return " ".join(out)

    def ends(self, token: Token, operand: bool, closing: str) -> bool:
        """Whether the expression ends here, and a remark follows."""
        if token.text == ",":
            return closing != ")"
        cut = operand and not closing and token.kind == "word" and token.text.lower() in _CUT
        return cut and not (token.text in {"x", "X"} and self.operand_follows())

    def part(self, token: Token, out: list[str], operand: bool) -> bool:
        """A number, a name, a function or a unit."""
        if token.kind == "unit":
            self.at += 1
            if not operand:
                raise NoEquation(f"`{token.text}` belongs to nothing")
            unit = written_unit(token.text[1:-1])
            if unit and out[-1] in self.words:
                self.units[out[-1]] = unit
            else:
                self.remark(token.text[1:-1])
            return True
        if token.kind == "word" and operand and token.text in {"x", "X"} and self.operand_follows():
            self.at += 1
            out.append("*")
            return False
        out += self.implied(out) if operand else []
        out.append(self.word(token) if token.kind == "word" else self.number(token))
        return True

    def sign(self, token: Token, out: list[str], operand: bool) -> bool:
        """A bracket, a root, bars, a percent sign, or an operator."""
        if token.text in {")", "|"} and (operand or token.text == ")"):
            raise NoEquation("its brackets do not match")
        if token.text == "(":
            return self.bracket(out, operand)
        if token.text in {"√", "∛"}:
            out += self.implied(out) if operand else []
            out.append(self.root(token.text))
            return True
        self.at += 1
        if token.text == "|":
            out.append(f"abs({self.expression('|')})")
            return True
        if token.text == "%":
            if not operand:
                raise NoEquation("a percent sign without a number")
            number = _NUMBER.fullmatch(out[-1])
            out[-1] = f"({out[-1]} [percent])" if number else f"({out[-1]} / 100)"
            return True
        out.append("==" if token.text == "=" else token.text)
        return False

    def implied(self, out: list[str]) -> list[str]:
        """A sign of multiplication that nobody wrote. Raises NoEquation for `a / 2 b`; `1/2 m v²` is half of it."""
        if len(out) > 1 and out[-2] == "/" and not _NUMBER.fullmatch(out[-3] if len(out) > 2 else ""):
            said = f"{' '.join(out)} {self.tokens[self.at].text}"
            raise NoEquation(f"`{said}`: is all behind the / below the line? write brackets")
        return ["*"]

    def operand_follows(self) -> bool:
        after = self.peek(1)
        return after is not None and (after.kind in {"number", "lead", "word"} or after.text in {"(", "√", "|"})

    def rest(self) -> None:
        """What stands behind the expression is a remark; `0,9 × x` is a number in another way of writing."""
        after = self.peek(1)
        if self.tokens[self.at].text == "," and after is not None and after.kind in {"number", "lead"}:
            raise NoEquation(f"`,{after.text}`: a decimal comma? write a point")
        self.remark(" ".join(t.text for t in self.tokens[self.at :]).strip(", "))
        self.at = len(self.tokens)

    def number(self, token: Token) -> str:
        self.at += 1
        after = self.peek()
        if after is not None and after.kind == "unit":
            self.at += 1
            unit = written_unit(after.text[1:-1])
            if not unit:
                raise NoEquation(f"`{after.text}` is no unit that is known")
            return f"({token.text} [{unit}])"
        return token.text

    def word(self, token: Token) -> str:
        """A function, or a name of one or several words."""
        lower = token.text.lower()
        after = self.peek(1)
        if token.text in self.sums:
            self.at += 2
            return f"sum({token.text}, {self.expression(')')})"
        if lower == "if" and after is not None and after.text == "(":
            self.at += 2
            return f"if({self.expression(')')})"
        if lower == "log":
            raise NoEquation("`log` is ln to some and log10 to others: write which")
        if lower in _CALLS:
            self.at += 1
            if after is not None and after.text == "(":
                self.at += 1
                return f"{_CALLS[lower]}({self.expression(')')})"
            if after is not None and after.kind in {"word", "number"}:
                taken = self.single()
                follows = self.peek()
                if follows is not None and follows.text in {"*", "/", "^", "**"}:
                    raise NoEquation(f"`{token.text} {taken} {follows.text} ...`: of what is it taken? write brackets")
                return f"{_CALLS[lower]}({taken})"
            raise NoEquation(f"`{token.text}` stands without what it is taken of")
        if lower == "e" and after is not None and after.text in {"^", "**"}:
            self.at += 2
            return f"exp({self.single()})"
        return self.name()

    def single(self) -> str:
        """One operand."""
        token = self.peek()
        if token is None:
            raise NoEquation("an operand is missing at the end")
        if token.text == "(":
            self.at += 1
            return f"({self.expression(')')})"
        if token.text == "-":
            self.at += 1
            return f"-{self.single()}"
        if token.kind in {"number", "lead"}:
            return self.number(token)
        if token.kind == "word":
            self.at += 1
            name = symbol(token.text)
            self.words[name] = (token.text,)
            return name
        raise NoEquation(f"an operand is missing at `{token.text}`")

    def root(self, sign: str) -> str:
        self.at += 1
        inner = self.single()
        return f"sqrt({inner})" if sign == "√" else f"({inner}) ^ (1/3)"

    def name(self) -> str:
        """The words that stand together; ``m v^2`` is a product, and so read."""
        found: list[str] = []
        while (token := self.peek()) is not None and (token.kind == "word" or (found and self.numbered(token, found))):
            lower = token.text.lower()
            if found and (lower in _CUT or lower in _CALLS or (token.text in {"x", "X"} and self.operand_follows())):
                break
            spoken = token.text == "a" and found and self.words_follow()
            if spoken or (len(lower) > 1 and lower in FILLERS and token.text != "To"):
                raise NoEquation(SENTENCE)
            found.append(token.text)
            self.at += 1
        if len(found) > 6:
            raise NoEquation(SENTENCE)
        after = self.peek()
        if len(found) > 1 and after is not None and after.text in {"^", "**"}:
            if any(len(w) > 4 and "_" not in w for w in found):
                raise NoEquation(f"is the power of `{' '.join(found)}` one of the whole or of its last word?")
            names = [symbol(w) for w in found]
            self.words |= {n: (w,) for n, w in zip(names, found, strict=True)}
            return " * ".join(names)
        name = symbol("_".join(found))
        self.words[name] = tuple(found)
        return name

    def numbered(self, token: Token, found: list[str]) -> bool:
        """``Scope 1``: a small number behind a word, with nothing that it could multiply."""
        after = self.peek(1)
        free = after is None or after.text in {"+", "-", "*", "/", ")", ","}
        return token.kind == "number" and token.spaced and token.text in "123456789" and len(found[-1]) > 3 and free

    def words_follow(self) -> bool:
        after = self.peek(1)
        return after is not None and after.kind == "word"

    # --- brackets --------------------------------------------------------------------------------------------------

    def bracket(self, out: list[str], operand: bool) -> bool:
        """A bracket: grouping, a factor, the unit of the name before it, or a remark."""
        inner = self.inside()
        if not operand:
            self.at += 1
            out.append(f"({self.expression(')')})")
            return True
        last = out[-1]
        if last in self.words and written_unit(inner) and not re.fullmatch(r"[A-Za-z]", inner.strip()):
            self.units[last] = written_unit(inner)
            self.skip()
        elif operates(inner) or (last not in self.words and not re.search(r"[A-Za-z]{3,}\s+[A-Za-z]{2,}", inner)):
            if "=" in inner:
                self.remark(inner)
                self.skip()
            else:
                self.at += 1
                out += [*self.implied(out), f"({self.expression(')')})"]
        elif last in self.words and not self.spaced() and re.fullmatch(r"\s*\w+(?:\s*,\s*\w+)*\s*", inner):
            raise NoEquation(f"`{last}({inner.strip()})` is a function that nobody defines, or a product")
        else:
            self.remark(inner)
            self.skip()
        return True

    def spaced(self) -> bool:
        token = self.peek()
        return token is not None and token.spaced

    def inside(self) -> str:
        """The text of the bracket that opens here."""
        depth, parts = 0, []
        for token in self.tokens[self.at :]:
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                break
            parts.append((" " if token.spaced else "") + token.text)
        else:
            raise NoEquation("its brackets do not match")
        return "".join(parts).strip()[1:]

    def skip(self) -> None:
        depth = 0
        while self.at < len(self.tokens):
            depth += (self.tokens[self.at].text == "(") - (self.tokens[self.at].text == ")")
            self.at += 1
            if depth == 0:
                return
