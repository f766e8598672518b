"""Specs that nobody thinks of: every dialect, odd names, texts that try to become code, sound and unsound formulas.

Belongs here: what is drawn, and how it is written in each dialect. Does not belong here: what must come of it
(``test_any_spec``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

# Names that Python, pydantic, the SDK and a generated module use themselves.
NAMES = (
    *("a", "x1", "l", "o", "i", "energy", "row", "n", "value", "values", "name", "result", "results", "key", "index"),
    *("match", "case", "type", "print", "input", "run", "self", "cls", "agent", "copy", "list", "dict", "str", "int"),
    *("float", "bool", "tuple", "set", "object", "sum", "round", "range", "len", "map", "id", "hash", "super", "all"),
    *("decimal", "number", "whole", "text", "truth", "field", "tool", "tools", "lookup", "table", "tables", "given"),
    *("context", "data", "errors", "error", "metadata", "provenance", "steps", "step", "link", "metrics", "health"),
    *("json", "schema", "validate", "construct", "fields", "canonical", "as_dict", "output", "inputs", "outputs"),
    *("execute", "initialize", "finalize", "perform", "prepare", "need", "power", "exp", "ln", "sqrt", "e", "pi"),
    *("sum_over", "round_output", "annotations", "pytest", "case_", "cases", "factors", "models", "logs", "main"),
    *("property", "staticmethod", "abs", "math", "class_", "lambda_", "in_", "true", "none", "null", "test", "exec"),
    *("dtype", "unit", "__name__"[2:-2], "x" * 80, "a_" + "very_" * 13 + "long_name", "a__b", "a_", "a1_2"),
)
WORDS = {"abs", "exp", "ln", "sqrt", "sum", "round", "table", "true", "min", "max"}  # of the formula language
ODD_NAMES = ("lambda", "model_dump", "None", "Decimal", "été", "_x", "a b", "1", "", "x" * 81, "a\nb", "a.b", "T")
# Texts that end a string, a comment, a docstring, a table or a template, and what they would then start.
ATTACKS = (
    '"""\nimport pwned\n"""',
    "'''\nimport pwned\n'''",
    "\\",
    '\\"',
    'ends with a quote"',
    "{{ pwned }} {% pwned %} {# pwned #}",
    "{pwned} %(pwned)s %s ${pwned} $(pwned) `pwned`",
    "\nRUN pwned\nimport pwned\npwned: 1\n[pwned]\n",
    "type: ignore",
    "pragma: no cover",
    "# noqa\n# type: ignore\rpwned\x0cpwned\x85pwned\u2028pwned\u2029pwned",
    "</script><script>pwned</script> <b>&amp; | *pwned* _x_ [a](pwned) ~~~\n```\npwned",
    "\x00pwned\x1b[31m\x7f\ufeff\ufffe",
    "right \u202eto left\u202c \u200f\u200b zero \u00a0 width",
    "- a\n- b: [",
    "yes",
    "null",
    "'",
    " ",
    "😀 ﬁ İ ß ǅ \U0010ffff",
    "long " * 80,
    "w" * 300,
    "TODO FIXME 😀" + "é" * 95,
)
texts = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.lists(st.sampled_from(ATTACKS), min_size=2, max_size=3).map("".join),
)
numbers = st.one_of(
    st.integers(-1000, 1000),
    st.decimals(-1000, 1000, places=3, allow_nan=False).map(float),
    st.sampled_from([0, 1e-30, 1e30, 0.1, -0.0, 2**31, 10**20]),
)
# What a name of a dimension is counted in; the first is what literals of it are written in.
UNITS = {"one": ("1", "%", "kWh/MWh"), "energy": ("kWh", "MJ", "GJ", "therm"), "temperature": ("K", "degC", "degF")}
ODD_UNITS = ("kWhh", "", "?", "tons", "kgCO2e", "USD", "1/0", "kWh**0.5", '"', "kg pwned")
VERSIONS = ("1.0.0", "0.0.1", "10.20.30-rc.1+build.5", "1.0.0-alpha-a.b-c", "2.0.0+-", "1.0", "01.0.0")
IDS = ("any/spec", "a/b/c/d", "x-y/z_w", "os/path", "class/def", "json/json", "1/2", "any/" + "x" * 110, "no", "A/b")
GAS = "ef://desnz/fuels/2025/natural-gas/co2e-per-kwh-gross"
FUELS = "ef://epa/stationary-combustion/2025"


@dataclass(frozen=True)
class Ports:
    """What formulas may use, as they write it: numbers by dimension, texts with their enum, truth values."""

    numbers: dict[str, list[str]]
    words: dict[str, list[str]]
    flags: list[str]


def formula(ports: Ports, dimension: str, depth: int = 3) -> st.SearchStrategy[str]:
    """An expression whose units fit."""

    def again(what: str) -> st.SearchStrategy[str]:
        return st.deferred(lambda: formula(ports, what, depth - 1))

    names = [st.sampled_from(ports.numbers[dimension])] if ports.numbers.get(dimension) else []
    unit = "" if dimension == "one" else f" [{UNITS[dimension][0]}]"
    written = st.sampled_from(["2", "0.5", "0", "1000", "1e-6"]).map(lambda n: f"{n}{unit}")
    if depth == 0:
        return st.one_of(*names, written)
    same, one = again(dimension), again("one")
    options = [
        *names,
        st.tuples(same, st.sampled_from("+-"), same).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), same, same, same).map(lambda t: f"{t[0]}({t[1]}, {t[2]}, {t[3]})"),
        st.tuples(same, st.integers(-2, 6)).map(lambda t: f"round({t[0]}, {t[1]})"),
        st.tuples(condition(ports, depth - 1), same, same).map(lambda t: f"if({t[0]}, {t[1]}, {t[2]})"),
        same.map(lambda t: f"abs(-{t})"),
    ]
    if dimension != "temperature":
        options.append(st.tuples(same, st.sampled_from("*/×÷"), one).map(lambda t: f"({t[0]} {t[1]} {t[2]})"))
    if dimension == "one":
        energy = again("energy")
        options += [
            st.tuples(st.sampled_from(["sqrt", "ln", "exp", "log10"]), same).map(lambda t: f"{t[0]}({t[1]})"),
            st.tuples(same, st.sampled_from(["2", "3", "0.5", "-1", "0"])).map(lambda t: f"({t[0]}) ** {t[1]}"),
            st.tuples(same, same).map(lambda t: f"({t[0]}) ^ ({t[1]})"),
            st.tuples(energy, energy).map(lambda t: f"({t[0]} / {t[1]})"),
        ]
    return st.one_of(options)


def condition(ports: Ports, depth: int) -> st.SearchStrategy[str]:
    """A truth value."""
    options = [
        st.sampled_from(["one", "energy", "temperature"]).flatmap(
            lambda dimension: st.tuples(
                formula(ports, dimension, max(0, depth - 1)),
                st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
                formula(ports, dimension, max(0, depth - 1)),
            ).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        ),
        st.sampled_from(["true", "false", *ports.flags]),
    ]
    for name, allowed in ports.words.items():
        plain = [word for word in allowed if word.isprintable() and '"' not in word and "\\" not in word]
        if plain:
            options.append(
                st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(plain)).map(
                    lambda t, name=name: f'{name} {t[0]} "{t[1]}"'  # type: ignore[misc]
                )
            )
    if depth > 0:
        inner = condition(ports, depth - 1)
        options += [
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            inner.map(lambda t: f"not ({t})"),
        ]
    return st.one_of(options)


def _called(kind: str, name: str) -> str:
    """A name in a formula: with its kind where it is a word of the language."""
    return f"{kind}.{name}" if name in WORDS else name


@st.composite
def inputs(draw: st.DrawFn, *, sound: bool) -> dict[str, dict[str, Any]]:
    """Inputs in the words of dialect B, each with its ``dimension`` beside (none for texts and truth values)."""
    found: dict[str, dict[str, Any]] = {}
    names = st.sampled_from(NAMES if sound else NAMES + ODD_NAMES)
    for name in draw(st.lists(names, min_size=1, max_size=5, unique=True)):
        kind = draw(st.sampled_from(["float64", "float64", "float64", "int32", "string", "bool"]))
        one: dict[str, Any] = {"dtype": kind, "dimension": ""}
        if kind == "float64":
            one["dimension"] = draw(st.sampled_from(sorted(UNITS)))
            odd = () if sound else ODD_UNITS
            one["unit"] = draw(st.sampled_from(UNITS[one["dimension"]] + odd))
        if kind == "int32":
            one["dimension"] = "one"
        if kind in {"float64", "int32"}:
            values = st.integers(-1000, 1000) if kind == "int32" else numbers
            low, high = sorted(draw(st.lists(values, min_size=2, max_size=2, unique=True)))
            if draw(st.integers(0, 5)) == 0:
                one["enum"] = [low, high]
            else:
                one |= {draw(st.sampled_from(["ge", "gt"])): low} if draw(st.booleans()) else {}
                one |= {draw(st.sampled_from(["le", "lt"])): high} if draw(st.booleans()) else {}
            if draw(st.integers(0, 3)) == 0 and "gt" not in one:
                one |= {"required": False, "default": low}
        elif kind == "string" and draw(st.integers(0, 3)):
            one["enum"] = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
        elif kind == "string":
            one["pattern"] = draw(st.sampled_from(['^[A-Z"\\\\]{2}$', "^x\\d+$", "'", "^\\p{Greek}$"]))
        if kind in {"string", "bool"} and draw(st.integers(0, 3)) == 0:
            one["required"] = False
        if draw(st.booleans()):
            one["description"] = draw(texts)
        found[name] = one
    return found


@st.composite
def tools(draw: st.DrawFn, *, sound: bool) -> dict[str, Any]:
    """One calculation: inputs, outputs, formulas, references."""
    given = draw(inputs(sound=sound))
    sure = [name for name, one in given.items() if one.get("required", True) or "default" in one]
    ports = Ports(
        {d: [_called("input", n) for n in sure if given[n]["dimension"] == d] for d in UNITS},
        {_called("input", n): given[n].get("enum", []) for n in sure if given[n]["dtype"] == "string"},
        [_called("input", n) for n in sure if given[n]["dtype"] == "bool"],
    )
    outputs: dict[str, dict[str, Any]] = {}
    formulas: dict[str, str] = {}
    factors: dict[str, str] = {}
    free = [name for name in NAMES if name not in given]
    for name in draw(st.lists(st.sampled_from(free), min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(["one", "energy", "temperature", "one", "truth", "text", "gas", "fuels"]))
        unit = "1"
        if kind in UNITS:
            text = draw(formula(ports, kind))
            unit = UNITS[kind][0] if not sound else draw(st.sampled_from(UNITS[kind]))
            ports.numbers[kind].append(_called("output", name))
        elif kind == "truth":
            text = draw(condition(ports, 2))
        elif kind == "text":
            text = f'if({draw(condition(ports, 1))}, "yes", "a | b")'
        elif kind == "gas":
            text, unit = f"{draw(formula(ports, 'energy', 1))} * factor(gas)", "kgCO2e"
            factors["gas"] = GAS
        else:
            chosen = 'activity = "Natural Gas"'
            if ports.words and draw(st.booleans()):
                chosen = f"activity = {draw(st.sampled_from(sorted(ports.words)))}"
            text = f'{draw(formula(ports, "energy", 0))} * factor(epa, {chosen}, gas = "CO2", per = "mmBtu")'
            unit, factors["epa"] = "kgCO2", FUELS
        whole = kind == "one" and draw(st.integers(0, 4)) == 0
        dtype = {"truth": "bool", "text": "string"}.get(kind, "int32" if whole else "float64")
        outputs[name] = {"dtype": dtype, "unit": unit, "description": draw(texts)}
        formulas[name] = text
    for name, one in given.items():  # an enum that selects a row, among texts that do not
        if one.get("enum") and any(f"activity = {_called('input', name)}," in text for text in formulas.values()):
            one["enum"] = [*one["enum"], "Natural Gas", "Distillate Fuel Oil No. 2"]
    if not sound:
        for name in draw(st.lists(st.sampled_from(sorted(formulas)), max_size=2, unique=True)):
            bad = ["", "energy *", f"{name} + 1", "sum(rows, rows.a)", 'table("mcf", "value", a = b)', "1 / 0", None]
            text = draw(st.one_of(st.sampled_from(bad), texts))
            formulas = {k: v for k, v in formulas.items() if k != name} | ({name: text} if text is not None else {})
    return {"inputs": given, "outputs": outputs, "formulas": formulas, "factors": factors}


@st.composite
def rules(draw: st.DrawFn, tool: dict[str, Any]) -> dict[str, Any]:
    """A declared property: one that may hold, and sentences that are none."""
    left, right = (draw(st.sampled_from(sorted(tool[k]))) for k in ("outputs", "inputs"))
    forms = (
        f"output.{left} >= 0",
        f"output.{left} is nondecreasing in input.{right}",
        f"output.{left} == input.{right} * 1",
        f"output.{left} <= 1e40",
    )
    return {"name": draw(texts), "rule": draw(st.one_of(st.sampled_from(forms), texts))}


@dataclass(frozen=True)
class Drawn:
    """A spec of a dialect, and its overlay."""

    letter: str
    content: dict[str, Any]
    overlay: dict[str, Any] | None = None

    @property
    def texts(self) -> tuple[str, str | None]:
        """Both as JSON, which is YAML."""
        return json.dumps(self.content), json.dumps(self.overlay) if self.overlay is not None else None

    def with_golden(self, cases: list[dict[str, Any]]) -> Drawn:
        """With golden cases, in the words of dialect B."""
        return Drawn(self.letter, self.content | {"tests": self.content["tests"] | {"golden": cases}}, self.overlay)


@st.composite
def specs(draw: st.DrawFn, *, sound: bool | None = None, agent_id: str = "") -> Drawn:
    """A spec of any dialect; ``sound`` for one that is likely to become an agent."""
    good = draw(st.booleans()) if sound is None else sound
    letter = draw(st.sampled_from("BBACD"))
    count = draw(st.integers(1, 3)) if letter in "AC" else 1
    names = draw(st.lists(st.sampled_from(NAMES), min_size=count, max_size=count, unique=True))
    found = {name: draw(tools(sound=good)) for name in names}
    head = {
        "id": agent_id or draw(st.sampled_from(IDS[: 7 if good else None])),
        "name": draw(texts),
        "version": draw(st.sampled_from(VERSIONS[: 5 if good else None])),
        "summary": draw(texts),
        "license": draw(st.sampled_from(["MIT", "Apache-2.0", *ATTACKS])),
        "tags": draw(st.lists(texts, max_size=3)),
        "owners": draw(st.lists(texts, max_size=2)),
    }
    tests = {"properties": [draw(rules(tool)) for tool in list(found.values())[:1] if draw(st.booleans())]}
    if letter == "B":
        return Drawn("B", head | _compute(found[names[0]]) | {"tests": tests})
    overlay = {
        "overlay": 1,
        "spec": {"id": head["id"], "version": head["version"]},
        "reviewed": {"by": draw(texts), "on": draw(texts)},
        "factors": {a: {"ref": r} for tool in found.values() for a, r in tool["factors"].items()},
        "formulas": {
            (f"{part}.{name}" if count > 1 else name): {"expression": text, "source": draw(texts)}
            for part, tool in found.items()
            for name, text in tool["formulas"].items()
        },
    }
    content = {"A": _sections, "C": _agents, "D": _manifest}[letter](head, found)
    return Drawn(letter, content, overlay)


def _plain(port: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in port.items() if key != "dimension"}


def _compute(tool: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": "2.0.0",
        "compute": {
            "entrypoint": "python://x:y",
            "inputs": {name: _plain(one) for name, one in tool["inputs"].items()},
            "outputs": tool["outputs"],
            "factors": {alias: {"ref": ref} for alias, ref in tool["factors"].items()},
            "formulas": tool["formulas"],
        },
    }


def _schema(ports: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Ports in the manner of JSON Schema."""
    kinds = {"float64": "number", "int32": "integer", "string": "string", "bool": "boolean"}
    return {
        name: {"required": True} | {k: v for k, v in one.items() if k not in {"dimension", "dtype"}} | {"type": kind}
        for name, one in ports.items()
        for kind in [kinds[one["dtype"]]]
    }


def _sections(head: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return {
        "agent_metadata": {"agent_id": head["id"], "agent_name": head["name"], "version": head["version"]},
        "description": {"purpose": head["summary"]},
        "tools": {
            "tools_list": [
                {
                    "tool_id": f"tool_{number}",
                    "name": name,
                    "description": head["summary"],
                    "parameters": {"type": "object", "properties": _schema(tool["inputs"])},
                    "returns": {"type": "object", "properties": _schema(tool["outputs"])},
                    "implementation": {"physics_formula": head["name"], "data_source": head["license"]},
                }
                for number, (name, tool) in enumerate(found.items())
            ]
        },
    }


def _agents(head: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    pack = {"id": head["id"], "version": head["version"], "name": head["name"], "description": head["summary"]}
    return {
        "schema_version": "2.0.0",
        "pack": pack | {"license": head["license"]},
        "agents": [
            {"id": name, "name": head["name"], "description": head["summary"]}
            | {kind: [{"name": n} | one for n, one in _schema(tool[kind]).items()] for kind in ("inputs", "outputs")}
            for name, tool in found.items()
        ],
    }


def _manifest(head: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    (tool,) = found.values()
    ports = {kind: [{"name": n} | one for n, one in _schema(tool[kind]).items()] for kind in ("inputs", "outputs")}
    return head | ports | {"kind": "pack", "pack_schema_version": "1.0"}
