"""Sums over rows in a text: ``Σ(e.kg for each emission)``, ``Σ_i m_i × EF_i``, ``sum of kg over all emissions``.

Each becomes a call that the reader of right sides knows, ``summed_rows_1(m_i * EF_i)``, with what the text says about
the rows. What leaves open how far the sum reaches, or which rows it takes, is no equation.

Belongs here: where a sum begins and ends, its index, the words for its rows. Does not belong here: which list and which
columns are meant (``prose_rows``), ``sum(a, b, c)``, which is a + b + c (``prose_equation``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from greenlang.resolution.prose_tokens import NoEquation

OPEN = "it sums over rows or a range, and it is open {}"
_HOW_FAR = OPEN.format("how far the sum reaches: put what is summed in brackets")
_ALL = r"(?:(?:all|each|every|the|of|input)\s+)*"
_NOUN = r"[A-Za-z]\w*(?:[ -][A-Za-z]\w*){0,3}?"
_SIGN = re.compile(
    r"(?:the\s+)?(?:Σ(?:_[{(]?(?P<index>[A-Za-z]\w*)(?:\s*[=₌]\s*(?P<start>\w+))?[})]?"
    r"(?:\s*\^\s*[{(]?(?P<end>\w+)[})]?)?)?(?![\w^])"
    rf"|\b(?:sum|summation)\s+over\s+{_ALL}(?P<over>{_NOUN})(?=\s+of\b)"
    r"|\b(?P<product>sumproduct)\b(?=\s*\()|\b(?:sum|summation)\b(?=\s*\(|\s+of\b))\s*(?:of\b\s*)?",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    rf"[,;]?\s*\bfor\s+(?:(?:each|every|all)\s+)?(?P<variable>[A-Za-z]\w*)\s+in\s+{_ALL}(?P<list>{_NOUN})\s*$"
    rf"|[,;]?\s*\b(?:for|over|across)\s+(?:each|every|all|the)\s+{_ALL}(?P<noun>{_NOUN})\s*$"
    rf"|[,;]?\s*\b(?:over|across)\s+(?P<bare>{_NOUN})\s*$",
    re.IGNORECASE,
)
_INDEXED = re.compile(r"([A-Za-z]\w*)\s*\[\s*(?:\*|[ijk])?\s*\]\s*\.")


@dataclass(frozen=True, slots=True)
class Rows:
    """What a text says about the rows of a sum.

    ``index`` is the i of ``m_i`` and ``end`` the n that it runs to, ``variable`` the e of ``e.kg for e in emissions``,
    ``noun`` what the rows are called.
    """

    index: str = ""
    end: str = ""
    variable: str = ""
    noun: str = ""


def begins(text: str) -> bool:
    """Whether a text begins with a sum over rows."""
    return _SIGN.match(text.strip()) is not None


def marked(text: str) -> tuple[str, dict[str, Rows]]:
    """A statement in plain signs with its sums as calls, and what is said of the rows of each. Raises NoEquation."""
    text = _INDEXED.sub(r"\1.", text)
    out, sums = "", dict[str, Rows]()
    while (match := _SIGN.search(text)) is not None:
        before = out + text[: match.start()]
        body, rows, text = _summand(match, text[match.end() :], before)
        if not body.strip() or _SIGN.search(body):
            raise NoEquation(OPEN.format("what is summed"))
        if rows.index:  # `m_i EF_i`: a product
            body = re.sub(rf"(\w_{rows.index})\s+(?=[A-Za-z]\w*_{rows.index}\b)", r"\1 * ", body)
        name = f"summed_rows_{len(sums) + 1}"
        sums[name] = rows
        out = f"{before} {name}({body.strip()}) "
    return out + text, sums


def _summand(match: re.Match[str], rest: str, before: str) -> tuple[str, Rows, str]:
    """What is summed, what is said of its rows, and the text behind both."""
    if match["start"] not in {None, "1"} or (match["end"] or "").isdigit():
        raise NoEquation(OPEN.format("whether it takes every row: its index begins or ends at a number"))
    if rest.startswith("("):
        body, rest = _bracketed(rest)
        if rest.lstrip().startswith(("^", "**")):
            raise NoEquation(OPEN.format("whether the power is one of the sum or of each row"))
        if match["product"]:
            body = " * ".join(f"({part})" for part in body.split(","))
        body, clause = _without_clause(body)
        if clause is None:
            rest, clause = _clause_behind(rest)
    else:
        body, rest, clause = _unbracketed(rest, bool(match["index"]), before)
    said = clause.groupdict() if clause is not None else {}
    if clause is not None and match["over"]:
        raise NoEquation(OPEN.format("over what: it says so twice"))
    noun = said.get("list") or said.get("noun") or said.get("bare") or match["over"] or ""
    index = match["index"] or ""
    if len(index) > 1:  # `Σ_vehicle`
        index, noun = "", f"{noun} {index}".strip()
    return body, Rows(index, match["end"] or "", said.get("variable") or "", noun), rest


def _bracketed(text: str) -> tuple[str, str]:
    """What stands in the bracket that opens the text, and what stands behind it."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[1:at], text[at + 1 :]
    raise NoEquation("its brackets do not match")


def _without_clause(text: str) -> tuple[str, re.Match[str] | None]:
    """A text without the clause at its end that names the rows, and the clause."""
    clause = _CLAUSE.search(text)
    return (text[: clause.start()], clause) if clause is not None else (text, None)


def _clause_behind(text: str) -> tuple[str, re.Match[str] | None]:
    """What follows the clause that names the rows, where it stands at once behind a bracket."""
    end = _end(text, "*/+")
    clause = _CLAUSE.match(text[:end])
    return (text[end:], clause) if clause is not None else (text, None)


def _unbracketed(text: str, index: bool, before: str) -> tuple[str, str, re.Match[str] | None]:
    """A product up to the end of its bracket or text; what a sum without brackets makes doubtful is refused."""
    end = _end(text, ",=+")
    body, clause = _without_clause(text[:end])
    bare = body
    while (less := re.sub(r"\([^()]*\)", " ", bare)) != bare:
        bare = less
    if text[end : end + 1] == "+" or re.search(r"\s-\s", bare):
        raise NoEquation(_HOW_FAR)
    below = [part.strip() for part in bare.split("/")[1:]]
    if any(re.match(r"[\d.]+\s*(?:$|\*)", part) is None for part in below) and not index:
        raise NoEquation(OPEN.format("whether it is a sum of quotients or a quotient of sums: write brackets"))
    if before.rstrip().endswith("/") and re.search(r"[*/\s]", body.strip()):
        raise NoEquation(_HOW_FAR)
    return body, text[end:], clause


def _end(text: str, signs: str) -> int:
    """Where one of the signs stands outside brackets, or the bracket around the text closes."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth < 0 or (depth == 0 and sign in signs):
            return at
    return len(text)
