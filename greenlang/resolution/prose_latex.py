r"""Formulas set in LaTeX as the signs that a person writes: ``\frac{\dot{Q}}{\eta \cdot t}`` -> ``((Q̇)/(η · t))``.

Belongs here: the commands that formulas of specs use. Does not belong here: what the signs mean (``prose_signs``). A
command that is not listed stays as it is, and the statement is refused for its backslash.
"""

from __future__ import annotations

import re

MAX_DEPTH = 20
_SIGNS = {
    **dict.fromkeys(("cdot", "times", "ast"), " · "),
    **dict.fromkeys(("le", "leq"), " <= "),
    **dict.fromkeys(("ge", "geq"), " >= "),
    **dict.fromkeys(("approx", "simeq", "propto"), " ≈ "),
    **dict.fromkeys(("left", "right", "displaystyle", "big", "Big", "limits"), ""),
    **dict.fromkeys(("quad", "qquad", "to", "rightarrow"), " "),
    "div": " ÷ ", "sum": "Σ", "pm": "±", "neq": " != ",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "varphi": "φ", "psi": "ψ", "omega": "ω", "Omega": "Ω", "Phi": "Φ", "Sigma": "Σ",
    "ln": " ln", "exp": " exp", "log": " log", "min": " min", "max": " max",
}  # fmt: skip
_WORDS = frozenset(("text", "mathrm", "mathit", "mathbf", "mathsf", "textrm", "textit", "operatorname", "bar", "hat",
                    "overline", "vec", "rm"))  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?\s*")
_BLANKS = re.compile(r"\\[,;:! ]|~")
_FENCES = re.compile(r"\\[\[\]()]|\$\$")


def unlatex(text: str) -> str:
    """The text with its LaTeX commands as plain signs; a text without any is handed back as it is."""
    if "\\" not in text:
        return re.sub(r"(?m)^\s*\$([^$\n]*)\$\s*$", r"\1", text)
    if _depth(text) > MAX_DEPTH:
        return text
    text = _FENCES.sub(" ", text.replace("\\\\", "\n")).replace("$", " ")
    text = _BLANKS.sub(" ", re.sub(r"\\([%_&#])", r"\1", text))
    return _braced(_commands(text))


def _depth(text: str) -> int:
    """How deep braces stand in one another."""
    depth = deepest = 0
    for sign in text:
        depth += (sign == "{") - (sign == "}")
        deepest = max(deepest, depth)
    return deepest


def _commands(text: str) -> str:
    out, at = "", 0
    while match := _COMMAND.search(text, at):
        out += text[at : match.start()]
        said, at = _command(match[1], text, match)
        out += said
    return out + text[at:]


def _command(name: str, text: str, match: re.Match[str]) -> tuple[str, int]:
    """What a command is, and where the text goes on behind it."""
    at = match.end()
    if name in {"frac", "dfrac", "tfrac"}:
        above, at = _argument(text, at)
        below, at = _argument(text, at)
        return f" (({above})/({below}))", at
    if name == "sqrt":
        inner, at = _argument(text, at)
        return f" √({inner})", at
    if name == "dot":
        inner, at = _argument(text, at)
        return f"{inner[:1]}\u0307{inner[1:]}", at
    if name in _WORDS:
        return _argument(text, at)
    if name == "Delta":
        return "Δ", at
    if name in _SIGNS:
        return _SIGNS[name] + (" " if text[match.end() - 1].isspace() else ""), at
    return match[0], at


def _argument(text: str, at: int) -> tuple[str, int]:
    """What stands in the braces at a place (or the one sign there), its own commands read, and where it ends."""
    while at < len(text) and text[at].isspace():
        at += 1
    if text[at : at + 1] != "{":
        return text[at : at + 1], at + 1
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if depth == 0:
            return _commands(text[at + 1 : end]), end + 1
    return _commands(text[at + 1 :]), len(text)


def _braced(text: str) -> str:
    """Powers and subscripts without their braces: ``x^{2}`` -> ``x^(2)``, ``CO_{2}e`` -> ``CO2e``."""
    text = re.sub(r"\b(CO|CH|N)_\{?(\d)\}?\s*(O|e)?(?![a-z])", r"\1\2\3", text)
    text = re.sub(r"\^\{([^{}]*)\}", r"^(\1)", text)
    return re.sub(r"_\{([^{}]*)\}", lambda m: "_" + re.sub(r"[\s,]+", "_", m[1].strip()), text)
