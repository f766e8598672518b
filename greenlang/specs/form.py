"""Form: what a dialect's declared types say of a file. One declaration gives the type check, the unknown keys, the
ledger and the JSON Schema.

Belongs here: what all dialects share of that. Does not belong here: the dialects' own types (``schema``,
``dialect_*``), meaning (the readers).

A key of a declared type is used, unless its annotation carries ``Because``: then it is ignored for that reason. A type
is ``Closed`` (an unknown key is refused) or ``Open`` (an unknown key is ignored and told, a misspelling is refused).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo

from greenlang.specs.diagnostics import Diagnostic, Severity
from greenlang.specs.model import LedgerLine
from greenlang.specs.source import Document, Path, dotted


@dataclass(frozen=True, slots=True)
class Because:
    """The reason for which a declared key has no effect."""

    reason: str


class Closed(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Open(BaseModel):
    """A mapping to which authors add keys of their own: those are not read, and that is said."""

    model_config = ConfigDict(extra="allow", strict=True)
    rest: ClassVar[str] = "no key of the dialect"
    told: ClassVar[Severity | None] = "info"  # None: a place for readers, where the ledger is enough


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")
    return Decimal(value)


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _list(value: object) -> object:
    """A single word where a list is expected is a list of one."""
    return [value] if isinstance(value, str) else value


def _text(value: object) -> object:
    """A text that YAML may have taken for a number: the title or the claim of an author."""
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


_WORDS_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer"})]
Positive = Annotated[
    int, BeforeValidator(_whole), Field(gt=0), WithJsonSchema({"type": "integer", "exclusiveMinimum": 0})
]
Words = Annotated[list[str], BeforeValidator(_list), WithJsonSchema(_WORDS_SCHEMA)]
AnyText = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number"]})]
_SEGMENT = "[a-z0-9]+(?:[_-][a-z0-9]+)*"
_SEMVER = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
# What the readers check themselves, with their own codes; the patterns are for editors.
AgentId = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{_SEGMENT}(?:/{_SEGMENT})*$", "maxLength": 120})
]
DomainId = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{_SEGMENT}(?:/{_SEGMENT})+$", "maxLength": 120})
]
Version = Annotated[str, WithJsonSchema({"type": "string", "pattern": _SEMVER})]
FactorUri = Annotated[
    str,
    WithJsonSchema({"type": "string", "pattern": r"^ef://[A-Za-z0-9_.-]+(/[A-Za-z0-9_.()-]+)+(@[A-Za-z0-9_.-]+)?$"}),
]
Scalar = Any  # checked against the dtype by the reader


Add = Callable[..., None]


@dataclass(slots=True)
class Checked:
    """A file's form. ``mended``: where a placeholder stands for something missing or wrong, so that reading can go on.

    ``value`` is the model, made of the file with placeholders where need be; None if not even that could be made.
    """

    value: Any
    mended: set[Path] = field(default_factory=set)

    def touches(self, path: Path) -> bool:
        """Whether a placeholder stands at the path, above it or below it."""
        return any(path[: len(m)] == m or m[: len(path)] == path for m in self.mended)


def checked(model: type[BaseModel], document: Document, add: Add) -> Checked:
    """Check a document against its types; every mistake is added as a finding, at its place."""
    value = document.value
    try:
        return Checked(model.model_validate(value))
    except ValidationError as error:
        problems = error.errors(include_url=False)
    result = Checked(None)
    value = deepcopy(value)
    for _ in range(4):  # a placeholder may show a mistake beneath it; real files need one round
        for problem in problems:
            path = tuple(trimmed(value, problem["loc"]))
            if not any(path[: len(m)] == m for m in result.mended):
                tell(add, model, problem["type"], path, problem["msg"], problem.get("ctx", {}))
            result.mended.add(_mend(model, value, path, problem["type"]))
        try:
            result.value = model.model_validate(value)
        except ValidationError as error:
            problems = error.errors(include_url=False)
        else:
            break
    return result


def tell(
    add: Add,
    model: type[BaseModel],
    kind: str,
    path: Path,
    message: str,
    context: dict[str, Any],
    keys: Iterable[str] | None = None,
) -> None:
    """One of Pydantic's errors as a finding. ``keys``: those known there, if the types do not say."""
    last = path[-1] if path else ""
    if kind == "extra_forbidden":
        known = sorted(keys_at(model, path[:-1]) if keys is None else keys)
        near = get_close_matches(str(last), known, n=1, cutoff=0.6)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known) or 'no keys'}"
        add("GLS010", f"unknown key `{last}`", hint, path)
    elif kind == "missing":
        add("GLS011", f"`{dotted(path)}` is missing", "add it", path)
    else:
        text = message.removeprefix("Value error, ")
        text = text[0].lower() + text[1:] if text else kind
        hint = "see the JSON Schema of the dialect"
        if kind == "literal_error":
            hint = f"allowed: {context.get('expected', '')}"
        elif kind == "string_type":
            hint = "put the value in quotes"
        add("GLS012", f"`{dotted(path)}`: {text}", hint, path)


def trimmed(value: Any, loc: tuple[str | int, ...]) -> Iterator[str | int]:
    """Pydantic's location without its marks for branches of a union ("<mapping>")."""
    for i, part in enumerate(loc):
        inside = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if inside:
            value = value[part]
            yield part
        elif i == len(loc) - 1 and isinstance(value, dict) and str(part).isidentifier():
            yield part


def _mend(model: type[BaseModel], value: Any, path: Path, kind: str) -> Path:
    """Put a placeholder where a value is missing or wrong, drop it where it has a default; return where that was."""
    if not path:
        return path
    parent = value
    for part in path[:-1]:
        parent = parent[part]
    last = path[-1]
    owner = _model(_annotation(model, path[:-1]), parent)
    info = owner.model_fields.get(field_name(owner, str(last))) if owner is not None else None
    if kind == "extra_forbidden" or (info is not None and not info.is_required()):
        parent.pop(last, None)
    else:  # an entry of a mapping or a list keeps its place, so that what names it does not look wrong
        parent[last] = _placeholder(_annotation(model, path) if info is None else info.annotation)
    return path


def _placeholder(annotation: Any) -> Any:
    for branch in _branches(annotation):
        origin = get_origin(branch) or branch
        if origin is Literal:
            return get_args(branch)[0]
        if origin in _EMPTY or (isinstance(origin, type) and issubclass(origin, BaseModel)):
            return _EMPTY.get(origin, dict)()
    return None


_EMPTY: dict[Any, Callable[[], Any]] = {dict: dict, list: list, str: lambda: "?", bool: bool, int: int}


# --- the ledger ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Ledger:
    """What became of each leaf of a file, by path; kept while it is read."""

    lines: dict[Path, LedgerLine] = field(default_factory=dict)
    unknown: list[tuple[Path, type[BaseModel]]] = field(default_factory=list)  # keys that no type declares

    def ignore(self, path: Path, value: Any, reason: str) -> None:
        """Nothing below the path has an effect, for this reason."""
        for leaf in leaves(value, path):
            self.lines[leaf] = LedgerLine(dotted(leaf), "ignored", reason)

    def refuse(self, findings: Iterable[Diagnostic]) -> None:
        """What an error points at is refused."""
        wrong = {d.path: d.message for d in findings if d.severity == "error" and d.path}
        for path, line in self.lines.items():
            if line.path in wrong:
                self.lines[path] = LedgerLine(line.path, "refused", wrong[line.path])

    def all(self) -> tuple[LedgerLine, ...]:
        """Every line, in the order of the file."""
        return tuple(self.lines.values())


def ledger_of(model: type[BaseModel], value: Any) -> Ledger:
    """One line a leaf, by the declared types."""
    out = Ledger()
    _walk(model, value, (), "", out)
    return out


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every scalar and every empty list or mapping."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from leaves(inner, (*path, i))
    else:
        yield path


def _walk(annotation: Any, value: Any, path: Path, reason: str, out: Ledger) -> None:
    if reason or not isinstance(value, dict | list) or not value:
        fate: Literal["used", "ignored"] = "ignored" if reason else "used"
        for leaf in leaves(value, path):
            out.lines[leaf] = LedgerLine(dotted(leaf), fate, reason)
        return
    if isinstance(value, list):
        inner = _inside(annotation, list)
        for i, item in enumerate(value):
            _walk(inner, item, (*path, i), "", out)
        return
    owner = _model(annotation, value)
    if owner is None:
        inner = _inside(annotation, dict)
        for key, item in value.items():
            _walk(inner, item, (*path, key), "", out)
        return
    for key, item in value.items():
        info = owner.model_fields.get(field_name(owner, key))
        if info is not None:
            _walk(info.annotation, item, (*path, key), because(info), out)
        else:
            out.unknown.append(((*path, key), owner))
            _walk(None, item, (*path, key), owner.rest if issubclass(owner, Open) else "an unknown key", out)


def because(info: FieldInfo) -> str:
    """Why a declared key has no effect; empty if it has."""
    return next((m.reason for m in info.metadata if isinstance(m, Because)), "")


# --- finding one's way in the types ----------------------------------------------------------------------------------


def keys_at(model: type[BaseModel], path: Path) -> set[str]:
    """The keys that the types allow at a path."""
    owner = _model(_annotation(model, path), {})
    return keys_of(owner) if owner is not None else set()


def keys_of(owner: type[BaseModel]) -> set[str]:
    """The keys of one type, as authors write them."""
    return {info.alias or name for name, info in owner.model_fields.items()}


def field_name(owner: type[BaseModel], key: str) -> str:
    """The field of a key, which may have an alias in the file."""
    if key in owner.model_fields:
        return key
    return next((n for n, info in owner.model_fields.items() if info.alias == key), key)


def _annotation(model: type[BaseModel], path: Path) -> Any:
    here: Any = model
    for part in path:
        owner = _model(here, {})
        if owner is not None and not isinstance(part, int):
            info = owner.model_fields.get(field_name(owner, str(part)))
            here = info.annotation if info is not None else None
        else:
            here = _inside(here, list if isinstance(part, int) else dict)
    return here


def _branches(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, unions and notes taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for arg in get_args(annotation):
            yield from _branches(arg)
    else:
        yield annotation


def _inside(annotation: Any, container: type) -> Any:
    """What the list or the mapping holds that the annotation allows."""
    return next((get_args(b)[-1] for b in _branches(annotation) if get_origin(b) is container), None)


def _model(annotation: Any, value: Any) -> type[BaseModel] | None:
    """The model that an annotation allows for a mapping, if it allows one: the one that knows most of its keys."""
    models = [b for b in _branches(annotation) if isinstance(b, type) and issubclass(b, BaseModel)]
    if len(models) < 2 or not isinstance(value, dict):
        return models[0] if models else None
    return max(models, key=lambda m: len(keys_of(m) & value.keys()))


def json_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The JSON Schema of a dialect, for editors: draft 2020-12."""
    made = model.model_json_schema()
    _any_of(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": title}


def _any_of(schema: Any) -> None:
    """A mapping may be read in two forms as well as one: oneOf would refuse it."""
    if isinstance(schema, dict):
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
        for inner in schema.values():
            _any_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _any_of(inner)
