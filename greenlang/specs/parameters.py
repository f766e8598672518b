"""Inputs and outputs in the manner of JSON Schema, as the dialects A, C and D declare them; and their units.

Belongs here: what type, bounds, unit and method a declared parameter has. Does not belong here: which keys there are
(``shapes``), spellings of units (``unit_words``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from greenlang.specs import shapes
from greenlang.specs.base import FORMULA_LIKE, INSIDE, TYPES, WHOLES, BaseReader, Ports
from greenlang.specs.diagnostics import has_errors
from greenlang.specs.form import AS_TRUTH, IN_DIGITS, shown, tell, trimmed
from greenlang.specs.model import (
    NUMERIC,
    DType,
    InputSpec,
    OutputSpec,
    Prose,
    ProseKind,
    UnitFrom,
)
from greenlang.specs.source import Path, dotted
from greenlang.specs.unit_words import (
    IMPERIAL,
    OF_IMPERIAL,
    Reading,
    as_difference,
    is_difference,
    read_unit,
    refined,
    unit_of_name,
    unit_of_text,
)


class ParameterReader(BaseReader):
    """Reads parameters, and says where a unit comes from."""

    def dtype(self, raw: shapes.Parameter, path: Path) -> tuple[DType | None, bool]:
        """The type of a parameter, and whether it may be null; a finding where it cannot be told."""
        key = "type" if raw.type is not None else "dtype"
        written = raw.type if raw.type is not None else raw.dtype
        here = (*path, key) if isinstance(self.at(path), dict) else path
        words = [w for w in written if w != "null"] if isinstance(written, list) else [written]
        nullable = isinstance(written, list) and "null" in written
        if written is None:
            return self._dtype_of_shape(raw, path), False
        known = [TYPES.get(w.strip().lower()) if isinstance(w, str) else None for w in words]
        if len(known) > 1 and None not in known:
            return self._of_several(known, " or ".join(words), here), nullable
        word = words[0] if len(words) == 1 else None
        if known and known[0] is not None:
            return known[0], nullable
        if isinstance(word, str) and re.match(r"(?i)(list|array|dict|optional|sequence|set|tuple)\[", word):
            return ("object" if word.lower().startswith("dict") else "list"), nullable
        if isinstance(word, str) and re.fullmatch(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*", word):
            self._not_computed(f"is of the type `{word}`, a structure that the file does not define", here)
            return "object", nullable
        text = written if isinstance(written, str) else " or ".join(map(str, words)) or "null"
        hint = "number, integer, string, boolean, array or object"
        self.add("GLS012", f"`{dotted(path)}`: `{text}` is no type", hint, here)
        return None, nullable

    def _of_several(self, known: list[DType | None], words: str, path: Path) -> DType:
        """A type that covers several: a whole number is a number; nothing covers a number and a text."""
        if set(known) <= NUMERIC:
            return "float64"
        if len(set(known)) == 1 and known[0] is not None:
            return known[0]
        self._not_computed(f"may be {words}: nothing is computed with it", path)
        return "object"

    def _not_computed(self, what: str, path: Path) -> None:
        owner = path[:-1] if path and path[-1] in {"type", "dtype"} else path
        hint = "declare its numbers, texts and truth values one by one"
        self.add("GLS017", f"`{dotted(owner)}` {what}", hint, path, "warning")

    def _dtype_of_shape(self, raw: shapes.Parameter, path: Path) -> DType | None:
        """The type where none is written but the rest of the keys leave no doubt."""
        values = raw.enum or raw.allowed_values or ([] if raw.const is None else [raw.const])
        if raw.properties is not None:
            return "object"
        if raw.items is not None:
            return "list"
        kinds = {type(v) for v in values}
        for dtype, of in _OF_VALUES:
            if kinds and kinds <= of:
                return dtype
        if raw.pattern is not None or raw.regex is not None:
            return "string"
        if not kinds and (raw.minimum is not None or raw.maximum is not None or raw.units is not None):
            return "float64"
        self.add("GLS011", f"`{dotted((*path, 'type'))}` is missing", "add it: number, integer, string, boolean", path)
        return None

    def effective(self, raw: Any, path: Path) -> Any:
        """A parameter with what its ``$ref`` names, or the one form that its alternatives leave."""
        for _ in range(_MAX_REFS):
            if not isinstance(raw, shapes.Parameter) or self.form.touches(path):
                return raw
            given = {k: v for k, v in raw.model_dump(by_alias=True, exclude_unset=True).items() if k not in _COMBINED}
            other = self._referred(raw.ref, path) if raw.ref is not None else self._combined(raw, path)
            if other is None:
                return raw
            try:
                raw = type(raw).model_validate({**other, **given})
            except ValidationError as error:
                for problem in error.errors(include_url=False):
                    tell(self.add, type(raw), problem, tuple(trimmed(other, problem["loc"])), other, path)
                return raw
        self.add("GLS012", f"`{dotted(path)}`: its references lead in a circle", "write the parameter out", path)
        return shapes.Parameter(type="object")

    def _referred(self, ref: str, path: Path) -> dict[str, Any]:
        place: Path = tuple(ref.removeprefix("#/").split("/"))
        target = self.at(place) if ref.startswith("#/") else None
        if not isinstance(target, dict):
            self._not_computed(f"refers to `{ref}`, which the file does not define", path)
            return {"type": "object"}
        self.ledger.enter(shapes.Parameter, target, place)
        return target

    def _combined(self, raw: shapes.Parameter, path: Path) -> dict[str, Any] | None:
        """What ``allOf`` adds up to, or the one form that ``oneOf`` and ``anyOf`` leave beside nothing."""
        if raw.allOf:
            return {k: v for form in raw.allOf for k, v in form.items()}
        forms = raw.oneOf or raw.anyOf
        if not forms:
            return None
        some = [f for f in forms if f.get("type") != "null"]
        if len(some) == 1:
            kind = some[0].get("type")
            return {**some[0], "type": [kind, "null"]} if isinstance(kind, str) and len(forms) > 1 else some[0]
        kinds = {str(f.get("type")) for f in some}
        values = [v for f in some for v in (f.get("enum") or [f.get("const")])]
        if len(kinds) == 1 and None not in values:
            return {**some[0], "const": None, "enum": values}
        self._not_computed(f"may have one of {len(some)} forms: nothing is computed with it", path)
        return {"type": "object"}

    def parameter_input(
        self, name: str, raw: shapes.Parameter | str, path: Path, *, required: bool | None
    ) -> InputSpec | None:
        """An input; ``required`` is what stands outside of it. Bounds may stand under ``validation``."""
        raw = shapes.Parameter(type=raw) if isinstance(raw, str) else raw
        beside = "validation" if getattr(raw, "validation", None) is not None else "constraints"
        extra: shapes.Bounds | None = getattr(raw, beside, None)
        dtype, nullable = self.dtype(raw, path)
        if dtype is None:
            return None
        bounds, keys = self._bounds([(raw, path), *([(extra, (*path, beside))] if extra else [])])
        values, at_enum = self._choices(raw, path, extra, (*path, beside))
        for key in ("value", "const"):
            if getattr(raw, key) is not None:
                self.ignore((*path, key), "an input has the value that it is given")
        for key in ("formula", "calculation", "calculation_method", "equation"):
            if getattr(raw, key) is not None:
                self.ignore((*path, key), "how an input came about is not this agent's business")
        unit, unit_from = self.unit(name, raw, dtype, path)
        pattern = raw.pattern or raw.regex or (extra and (extra.pattern or extra.regex)) or None
        needed = self._required(raw, required, path)
        item = InputSpec(
            name=name,
            dtype=dtype,
            unit=unit,
            required=needed and raw.default is None and not nullable,
            default=self.scalar(raw.default, dtype, (*path, "default")) if dtype not in WHOLES else None,
            enum=tuple(self.enum(values, dtype, at_enum)) if dtype not in WHOLES else (),
            pattern=pattern if dtype not in WHOLES else None,
            description=" ".join(raw.description.split()),
            unit_from=unit_from,
            **(bounds if dtype not in WHOLES else {}),
        )
        if dtype in WHOLES:
            item = replace(item, columns=self._columns(raw, path) if dtype == "list" else ())
            for key in self.at(path) if isinstance(self.at(path), dict) else ():
                if key not in {"type", "dtype", "name", "description"}:
                    self.ignore((*path, key), INSIDE)
            return item
        self.name(name, path)
        if (raw.enum is not None or raw.allowed_values is not None) and not values:
            self.add("GLS012", f"the enum of `{name}` lists no value", "list values or remove it", at_enum)
        self.check_input(item, path, {"enum": at_enum, **keys})
        return item

    def _columns(self, raw: shapes.Parameter, path: Path) -> tuple[InputSpec, ...]:
        """The columns of a list of flat objects, over which a formula may sum. Nothing is told.

        A number with a unit is required in every row. A text, a truth value and a number whose unit nobody states stay,
        so that rows that carry them are taken: they may be left out, unless a formula uses them. A whole number without
        unit (a scope, a year) is a pure number that no prose sums.
        """
        properties = raw.items.get("properties") if isinstance(raw.items, dict) else None
        told, self.findings = self.findings, []
        columns: list[InputSpec | None] = []
        for name, declared in properties.items() if isinstance(properties, dict) else ():
            place = (*path, "items", "properties", name)
            try:
                named = {"type": declared} if isinstance(declared, str) else declared
                parameter = shapes.Parameter.model_validate(named)
            except ValidationError:
                columns.append(None)
            else:
                columns.append(self.parameter_input(name, parameter, place, required=True))
        broken, self.findings = has_errors(self.findings), told
        good = [c for c in columns if c is not None and c.dtype not in WHOLES]
        if broken or len(good) < len(columns):
            return ()
        counted = (replace(c, unit="1", unit_from="") if c.dtype == "int32" and not c.unit else c for c in good)
        return tuple(replace(c, required=_measured(c), default=None) for c in counted)

    def ports(self, takes: Any, at: Path, gives: Any, to: Path) -> Ports:
        """Inputs and outputs."""
        ports = Ports()
        required, listed = self.listed(takes, at)
        for name, raw, path in listed:
            item = self.parameter_input(name, raw, path, required=name in required)
            if item is not None:
                (ports.inputs if item.dtype not in {"list", "object"} else ports.unused)[name] = item
        names = {n for n, _, _ in listed}
        for name in sorted(required - names):
            message = f"`{name}` is required and not among the parameters"
            self.add("GLS011", message, "declare it, or take it off the list", (*at, "required"))
        for name, raw, path in self.listed(gives, to)[1]:
            self.parameter_output(name, raw, path, ports)
        if isinstance(gives, shapes.ObjectSchema) and gives.required is not None:
            self.ignore((*to, "required"), "an agent gives every output")
        self.shared_names(ports, (*to, "properties"), "info")
        return ports

    def listed(self, ports: Any, path: Path) -> tuple[set[str], list[tuple[str, Any, Path]]]:
        """The names that the object requires, and each parameter with its path."""
        if isinstance(ports, list):
            seen: dict[str, int] = {}
            for i, p in enumerate(ports):
                if p.name in seen:
                    self.add("GLS003", f"`{p.name}` is declared twice", "keep one of the two", (*path, i, "name"))
                seen.setdefault(p.name, i)
            required = {p.name for p in ports if _needed(p)}
            return required, [(n, self.effective(ports[i], (*path, i)), (*path, i)) for n, i in seen.items()]
        if isinstance(ports, dict):
            required = {n for n, p in ports.items() if isinstance(p, str) or _needed(p)}
            return required, [(n, self.effective(p, (*path, n)), (*path, n)) for n, p in ports.items()]
        if not isinstance(ports, shapes.ObjectSchema):
            return set(), []
        if ports.required is not None and not isinstance(ports.required, list | bool):
            self.add("GLS012", "`required` must be a list of names", "write [a, b]", (*path, "required"))
        names = {str(n) for n in ports.required} if isinstance(ports.required, list) else set()
        if ports.required is True:
            names = set(ports.properties)
        places = {n: (*path, "properties", n) for n in ports.properties}
        return names, [(n, self.effective(p, places[n]), places[n]) for n, p in ports.properties.items()]

    def texts(self, value: Any, kind: ProseKind, path: Path, ports: Ports) -> Iterator[Prose]:
        """A method as a text, a list of texts, or a mapping from outputs to texts."""
        if isinstance(value, str):
            if value.strip():
                yield self.prose(value, kind, path)
        elif isinstance(value, dict):
            for name, text in value.items():
                if isinstance(text, str):
                    yield self.prose(text, kind, (*path, name), name if name in ports.outputs else "")
                else:
                    self.ignore((*path, name), "no text")
        elif isinstance(value, list):
            for i, text in enumerate(value):
                if isinstance(text, str):
                    yield self.prose(text, kind, (*path, i))
                else:
                    self.ignore((*path, i), "no text")
        elif value is not None:
            self.add("GLS012", "a method is a text", "write the formula as text", path, "warning")
            self.ignore(path, "no text")

    def _required(self, raw: shapes.Parameter, outside: bool | None, path: Path) -> bool:
        """Whether an input must be given; said by itself, by the list of the object, or by nobody."""
        own = raw.required if isinstance(raw.required, bool) else None
        if isinstance(raw.required, list):  # the list of what is required inside an object
            self.ignore((*path, "required"), shapes.INSIDE.reason)
        elif raw.required is not None and own is None:
            here = (*path, "required")
            message = f"`{dotted(here)}`: must be true or false, not {shown(raw.required)}"
            self.add("GLS012", message, AS_TRUTH, here)
        if raw.optional is not None:
            own = not raw.optional if own is None else own
        if own is False and outside:
            self.add(
                "GLS019",
                f"`{dotted(path)}` is required by the list of its object and says `required: false` itself",
                "keep one of the two",
                (*path, "required"),
                "warning",
            )
        return bool(own) or bool(outside)

    def _bounds(self, raws: list[tuple[shapes.Bounds, Path]]) -> tuple[dict[str, Any], dict[str, Path]]:
        out: dict[str, Any] = {}
        keys: dict[str, Path] = {}
        for raw, path in raws:
            for key, target in _BOUNDS:
                value = getattr(raw, key)
                here = (*path, key)
                if value is None:
                    continue
                if isinstance(value, bool) and key.startswith("exclusive"):  # JSON Schema before draft 6
                    loose, strict = ("ge", "gt") if key == "exclusiveMinimum" else ("le", "lt")
                    if value and loose in out:
                        out[strict] = out.pop(loose)
                    continue
                if isinstance(value, bool) or not isinstance(value, int | Decimal):
                    self.add("GLS012", f"`{dotted(here)}`: must be a number, not {shown(value)}", IN_DIGITS, here)
                    continue
                if target in out and out[target] != Decimal(value):
                    self.add(
                        "GLS019",
                        f"`{dotted(here)}` says {value}, another key of it {out[target]}",
                        "keep one of the two",
                        here,
                    )
                out[target] = Decimal(value)
            for key in ("pattern", "regex"):
                if getattr(raw, key) is not None:
                    keys["pattern"] = (*path, key)
        return out, keys

    def _choices(
        self, raw: shapes.Parameter, path: Path, extra: shapes.Bounds | None = None, beside: Path = ()
    ) -> tuple[list[Any], Path]:
        for bounds, at in ((raw, path), (extra, beside)):
            for key in ("enum", "allowed_values"):
                if bounds is not None and getattr(bounds, key) is not None:
                    return list(getattr(bounds, key)), (*at, key)
        return [], (*path, "enum")

    def parameter_output(self, name: str, raw: shapes.Parameter | str, path: Path, ports: Ports) -> None:
        """An output, with what the author says about how it comes about."""
        raw = shapes.Parameter(type=raw) if isinstance(raw, str) else raw
        dtype, _ = self.dtype(raw, path)
        if dtype is None:
            return
        self.name(name, path)
        unit, unit_from = self.unit(name, raw, dtype, path)
        text = " ".join(raw.description.split())
        self._bounds([(raw, path)])
        self._required(raw, None, path)
        for key in _RANGES:
            if getattr(raw, key) is not None:
                self.ignore((*path, key), "an output is what the calculation gives, whatever is said of its range")
        values, at_enum = self._choices(raw, path)
        allowed = tuple(v for v in values if isinstance(v, Decimal | int | str | bool))
        ports.outputs[name] = OutputSpec(name, dtype, unit, text, unit_from, allowed if dtype not in WHOLES else ())
        if dtype in WHOLES and values:
            self.ignore(at_enum, shapes.INSIDE.reason)
        constant = raw.value if raw.value is not None else raw.const
        if constant is not None and dtype not in WHOLES:
            key = "value" if raw.value is not None else "const"
            if (given := self.scalar(constant, dtype, (*path, key))) is not None:
                ports.prose.append(self.prose(str(given), "value", (*path, key), name))
        for key, kind in _METHODS.items():
            if (method := getattr(raw, key, None)) is not None:
                ports.prose.append(self.prose(method, kind, (*path, key), name))
        if FORMULA_LIKE.search(text):
            ports.prose.append(self.prose(raw.description, "description", (*path, "description"), name))

    def prose(self, text: str, kind: ProseKind, path: Path, output: str = "") -> Prose:
        """A text of the author with its place."""
        return Prose(text.strip(), kind, output, *self.document.place(path))

    # --- units ----------------------------------------------------------------------------------------------------

    def unit(self, name: str, raw: shapes.Parameter, dtype: DType, path: Path) -> tuple[str, UnitFrom]:
        """The unit of a number and who stated it; ("", "") where nobody did."""
        key = "units" if raw.units is not None else "unit"
        stated = raw.units if raw.units is not None else raw.unit
        if raw.units is not None and raw.unit is not None and read_unit(raw.units) != read_unit(raw.unit):
            self.add(
                "GLS019",
                f"`{dotted(path)}` has the unit `{raw.unit}` and the units `{raw.units}`",
                "keep one of the two",
                (*path, "unit"),
            )
        if dtype not in NUMERIC:
            for given in ("unit", "units"):
                if getattr(raw, given) is not None:
                    self.ignore((*path, given), f"only numbers have a unit; this is a {dtype}")
            return "1", "stated"
        if stated is not None and stated.strip():
            found = self._stated(name, stated, (*path, key))
        else:
            found = self._told(name, raw, dtype, path)
        if "gal" in found[0] and IMPERIAL.search(raw.description):
            hint = "until it is clear, nothing is computed with it"
            self.add("GLS020", f"unit `{found[0]}` of `{name}`: {OF_IMPERIAL}", hint, path, "warning")
            return "", ""
        return found

    def _stated(self, name: str, stated: str, path: Path) -> tuple[str, UnitFrom]:
        found, named = read_unit(stated), unit_of_name(name)
        if not found.unit:
            self.add(
                "GLS020",
                f"unit `{stated}` of `{name}`: {found.doubt}",
                "until it is clear, nothing is computed with it; an overlay may state it",
                path,
                "warning",
            )
            return "", ""
        unit = found.unit
        if is_difference(name) and as_difference(unit) != unit:
            self.add(
                "GLS033",
                f"`{name}` is a difference of temperatures: {stated} is read as {as_difference(unit)}",
                "a difference is declared in K or delta_degF",
                path,
                "info",
            )
            return as_difference(unit), "stated"
        if named.unit and refined(named.unit, unit) is None:
            self.add(
                "GLS035",
                f"the name `{name}` says {named.unit}, its unit is {stated}",
                "the unit counts; rename it or mend the unit",
                path,
                "warning",
            )
        return unit, "stated"

    def _told(self, name: str, raw: shapes.Parameter, dtype: DType, path: Path) -> tuple[str, UnitFrom]:
        named, said = unit_of_name(name), unit_of_text(" ".join(raw.description.split()))
        top = raw.maximum if raw.maximum is not None else raw.le if raw.le is not None else raw.max
        if not named.unit and _SHARES & set(name.split("_")) and isinstance(top, int | Decimal) and top <= 1:
            named = Reading("1")  # an efficiency that cannot exceed 1 is no percentage
        said_unit = as_difference(said.unit) if is_difference(name) else said.unit
        if named.unit and said_unit:
            both = refined(named.unit, said_unit)
            if both is None:
                self.add(
                    "GLS035",
                    f"the name `{name}` says {named.unit}, its description {said_unit}",
                    "state the unit in a key of its own",
                    path,
                    "warning",
                )
                return "", ""
            return self._taken(name, both, "name" if both == named.unit else "description", path)
        if said_unit:
            return self._taken(name, said_unit, "description", path)
        if named.unit:
            return self._taken(name, named.unit, "name", path)
        if dtype == "float64":
            why = said.doubt or named.doubt
            self.add(
                "GLS034",
                f"nobody says in what `{name}` is measured{f': {why}' if why else ''}",
                "state its unit; until then nothing is computed with it",
                path,
                "info",
            )
        return "", ""

    def _taken(self, name: str, unit: str, source: UnitFrom, path: Path) -> tuple[str, UnitFrom]:
        self.add(
            "GLS033",
            f"the unit of `{name}` is taken from its {source}: {unit}",
            "state it in a key of its own",
            path,
            "info",
        )
        return unit, source


def _measured(column: InputSpec) -> bool:
    """Whether somebody says in what a column is measured."""
    return column.numeric and bool(column.unit) and bool(column.unit_from)


def _needed(raw: shapes.Parameter) -> bool:
    """Whether a parameter of a list or a mapping must be given where it does not say so itself."""
    return raw.required is None and raw.optional is None and raw.default is None


_BOUNDS = (
    ("minimum", "ge"), ("min", "ge"), ("min_value", "ge"), ("ge", "ge"),
    ("maximum", "le"), ("max", "le"), ("max_value", "le"), ("le", "le"),
    ("gt", "gt"), ("exclusiveMinimum", "gt"), ("lt", "lt"), ("exclusiveMaximum", "lt"),
)  # fmt: skip
_METHODS: dict[str, ProseKind] = {
    "formula": "formula",
    "equation": "formula",
    "calculation": "calculation_method",
    "calculation_method": "calculation_method",
}
_RANGES = (*(key for key, _ in _BOUNDS), "pattern", "regex", "default", "required", "optional")
_COMBINED = frozenset(("$ref", "oneOf", "anyOf", "allOf"))
_MAX_REFS = 8
_OF_VALUES: tuple[tuple[DType, set[type]], ...] = (
    ("string", {str}),
    ("bool", {bool}),
    ("int32", {int}),
    ("float64", {int, Decimal}),
)
_SHARES = frozenset(("efficiency", "factor", "share", "probability", "fraction"))
