"""From what an author wrote to equations in the formula language: ``Q = m × cp × ΔT`` -> Q = m * cp * Delta_T.

Belongs here: cutting a text into statements, telling equations from sentences, definitions and remarks, reading an
equation to an unchecked tree. Does not belong here: what a symbol stands for (``prose_bind``), whether it fits.

A statement that is no equation, or can be read in two ways, is handed back with the reason; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from greenlang.errors import FormulaError, UnitError
from greenlang.formulas.parse import FUNCTIONS, parse
from greenlang.formulas.tree import Node, Number
from greenlang.resolution.prose_signs import plain
from greenlang.specs.unit_words import read_unit, unit_of_text
from greenlang.units import parse_unit

MAX_TEXT = 100_000
MAX_STATEMENT = 1_000


@dataclass(frozen=True, slots=True)
class Equation:
    """``left = right``. ``words`` are the words of each symbol, ``units`` the unit that is written behind a symbol.

    ``left`` is empty where the text is an expression alone. ``condition`` is what the author makes it depend on.
    """

    left: str
    right: Node
    text: str
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """``where m = mass flow in kg/s``: a symbol in words, with the unit that they state."""

    symbol: str
    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A statement that gives no equation, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadProse:
    """What a text holds."""

    equations: tuple[Equation, ...] = ()
    definitions: tuple[Definition, ...] = ()
    unread: tuple[Unread, ...] = ()


SENTENCE = "it is a sentence, no formula"
_BULLET = re.compile(r"^\s*(?:[-*•◦‣▪]\s+|\(?\d{1,2}[.)]\s+|\(?[a-z][.)]\s+|step\s+\d+\s*[:.]\s*)+", re.IGNORECASE)
_CONDITION = re.compile(r"^\s*(?:for|if|when|unless|in case|case|else|otherwise|only|at)\b", re.IGNORECASE)
_WHERE = re.compile(
    r"^\s*(?:where|with|in which|here|wherein|symbols|variables|legend|nomenclature)\b\s*:?\s*", re.IGNORECASE
)
_INNER_WHERE = re.compile(r"[,;.(]?\s*\b(?:where|in which|wherein)\b\s*:?\s*", re.IGNORECASE)
_EQUALS = re.compile(r"(?<![<>!=:≤≥≠])=(?!=)|:=|(?<![<>!=])==")
_DEFINES = re.compile(r"^\s*([A-Za-z][\w^{}]*)\s*(?::|=|\bis\b|\bdenotes\b|\bstands for\b|\s-\s)\s*(.+)$", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"(?<![\d.,\w])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![A-Za-z_]))
      | (?P<lead>\d+(?:\.\d*)?(?=[A-Za-z_]))
      | (?P<word>[A-Za-z][\w]*(?:\.(?=[A-Za-z_])\w+)*(?:\{[^{}]*\})?'?)
      | (?P<unit>\[[^\[\]]*\])
      | (?P<op>\*\*|<=|>=|!=|==|[-+*/^(),|%√∛<>])
    """,
    re.VERBOSE,
)
_SUM = re.compile(
    r"[Σ∑∏∫∮∂∇]|\b(?:sum|summation|integral|average of|mean of)\b(?=\s*(?:of|over|\())|\bfor (?:each|all|every)\b",
    re.IGNORECASE,
)
_APPROXIMATE = re.compile(r"[≈≃≅~∝]|±|\+/-")
_RANGE = re.compile(r"^\s*~?\d+(?:\.\d+)?\s*%?\s*(?:-|to|\.\.+)\s*\d+(?:\.\d+)?(?![\d.])\s*%?\s*(?:$|\(|[A-Za-z]{2})")
_SPOKEN = (
    (re.compile(r"\bdivided by\b", re.IGNORECASE), "/"),
    (re.compile(r"\b(?:multiplied by|times)\b", re.IGNORECASE), "*"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b", re.IGNORECASE), "-"),
)
_CUT = frozenset(
    ("for", "if", "when", "where", "unless", "using", "based", "assuming", "at", "in", "per", "with", "from", "then")
)
_IFS = frozenset(("if", "when", "unless", "only", "provided", "otherwise", "else", "where", "in case", "then"))
_FILLERS = frozenset(
    """
    the of and or to a an by is are be from on as per not each all every into this that which than over via both
    """.split()  # noqa: SIM905
)
_LANGUAGE = frozenset(("and", "or", "not", "if", "factor", "sum", "table", "true", "false", *FUNCTIONS))
_CALLS = {"sqrt": "sqrt", "exp": "exp", "ln": "ln", "log10": "log10", "log_10": "log10", "lg": "log10", "abs": "abs",
          "min": "min", "max": "max", "round": "round"}  # fmt: skip


class _NoEquation(Exception):
    """Why a statement gives no equation."""


def read_prose(text: str) -> ReadProse:
    """Every equation, definition and unread statement of a text, in the order in which they stand."""
    equations: list[Equation] = []
    definitions: list[Definition] = []
    unread: list[Unread] = []
    if len(text) > MAX_TEXT:
        return ReadProse(unread=(Unread(text[:80], f"a text of more than {MAX_TEXT:,} characters"),))
    for statement, condition, legend in _statements(text):
        if len(statement) > MAX_STATEMENT:
            unread.append(Unread(statement[:80], f"a statement of more than {MAX_STATEMENT:,} characters"))
            continue
        clean = plain(statement)
        if legend:
            found = _legend(clean)
            definitions += found
            if found or not _EQUALS.search(clean):
                continue
        head, tail = _without_where(clean)
        definitions += _legend(tail) if tail else []
        for part in _parts(head):
            try:
                made = _equation(part, statement, condition, definitions)
            except _NoEquation as why:
                unread.append(Unread(" ".join(statement.split()), str(why)))
                continue
            if made is not None:
                equations.append(made)
    return ReadProse(tuple(equations), tuple(definitions), tuple(unread))


# --- statements ---------------------------------------------------------------------------------------------------


def _statements(text: str) -> list[tuple[str, str, bool]]:
    """(statement, the condition under which the author puts it, whether it is in a legend of symbols)."""
    out: list[tuple[str, str, bool]] = []
    condition, legend = "", False
    for line in text.replace("\r\n", "\n").split("\n"):
        said = re.split(r"\s(?:#|//)(?=\s|$)|^\s*(?:#|//)", line, maxsplit=1)[0].rstrip()
        bare = _BULLET.sub("", said).strip()
        if not bare:
            condition, legend = "", False
            continue
        if bare.endswith(":") and "=" not in bare:
            legend = bool(_WHERE.match(bare))
            condition = bare.rstrip(": ") if _CONDITION.match(bare) else ""
            continue
        if _WHERE.match(bare):
            legend = True
            bare = _WHERE.sub("", bare)
        for piece in re.split(r";|\.\s+(?=[A-Z])|\.$", bare):
            said, own = _labelled(piece)
            if said.strip():
                out.append((said.strip(), own or condition, legend))
    return out


def _labelled(piece: str) -> tuple[str, str]:
    """``For water: V = ...`` -> (V = ..., For water); ``Hourly integration: F = ...`` -> (F = ..., nothing)."""
    head, colon, tail = piece.partition(":")
    if colon and "=" not in head and _EQUALS.search(tail) and not tail.startswith("="):
        return tail, head.strip() if _CONDITION.match(head) else ""
    return piece, ""


def _without_where(clean: str) -> tuple[str, str]:
    """What stands before and behind ``where``, the bracket around the clause taken off."""
    match = _INNER_WHERE.search(clean)
    if match is None or not _EQUALS.search(clean[: match.start()]):
        return clean, ""
    tail = clean[match.end() :]
    if match[0].startswith("("):
        tail = tail.rstrip().removesuffix(")")
    return clean[: match.start()], tail


def _parts(clean: str) -> list[str]:
    """The statement cut at commas and ``and`` outside brackets where an equation follows."""
    cuts, depth = [0], 0
    for i, sign in enumerate(clean):
        depth += (sign in "([{") - (sign in ")]}")
        follows = sign == "," or (sign == " " and clean[i : i + 5].lower() == " and ")
        if follows and depth == 0:
            rest = clean[i + (1 if sign == "," else 5) :]
            if re.match(r"\s*(?:and\s+)?[A-Za-z][\w ()\[\]/%]*?(?:=)(?!=)", rest):
                cuts.append(i)
    parts = [clean[a:b] for a, b in zip(cuts, [*cuts[1:], len(clean)], strict=True)]
    return [re.sub(r"^\s*(?:,|and\b)\s*(?:and\b)?", "", p) if n else p for n, p in enumerate(parts)]


def _legend(text: str) -> list[Definition]:
    """``m = mass flow in kg/s, cp = specific heat`` as definitions; numbers are equations and stay out."""
    out: list[Definition] = []
    for piece in _split_legend(text):
        match = _DEFINES.match(piece)
        if match is None or _NUMBER.match(match[2].strip()) or _operates(match[2]):
            continue
        out.append(_defined(_symbol(match[1]), match[2].strip().rstrip(".")))
    return out


def _defined(symbol: str, words: str) -> Definition:
    said = _unit_text(words)
    return Definition(symbol, said, unit_of_text(said).unit)


def _unit_text(text: str) -> str:
    return re.sub(r"\^\((-?\d+)\)", r"^\1", text)


def _split_legend(text: str) -> list[str]:
    pieces, depth, start = [], 0, 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and (sign in ",;" or text[i : i + 5].lower() == " and "):
            rest = text[i + (1 if sign in ",;" else 5) :]
            if _DEFINES.match(re.sub(r"^\s*and\b", "", rest)):
                pieces.append(text[start:i])
                start = i + (1 if sign in ",;" else 5)
    pieces.append(text[start:])
    return [re.sub(r"^\s*and\b\s*", "", p).strip() for p in pieces]


def _operates(text: str) -> bool:
    """Whether a text computes: an operator between two operands, outside brackets."""
    bare = text
    while (less := re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", bare)) != bare:
        bare = less
    return bool(re.search(r"\w\s*(?:\*|\+|\s-\s|\^|\s/\s)\s*\w", bare))


# --- one equation -------------------------------------------------------------------------------------------------


def _equation(part: str, statement: str, condition: str, definitions: list[Definition]) -> Equation | None:
    """The equation of a statement; None for what is neither equation nor worth a word."""
    for pattern, spoken in _SPOKEN:
        if _EQUALS.search(part):
            part = pattern.sub(f" {spoken} ", part)
    sides = _sides(part)
    if len(sides) == 1:
        near = "it is an approximation, no equality"
        raise _NoEquation(near if re.search(r"[≈≃≅∝]", part) else SENTENCE)
    if _APPROXIMATE.search(part):
        raise _NoEquation("it is an approximation or a spread, no equality")
    if len(sides) > 2:
        raise _NoEquation("it has two equal signs")
    if _SUM.search(part):
        raise _NoEquation("it sums over rows or a range, and an agent computes with single numbers")
    left_text, right_text = sides
    if _RANGE.match(right_text):
        raise _NoEquation(f"`{' '.join(right_text.split())}` is a range, no value")
    reader = _Reader()
    left = reader.left(left_text)
    if _worded(right_text):
        definitions.append(_defined(left, right_text.strip()))
        return None
    constant = _constant(right_text)
    right = constant if constant is not None else reader.right(right_text)
    remarks = tuple(reader.remarks)
    return Equation(
        left,
        right,
        " ".join(statement.split()),
        dict(reader.words),
        dict(reader.units),
        remarks,
        condition or reader.condition,
    )


def _sides(part: str) -> list[str]:
    """The text cut at its equal signs, those in brackets not counted."""
    cuts = [m for m in _EQUALS.finditer(part) if part.count("(", 0, m.start()) == part.count(")", 0, m.start())]
    starts = [0, *(m.end() for m in cuts)]
    return [part[a:b] for a, b in zip(starts, [*(m.start() for m in cuts), len(part)], strict=True)]


def _worded(text: str) -> bool:
    """Whether the right side only says in words what the left one is."""
    words = text.split()
    return (
        len(words) > 1
        and not re.search(r"[-+*/^()|√%]|\d", re.sub(r"\([^()]*\)|\[[^\]]*\]", "", text))
        and any(w.lower() in _FILLERS or w.islower() for w in words)
        and not any("_" in w for w in words)
    )


def _constant(text: str) -> Number | None:
    """``8.34 lb/gal``: a number with its unit, and nothing else."""
    match = re.fullmatch(r"\s*(\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([A-Za-z°%$€£µ][^=]*?)\s*", _commas(text))
    if match is None or match[2].strip().startswith(("*", "+")):
        return None
    said = re.sub(r"\s*\((?!-?\d+\))[^()]*\)\s*$", "", _unit_text(match[2])).strip()
    if said != "%" and (len(said) < 2 or "*" in said.partition("/")[0]):
        return None  # `2 m` may be two metres or two masses
    said = re.sub(r"\s*\*\s*", ".", said)
    found = read_unit(said)
    if not found.unit or (found.unit == "1" and said != "%"):
        return None
    tree = parse(f"{match[1]} [{'percent' if said == '%' else found.unit}]")
    return tree if isinstance(tree, Number) else None


def _commas(text: str) -> str:
    """Without the commas that are no separators: ``8,760``, ``T_c,out``."""
    text = re.sub(r"\b([A-Za-z]+_[A-Za-z0-9]+),(?=[a-z]{1,4}\b(?!\s*\())", r"\1_", text)
    return _THOUSANDS.sub(lambda m: m[1].replace(",", ""), text)


def _symbol(text: str) -> str:
    """A symbol as an ASCII name: ``T_{hot}`` -> T_hot, ``Delta_T'`` -> Delta_T."""
    name = re.sub(r"\W+", "_", text.replace("'", "")).strip("_")
    return f"{name}_" if name in _LANGUAGE else name


@dataclass
class _Token:
    kind: str
    text: str
    spaced: bool  # whether a blank stands before it


class _Reader:
    """Reads the two sides of one equation."""

    def __init__(self) -> None:
        self.words: dict[str, tuple[str, ...]] = {}
        self.units: dict[str, str] = {}
        self.remarks: list[str] = []
        self.condition = ""
        self.tokens: list[_Token] = []
        self.at = 0

    # left

    def left(self, text: str) -> str:
        """The name on the left side: words, with the unit or remark behind them taken off."""
        bare = re.sub(
            r"^\s*(?:calculate|compute|determine|find|convert to|the|let|then|thus|so)\b\s*",
            "",
            text,
            flags=re.IGNORECASE,
        )
        said = ""
        if match := re.search(r"[(\[]([^()\[\]]*)[)\]]\s*$", bare):
            said, bare = match[1], bare[: match.start()]
        names = re.findall(r"[A-Za-z][\w']*(?:\{[^{}]*\})?(?:[.-][A-Za-z]\w*)*|%", bare)
        rest = re.sub(r"[A-Za-z][\w']*(?:\{[^{}]*\})?(?:[.-][A-Za-z]\w*)*|[\s%,]|\bannual\b", "", bare)
        if not names or rest:
            raise _NoEquation(f"the left side `{' '.join(text.split())}` is not one quantity")
        if len(names) > 6:
            raise _NoEquation(SENTENCE)
        name = _symbol("_".join(n for n in names if n != "%"))
        self.words[name] = tuple(names)
        if said:
            self.behind(name, said)
        return name

    def behind(self, name: str, said: str) -> None:
        """What stands in brackets behind a name: its unit, or a remark."""
        unit = _unit(said)
        if unit:
            self.units[name] = unit
        else:
            self.remark(said)

    def remark(self, said: str) -> None:
        said = " ".join(said.split())
        self.remarks.append(said)
        if said.split(" ", 1)[0].lower() in _IFS:
            self.condition = said

    # right

    def right(self, text: str) -> Node:
        """The right side as an unchecked tree."""
        self.tokens = _tokens(_commas(text))
        self.at = 0
        formula = self.expression(closing="")
        if not formula.strip():
            raise _NoEquation("nothing stands behind the equal sign")
        try:
            tree = parse(formula)
        except FormulaError as error:
            raise _NoEquation(f"it cannot be read: {error}") from None
        if re.fullmatch(r"\s*\d+(?:\.\d+)?\s*-\s*\d+(?:\.\d+)?\s*", formula):
            raise _NoEquation(f"`{' '.join(text.split())}` is a range, no value")
        return tree

    def peek(self, ahead: int = 0) -> _Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def expression(self, closing: str) -> str:
        """Formula text up to the closing bracket (or the end), with what is left out in prose put in."""
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
            raise _NoEquation("its brackets do not match")
        return " ".join(out)

    def ends(self, token: _Token, operand: bool, closing: str) -> bool:
        """Whether the expression ends here, and a remark follows."""
        if token.text == ",":
            return closing != ")"
        cut = operand and not closing and token.kind == "word" and token.text.lower() in _CUT
        return cut and not (token.text in {"x", "X"} and self.operand_follows())

    def part(self, token: _Token, out: list[str], operand: bool) -> bool:
        """A number, a name, a function or a unit."""
        if token.kind == "unit":
            self.at += 1
            if not operand:
                raise _NoEquation(f"`{token.text}` belongs to nothing")
            self.remark(token.text[1:-1])
            return True
        if token.kind == "word" and operand and token.text in {"x", "X"} and self.operand_follows():
            self.at += 1
            out.append("*")
            return False
        out += ["*"] if operand else []
        out.append(self.word(token) if token.kind == "word" else self.number(token))
        return True

    def sign(self, token: _Token, out: list[str], operand: bool) -> bool:
        """A bracket, a root, bars, a percent sign, or an operator."""
        if token.text in {")", "|"} and (operand or token.text == ")"):
            raise _NoEquation("its brackets do not match")
        if token.text == "(":
            return self.bracket(out, operand)
        if token.text in {"√", "∛"}:
            out += ["*"] if operand else []
            out.append(self.root(token.text))
            return True
        self.at += 1
        if token.text == "|":
            out.append(f"abs({self.expression('|')})")
            return True
        if token.text == "%":
            if not operand:
                raise _NoEquation("a percent sign without a number")
            number = _NUMBER.fullmatch(out[-1])
            out[-1] = f"({out[-1]} [percent])" if number else f"({out[-1]} / 100)"
            return True
        out.append(token.text)
        return False

    def operand_follows(self) -> bool:
        after = self.peek(1)
        return after is not None and (after.kind in {"number", "lead", "word"} or after.text in {"(", "√", "|"})

    def rest(self) -> None:
        """What stands behind the expression is a remark."""
        self.remark(" ".join(t.text for t in self.tokens[self.at :]).strip(", "))
        self.at = len(self.tokens)

    def number(self, token: _Token) -> str:
        self.at += 1
        after = self.peek()
        if after is not None and after.kind == "unit":
            self.at += 1
            unit = _unit(after.text[1:-1])
            if not unit:
                raise _NoEquation(f"`{after.text}` is no unit that is known")
            return f"({token.text} [{unit}])"
        return token.text

    def word(self, token: _Token) -> str:
        """A function, or a name of one or several words."""
        lower = token.text.lower()
        after = self.peek(1)
        if lower in {"log"}:
            raise _NoEquation("`log` is ln to some and log10 to others: write which")
        if lower in _CALLS:
            self.at += 1
            if after is not None and after.text == "(":
                self.at += 1
                return f"{_CALLS[lower]}({self.expression(')')})"
            if after is not None and after.kind in {"word", "number"}:
                return f"{_CALLS[lower]}({self.single()})"
            raise _NoEquation(f"`{token.text}` stands without what it is taken of")
        if lower == "e" and after is not None and after.text in {"^", "**"}:
            self.at += 2
            return f"exp({self.single()})"
        return self.name()

    def single(self) -> str:
        """One operand."""
        token = self.peek()
        if token is None:
            raise _NoEquation("an operand is missing at the end")
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
            name = _symbol(token.text)
            self.words[name] = (token.text,)
            return name
        raise _NoEquation(f"an operand is missing at `{token.text}`")

    def root(self, sign: str) -> str:
        self.at += 1
        inner = self.single()
        return f"sqrt({inner})" if sign == "√" else f"({inner}) ^ (1/3)"

    def name(self) -> str:
        """The words that stand together; ``m v^2`` is a product, and so read."""
        found: list[str] = []
        while (token := self.peek()) is not None and token.kind == "word":
            lower = token.text.lower()
            if found and (lower in _CUT or lower in _CALLS or (token.text in {"x", "X"} and self.operand_follows())):
                break
            if lower in _FILLERS and (len(lower) > 1 or (found and self.words_follow())):
                raise _NoEquation(SENTENCE)
            found.append(token.text)
            self.at += 1
        if len(found) > 6:
            raise _NoEquation(SENTENCE)
        after = self.peek()
        if len(found) > 1 and after is not None and after.text in {"^", "**"}:
            if any(len(w) > 4 and "_" not in w for w in found):
                raise _NoEquation(f"is the power of `{' '.join(found)}` one of the whole or of its last word?")
            names = [_symbol(w) for w in found]
            self.words |= {n: (w,) for n, w in zip(names, found, strict=True)}
            return " * ".join(names)
        name = _symbol("_".join(found))
        self.words[name] = tuple(found)
        return name

    def words_follow(self) -> bool:
        after = self.peek(1)
        return after is not None and after.kind == "word"

    def bracket(self, out: list[str], operand: bool) -> bool:
        """A bracket: grouping, a factor, the unit of the name before it, or a remark."""
        inner = self.inside()
        if not operand:
            self.at += 1
            out.append(f"({self.expression(')')})")
            return True
        last = out[-1]
        if last in self.words and _unit(inner) and not re.fullmatch(r"[A-Za-z]", inner.strip()):
            self.units[last] = _unit(inner)
            self.skip()
        elif _operates(inner) or (last not in self.words and not re.search(r"[A-Za-z]{3,}\s+[A-Za-z]{2,}", inner)):
            if "=" in inner:
                self.remark(inner)
                self.skip()
            else:
                self.at += 1
                out += ["*", f"({self.expression(')')})"]
        elif last in self.words and not self.spaced() and re.fullmatch(r"\s*\w+(?:\s*,\s*\w+)*\s*", inner):
            raise _NoEquation(f"`{last}({inner.strip()})` is a function that nobody defines, or a product")
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
            raise _NoEquation("its brackets do not match")
        return "".join(parts)[1:].lstrip("(") if parts[:1] == ["("] else "".join(parts).strip()[1:]

    def skip(self) -> None:
        depth = 0
        while self.at < len(self.tokens):
            depth += (self.tokens[self.at].text == "(") - (self.tokens[self.at].text == ")")
            self.at += 1
            if depth == 0:
                return


def _unit(text: str) -> str:
    """The unit that a text is, "" if it is none."""
    found = read_unit(_unit_text(text.strip()))
    if not found.unit or (found.unit == "1" and text.strip() not in {"1", "-"}):
        return ""
    try:
        parse_unit(found.unit)
    except UnitError:
        return ""
    return found.unit


def _tokens(text: str) -> list[_Token]:
    out: list[_Token] = []
    at, spaced = 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at] in "=\"'.!?:#{}°$€£&@":
                out.append(_Token("sign", text[at], spaced))
                at, spaced = at + 1, False
                continue
            raise _NoEquation(f"`{text[at]}` is no sign of a formula")
        if match.lastgroup == "space":
            spaced = True
        else:
            out.append(_Token(match.lastgroup or "", match[0], spaced))
            spaced = False
        at = match.end()
    while out and out[-1].text in {".", ":"}:
        out.pop()
    bad = next((t for t in out if t.kind == "sign" and t.text != "="), None)
    if bad is not None and not any(t.text == "(" for t in out):
        raise _NoEquation(f"`{bad.text}` is no sign of a formula")
    _hyphens(out)
    return out


def _hyphens(tokens: list[_Token]) -> None:
    """``part-load`` is a word, ``a - b`` a difference; which of them is ``inlet-outlet``?"""
    for i in range(1, len(tokens) - 1):
        before, sign, after = tokens[i - 1 : i + 2]
        if (
            sign.text == "-"
            and not sign.spaced
            and not after.spaced
            and re.fullmatch(r"[a-z]{2,}|[A-Z][a-z]+", before.text)
            and re.fullmatch(r"[a-z]{2,}", after.text)
        ):
            raise _NoEquation(f"`{before.text}-{after.text}`: a hyphen or a minus? put blanks around a minus")
