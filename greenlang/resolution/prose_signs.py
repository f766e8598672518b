"""Signs of formulas in prose, as plain text: operators, powers, subscripts, Greek letters, fractions, accents.

Belongs here: one character or a run of like characters, and what it is in ASCII. Does not belong here: words,
sentences, what is a formula (``prose_text``), what a symbol stands for (``prose_bind``).
"""

from __future__ import annotations

import re
import unicodedata

PI = "3.141592653589793238462643383279503"  # 34 significant digits
_OPERATORS = str.maketrans(
    {
        **dict.fromkeys("×·⋅∙∗⨯✕✖", " * "),
        **dict.fromkeys("÷∕⁄", "/"),
        **dict.fromkeys("−–‒﹣", "-"),
        **dict.fromkeys("\u00a0\u2007\u2008\u2009\u200a\u202f\u2002\u2003\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\ufeff\u2061", ""),
        **dict.fromkeys("“”„", '"'),
        **dict.fromkeys("‘’′", "'"),
        "≔": "=",
        "∑": "Σ",
        "＝": "=",
        "∣": "|",
        "℃": "°C",
        "℉": "°F",
    }
)
_GREEK = {
    "Α": "Alpha", "Β": "Beta", "Γ": "Gamma", "Δ": "Delta", "∆": "Delta", "Ε": "Epsilon", "Ζ": "Zeta", "Η": "Eta",
    "Θ": "Theta", "Λ": "Lambda", "Μ": "Mu", "Ξ": "Xi", "Φ": "Phi", "Χ": "Chi", "Ψ": "Psi", "Ω": "Omega",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ϑ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "ν": "nu", "ξ": "xi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
_HIGH = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
_LOW = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ", "0123456789aeoxhklmnpstijruv", strict=True))
_FRACTIONS = {
    "½": "(1/2)", "⅓": "(1/3)", "⅔": "(2/3)", "¼": "(1/4)", "¾": "(3/4)", "⅕": "(1/5)", "⅛": "(1/8)", "⅜": "(3/8)",
    "⅝": "(5/8)", "⅞": "(7/8)",
}  # fmt: skip
_DOTTED = re.compile(r"([A-Za-z])\u0307")
_HATS = re.compile(r"[\u0300-\u0306\u0308-\u036f]")
_POWER = re.compile(rf"[{''.join(_HIGH)}]+")
_BELOW = re.compile(rf"(?<=(.))([{''.join(_LOW)}]+)")
_LETTERS = re.compile(rf"[{''.join(_GREEK)}]")
_SCIENTIFIC = re.compile(
    r"(?<![\w.)])(\d+(?:\.\d+)?)\s*(?:\*|\bx\b)\s*10\s*(?:\^|\*\*)\s*(\([-+]?\d{1,2}\)|-?\d{1,2})(?!\d)"
)
_CHEMICAL = re.compile(r"(?<![A-Z])(CO|CH|N|H|O|SO|NO|NH|SF|NF|CF|C)([₀-₉])(O|H|F|e|eq)?([₀-₉])?")


def plain(text: str) -> str:
    """The text with every sign in ASCII: ``Q̇ = ṁ·cₚ·ΔT²`` -> ``Q_dot = m_dot * c_p * Delta_T^(2)``."""
    text = "".join(unicodedata.normalize("NFD", c) if _accented(c) else c for c in text)
    text = _HATS.sub("", _DOTTED.sub(r"\1_dot", text))
    text = text.translate(_OPERATORS)
    for sign, value in _FRACTIONS.items():
        text = text.replace(sign, value)
    text = _CHEMICAL.sub(lambda m: "".join(_LOW.get(c, c) for c in m[0]), text)
    text = _POWER.sub(lambda m: f"^({''.join(_HIGH[c] for c in m[0])})", text)
    text = _BELOW.sub(_subscript, text)
    text = re.sub(r"\bπ|π\b|π", f" {PI} ", text)
    return _SCIENTIFIC.sub(_scientific, _LETTERS.sub(_letter, text))


def _accented(character: str) -> bool:
    return unicodedata.category(character) in {"Lu", "Ll"} and "\u0307" in unicodedata.normalize("NFD", character)


def _scientific(match: re.Match[str]) -> str:
    """``5.67 * 10^(-8)`` as one number; ``x^2 * 10^3`` is none."""
    before = match.string[: match.start()].rstrip()
    return match[0] if before.endswith(("^", "^(", "**")) else f"{match[1]}e{int(match[2].strip('()'))}"


def _subscript(match: re.Match[str]) -> str:
    low = "".join(_LOW[c] for c in match[2])
    return f"_{low}" if match[1].isalnum() or match[1] in _GREEK else low


def _letter(match: re.Match[str]) -> str:
    """A Greek letter as a word of its own; a delta belongs to the letter behind it (``ΔT``), others do not (``ρv``)."""
    text, at, end = match.string, match.start(), match.end()
    name = _GREEK[match[0]]
    before = " " if at and text[at - 1].isalnum() else ""
    after = ""
    if end < len(text) and text[end].isalnum():
        after = "_" if name in {"Delta", "delta"} or text[end].isdigit() else " "
    return f"{before}{name}{after}"
