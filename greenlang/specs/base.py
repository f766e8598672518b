"""What the readers of all dialects share: findings with their place, names, units, bounds, values, golden cases.

Belongs here: what a value means, whichever dialect it stands in. Does not belong here: where a dialect keeps it
(``dialect_*``), which keys there are (``shapes``, ``schema``).
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from greenlang.specs import patterns
from greenlang.specs.diagnostics import Diagnostic, Severity
from greenlang.specs.form import (
    AS_TRUTH,
    FACTOR_URI,
    IN_DIGITS,
    IN_QUOTES,
    SEMVER,
    Checked,
    Open,
    keys_of,
    reason_of,
    shown,
)
from greenlang.specs.ledger import Ledger
from greenlang.specs.model import (
    DType,
    FactorRef,
    Given,
    InputSpec,
    OutputSpec,
    Prose,
    Rows,
    Scalar,
)
from greenlang.specs.source import Document, Path, dotted

ID = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*(?:/[a-z0-9]+(?:[_-][a-z0-9]+)*)*\Z")
VERSION = re.compile(rf"{SEMVER}\Z")
NAME = re.compile(r"[a-z][a-z0-9_]*\Z", re.ASCII)
EF = re.compile(rf"{FACTOR_URI}\Z")
ENTRY = re.compile(r"python://[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z", re.ASCII)
MAX_ID = 120
MAX_NAME = 80
TYPES: dict[str, DType] = {
    **dict.fromkeys(("number", "float", "float64", "float32", "double", "decimal", "numeric", "real"), "float64"),
    **dict.fromkeys(("integer", "int", "int32", "int64", "long", "whole"), "int32"),
    **dict.fromkeys(("string", "str", "text", "date", "datetime", "date-time", "time", "uri", "url", "enum"), "string"),
    **dict.fromkeys(("boolean", "bool"), "bool"),
    **dict.fromkeys(("array", "list", "tuple", "set", "sequence"), "list"),
    **dict.fromkeys(("object", "dict", "mapping", "map", "json", "any"), "object"),
}
INSIDE = "a list or an object; an agent computes with numbers, texts and truth values"
WHOLES = frozenset({"list", "object"})
_MUST = {
    "float64": ("must be a number", IN_DIGITS),
    "int32": ("must be a whole number", IN_DIGITS),
    "string": ("must be a text", IN_QUOTES),
    "bool": ("must be true or false", AS_TRUTH),
}
FORMULA_LIKE = re.compile(r"[\w)\]}]\s*=\s*[\w(\-−Σ∑√]")


@dataclass
class Ports:
    """The inputs and outputs of one part while it is read."""

    inputs: dict[str, InputSpec] = field(default_factory=dict)
    unused: dict[str, InputSpec] = field(default_factory=dict)
    outputs: dict[str, OutputSpec] = field(default_factory=dict)
    prose: list[Prose] = field(default_factory=list)


class BaseReader:
    """Collects findings and the ledger while a document is read. One object reads one file."""

    lenient: Severity = "warning"  # how a slip in an example is told: dialect B refuses it

    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings: list[Diagnostic] = []
        self.ledger = Ledger()
        self.form = Checked(None)

    # --- findings -------------------------------------------------------------------------------------------------

    def add(self, code: str, message: str, hint: str, path: Path, severity: Severity = "error") -> None:
        """Add a finding at the place of a path; nothing is said of a placeholder."""
        if self.form.replaced(path):
            return
        line, column = self.document.place(path)
        self.findings.append(Diagnostic(code, severity, message, hint, line, column, dotted(path)))

    def ignore(self, path: Path, reason: str) -> None:
        """Enter into the ledger that what stands at a path, if anything does, has no effect."""
        if path in self.document.places:
            self.ledger.ignore(path, self.at(path), reason)

    def at(self, path: Path) -> Any:
        """The value at a path of the document; None where there is none."""
        here = self.document.value
        for part in path:
            if isinstance(here, dict):
                here = here.get(part)
            elif isinstance(here, list) and isinstance(part, int) and part < len(here):
                here = here[part]
            else:
                return None
        return here

    def unknown_keys(self) -> None:
        """Say of every key that no type declares that it was not read; refuse what looks like a misspelling."""
        for path, owner in self.ledger.unknown:
            if not issubclass(owner, Open):
                continue
            used = [k for k in keys_of(owner) if not reason_of(owner, k)]
            near = get_close_matches(str(path[-1]).lower(), used, n=1, cutoff=0.85)
            if near and (*path[:-1], near[0]) not in self.document.places:
                self.add("GLS010", f"unknown key `{path[-1]}`", f"did you mean `{near[0]}`?", path)
            elif owner.told is not None:
                self.add(
                    "GLS018",
                    f"`{dotted(path)}` was not read: {owner.rest}",
                    "nothing to do if it is meant for readers",
                    path,
                    owner.told,
                )

    # --- identity -------------------------------------------------------------------------------------------------

    def check_id(self, agent_id: str, path: Path, *, domain: bool = False) -> None:
        """An agent id; with ``domain``, there must be one in front of a slash."""
        if not ID.match(agent_id) or len(agent_id) > MAX_ID or (domain and "/" not in agent_id):
            ought = "lower-case words joined by - or _"
            ought += ", with one or more / between them" if domain else ""
            near = "/".join(re.sub(r"[^a-z0-9_]+", "-", s).strip("-_") for s in _plain(agent_id).split("/"))
            good = near != agent_id and ID.match(near) and len(near) <= MAX_ID and ("/" in near or not domain)
            hint = f"{ought}, such as `{near if good else 'emissions/boiler_v1'}`"
            self.add("GLS013", f"`{agent_id[:MAX_ID]}` is no agent id", hint, path)

    def check_version(self, version: str, path: Path = ("version",)) -> None:
        """A semantic version."""
        if not VERSION.match(version):
            self.add("GLS014", f"`{version}` is no semantic version", "write it as 1.0.0", path)

    def check_entry(self, entry: Any, path: Path, severity: Severity = "error") -> None:
        """An entry point, if there is one."""
        if isinstance(entry, str) and entry and not ENTRY.match(entry):
            self.add(
                "GLS026",
                f"`{entry[:MAX_ID]}` is no entry point",
                "write it as python://package.module:function",
                path,
                severity,
            )

    def check_tools(self, ai: Any, path: Path = ("ai",)) -> None:
        """The entry points of a language model's tools; the code itself is not part of the spec."""
        tools = ai.get("tools") if isinstance(ai, dict) else None
        for i, tool in enumerate(tools if isinstance(tools, list) else ()):
            if isinstance(tool, dict):
                self.check_entry(tool.get("impl"), (*path, "tools", i, "impl"), "warning")

    def name(self, name: str, path: Path) -> None:
        """A name that the generated code can have."""
        if not _is_name(name):
            words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
            near = re.sub(r"[^a-z0-9]+", "_", _plain(words)).strip("_")
            near = next((n for n in (near, f"{near}_value", f"x_{near}") if _is_name(n)), "")
            ought = "lower-case letters, digits and _, starting with a letter, no word of Python"
            message = f"`{name[:80]}` cannot be a name in the generated code"
            self.add("GLS015", message, f"{ought}{f', such as `{near}`' if near else ''}", path)

    def shared_names(self, ports: Ports, path: Path, severity: Severity) -> None:
        """Names that are both an input and an output."""
        for name in ports.outputs.keys() & (ports.inputs.keys() | ports.unused.keys()):
            self.add("GLS015", f"`{name}` is both an input and an output", "rename one", (*path, name), severity)

    # --- values ---------------------------------------------------------------------------------------------------

    def scalar(self, value: Any, dtype: str, path: Path, severity: Severity = "error") -> Scalar | None:
        """A value of a type; a finding and None if it is of another."""
        if value is None:
            return None
        if dtype == "int32" and isinstance(value, Decimal) and value == value.to_integral_value():
            value = int(value)
        ok = {
            "float64": isinstance(value, int | Decimal) and not isinstance(value, bool),
            "int32": isinstance(value, int) and not isinstance(value, bool),
            "string": isinstance(value, str),
            "bool": isinstance(value, bool),
        }.get(dtype, False)
        if not ok:
            must, hint = _MUST.get(dtype, (f"must be of the type {dtype}", "mend the value"))
            if dtype == "string" and isinstance(value, dict | list):
                hint = "write one text"
            self.add("GLS012", f"`{dotted(path)}`: {must}, not {shown(value)}", hint, path, severity)
            return None
        return Decimal(value) if dtype == "float64" else value

    def enum(self, values: Iterable[Any], dtype: str, path: Path) -> Iterator[Scalar]:
        """The allowed values."""
        for i, value in enumerate(values):
            if value is None:
                self.add(
                    "GLS012",
                    f"`{dotted((*path, i))}`: nothing is no {dtype}",
                    "remove it; for an input that may be absent write `required: false`",
                    (*path, i),
                )
            elif (scalar := self.scalar(value, dtype, (*path, i))) is not None:
                yield scalar

    def check_input(self, item: InputSpec, path: Path, keys: Mapping[str, Path] | None = None) -> None:
        """Bounds, enum, default and pattern agree. ``keys``: where each stands, if not under the path."""
        where = {"enum": (*path, "enum"), "default": (*path, "default"), "pattern": (*path, "pattern"), **(keys or {})}
        if item.pattern is not None:
            self._pattern(item.pattern, item.dtype, where["pattern"])
        if not item.numeric and any(b is not None for b in (item.ge, item.gt, item.le, item.lt)):
            self.add("GLS021", f"`{item.name}` is a {item.dtype}; only numbers have bounds", "remove the bounds", path)
            return
        low = item.gt if item.gt is not None else item.ge
        high = item.lt if item.lt is not None else item.le
        strict = item.gt is not None or item.lt is not None
        if low is not None and high is not None and (low > high or (strict and low == high)):
            message = f"no value of `{item.name}` lies between {low} and {high}"
            self.add("GLS021", message, "swap or widen the bounds", path)
            return
        for value in item.enum:
            if why := violates(replace(item, enum=()), value):
                self.add("GLS021", f"`{item.name}` lists {value}, which {why}", "mend the enum", where["enum"])
        if item.default is not None and (why := violates(item, item.default)):
            self.add(
                "GLS021", f"the default {item.default} of `{item.name}` {why}", "mend the default", where["default"]
            )

    def _pattern(self, pattern: str, dtype: str, path: Path) -> None:
        if reason := patterns.problem(pattern):
            self.add(
                "GLS022",
                f"pattern `{pattern}` cannot be used: {reason}",
                "write a regular expression without look-around and back-references, so that it takes linear time",
                path,
            )
        if dtype != "string":
            self.add("GLS022", f"a pattern is for strings, not {dtype}", "remove it", path)

    def gwp_set(self, raw: str | None, path: Path) -> str | None:
        """``AR6`` and ``AR6GWP100`` mean the same: the 100-year values of that report."""
        if raw is None:
            return None
        match = re.fullmatch(r"(SAR|TAR|AR[456])(?:[-_ ]?GWP)?[-_ ]?(20|100|500)?", raw.upper())
        if match is None:
            self.add("GLS023", f"`{raw}` is no GWP set", "AR4, AR5 or AR6; AR6GWP100", path)
            return None
        return f"{match[1]}GWP{match[2] or '100'}"

    # --- references -----------------------------------------------------------------------------------------------

    def reference(
        self, out: dict[str, FactorRef], ref: str, path: Path, *, alias: str | None, region: str = "", **rest: Any
    ) -> None:
        """One reference to factors, under its alias."""
        if not EF.match(ref):
            self.add(
                "GLS030",
                f"`{ref}` is no reference",
                "ef://publisher/dataset/path, such as ef://epa/stationary-combustion/2025",
                (*path, "ref"),
            )
            return
        if alias is None:
            alias = _alias(ref)
            if alias in out and region:
                alias = _alias(f"{ref}_{region}")
        if not re.match(r"[a-z][a-z0-9_]*\Z", alias):
            self.add("GLS015", f"`{alias}` cannot be an alias", "lower-case letters, digits and _", path)
        if alias in out:
            self.add("GLS003", f"two references are called `{alias}`", "give each a `name`", path)
            return
        line, column = self.document.place(path)
        out[alias] = FactorRef(alias, ref, line=line, column=column, region=region, **rest)

    # --- cases -------------------------------------------------------------------------------------------------------

    def case_input(self, case: str, raw: Mapping[str, Any], ports: Ports, path: Path) -> dict[str, Given] | None:
        """The inputs of a case; None if it cannot be run."""
        given: dict[str, Given] = {}
        good = True
        for name, value in raw.items():
            here = (*path, name)
            if name in ports.unused:
                self.ignore(here, INSIDE)
            elif name not in ports.inputs:
                self.add("GLS016", f"{case} gives `{name}`, which is no input", "remove it", here, self.lenient)
                self.ignore(here, "no input of that name")
            elif value is None and not ports.inputs[name].required:
                self.ignore(here, "nothing, for an input that may be left out")
            elif ports.inputs[name].columns:
                rows = self.case_rows(case, value, ports.inputs[name], here)
                good = good and rows is not None
                given |= {} if rows is None else {name: rows}
            elif (scalar := self.scalar(value, ports.inputs[name].dtype, here, self.lenient)) is None:
                good = False
            else:
                if why := violates(ports.inputs[name], scalar):
                    self.add("GLS016", f"{case}: {name} = {scalar} {why}", "mend the case", here, self.lenient)
                    good = False
                given[name] = scalar
        for name in (n for n, x in ports.inputs.items() if x.required and n not in raw):
            self.add("GLS016", f"{case} lacks the input `{name}`", "add it", path, self.lenient)
            good = False
        return given if good or self.lenient == "error" else None

    def case_tables(self, raw: Mapping[str, Any], ports: Ports, path: Path) -> dict[str, Rows]:
        """The rows that a case gives for lists with columns which nothing is computed with so far; nothing is told."""
        told, self.findings = self.findings, []
        names = [n for n, i in ports.unused.items() if i.columns and n in raw]
        found = {n: self.case_rows("", raw[n], ports.unused[n], (*path, n)) for n in names}
        wrong, self.findings = {d.path for d in self.findings}, told
        return {n: rows for n, rows in found.items() if rows is not None and not wrong}

    def case_rows(self, case: str, value: Any, table: InputSpec, path: Path) -> Rows | None:
        """The rows of a table input; None if one does not fit."""
        if not isinstance(value, list):
            message = f"{case}: `{table.name}` must be a list of rows, not {shown(value)}"
            self.add("GLS012", message, "write `- {column: value, ...}` for each row", path, self.lenient)
            return None
        rows: list[dict[str, Scalar]] = []
        columns = Ports(inputs={c.name: c for c in table.columns})
        for i, row in enumerate(value):
            here = (*path, i)
            if not isinstance(row, dict):
                message = f"{case}: row {i + 1} of `{table.name}` must map columns to values, not {shown(row)}"
                self.add("GLS012", message, "write {column: value, ...}", here, self.lenient)
                continue
            read = self.case_input(f"{case}, row {i + 1} of `{table.name}`", row, columns, here) or {}
            cells = {k: v for k, v in read.items() if not isinstance(v, tuple)}
            if all(n in cells for n, column in columns.inputs.items() if column.required):
                rows.append(cells)
        return tuple(rows) if len(rows) == len(value) else None


def _is_name(name: str) -> bool:
    reserved = keyword.iskeyword(name) or name.startswith("model_")
    return NAME.match(name) is not None and not reserved and len(name) <= MAX_NAME


def _plain(text: str) -> str:
    """Lower case, letters without their accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def _alias(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.split("@", maxsplit=1)[0].removeprefix("ef://").lower()).strip("_")


def violates(item: InputSpec, value: Scalar) -> str:
    """Why a value is not allowed for an input, or an empty text."""
    if item.enum and value not in item.enum:
        return f"is none of {', '.join(map(str, item.enum))}"
    usable = item.pattern and isinstance(value, str) and not patterns.problem(item.pattern)  # else reported already
    if usable and not patterns.matches(str(item.pattern), str(value)):
        return f"does not match {item.pattern}"
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        if item.ge is not None and value < item.ge:
            return f"is below {item.ge}"
        if item.gt is not None and value <= item.gt:
            return f"is not above {item.gt}"
        if item.le is not None and value > item.le:
            return f"is above {item.le}"
        if item.lt is not None and value >= item.lt:
            return f"is not below {item.lt}"
    return ""
