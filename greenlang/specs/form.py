"""Form: what a dialect's declared types say of a file. One declaration gives the type check, the unknown keys, the
ledger (``ledger``) and the JSON Schema (``schemas``).

Belongs here: the kinds of types, the check, finding one's way in them. Does not belong here: the dialects' own types
(``schema``, ``dialect_*``), meaning (the readers).

A key of a declared type is used, unless its annotation carries ``Because``: then it is ignored for that reason. A type
is ``Closed`` (an unknown key is refused) or ``Open`` (an unknown key is ignored and told, a misspelling is refused).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from greenlang.specs.diagnostics import Severity
from greenlang.specs.source import Document, Path, dotted


@dataclass(frozen=True, slots=True)
class Spelled:
    """What a value is called elsewhere -> what it is called here; for hints and repairs."""

    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Because:
    """The reason for which a declared key has no effect."""

    reason: str


class Declared(BaseModel):
    """A mapping of an author's file.

    ``spelled``: what a key of other dialects is called in this one. ``flat``: keys whose own keys stand beside them.
    """

    spelled: ClassVar[dict[str, str]] = {}
    flat: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        """``tags:`` with nothing behind it says nothing; the default counts."""
        if not isinstance(value, dict) or None not in value.values():
            return value
        fields = cls.model_fields
        return {k: v for k, v in value.items() if v is not None or k not in fields or fields[k].is_required()}


class Closed(Declared):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Open(Declared):
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
    """A single word where a list is expected is a list of one; ``a, b`` is a list of two."""
    return [word for part in value.split(",") if (word := part.strip())] if isinstance(value, str) else value


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
SEMVER = (  # the grammar of Semantic Versioning 2.0.0
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
FACTOR_URI = r"ef://[A-Za-z0-9_.-]+(/[A-Za-z0-9_.()-]+)+(@[A-Za-z0-9_.-]+)?"
# What the readers check themselves, with their own codes; the patterns are for editors.
AgentId = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{_SEGMENT}(?:/{_SEGMENT})*$", "maxLength": 120})
]
DomainId = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{_SEGMENT}(?:/{_SEGMENT})+$", "maxLength": 120})
]
Version = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{SEMVER}$"})]
FactorUri = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{FACTOR_URI}$"})]
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
        return self.replaced(path) or any(m[: len(path)] == path for m in self.mended)

    def replaced(self, path: Path) -> bool:
        """Whether a placeholder stands at the path or above it: nothing there is the author's."""
        return any(path[: len(m)] == m for m in self.mended)


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
                tell(add, model, problem, path, value)
            result.mended.add(_mend(model, value, path, problem["type"]))
        try:
            result.value = model.model_validate(value)
        except ValidationError as error:
            problems = error.errors(include_url=False)
        else:
            break
    return result


def tell(add: Add, model: type[BaseModel], problem: ErrorDetails, path: Path, value: Any, base: Path = ()) -> None:
    """One of Pydantic's errors as a finding. ``value`` is what was checked against the model; it stands at ``base``."""
    kind, given, here = problem["type"], problem["input"], (*base, *path)
    if kind == "extra_forbidden":
        owner = _owner(model, path, value)
        add("GLS010", f"unknown key `{path[-1]}`", _known_as(str(path[-1]), owner or model), here)
    elif kind == "missing" or (given is None and kind not in _FORMS):
        add("GLS011", f"`{dotted(here)}` is missing", "add it", here)
    else:
        must, hint = _wrong(kind, problem, _field(model, path, value))
        add("GLS012", f"`{dotted(here)}`: {must}, not {shown(given)}", hint, here)


def _known_as(key: str, owner: type[BaseModel]) -> str:
    spelled = owner.spelled if issubclass(owner, Declared) else {}
    if key in spelled:
        return f"it is called `{spelled[key]}` here"
    if issubclass(owner, Declared) and key in owner.flat:
        return "write what it holds beside the other keys"
    known = sorted(keys_of(owner))
    near = get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known) or 'no keys'}"


IN_QUOTES = "put the value in quotes"  # these hints are what --fix goes by
AS_TRUTH = "write true or false, without quotes"
IN_DIGITS = "write it in decimal digits, without quotes"
_SCALAR_KINDS = {
    "string_type": ("must be a text", IN_QUOTES),
    "bool_type": ("must be true or false", AS_TRUTH),
    "list_type": ("must be a list", "write it as [a, b], or with one `- ` a line"),
}
_FORMS = frozenset(("form_of_ports", "form_of_factors", "form_of_tools"))


def _wrong(kind: str, problem: ErrorDetails, info: FieldInfo | None) -> tuple[str, str]:
    """What a value must be, and the mend."""
    given = problem["input"]
    if kind == "string_type" and isinstance(given, dict | list):
        return "must be a text", "write one text"
    if kind in _SCALAR_KINDS:
        return _SCALAR_KINDS[kind]
    if kind == "literal_error":
        allowed = str(problem.get("ctx", {}).get("expected", "")).replace("'", "`")
        words = next((m.words for m in info.metadata if isinstance(m, Spelled)), {}) if info is not None else {}
        if isinstance(given, str) and given.lower() in words:
            return f"must be {allowed}", f"it is called `{words[given.lower()]}` here"
        return f"must be {allowed}", "write one of these"
    if kind in {"dict_type", "model_type"} or kind.startswith("model_attributes"):
        return "must be a mapping", "write `name: ...` for each, one a line, without `- `"
    text = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    must = text if text.startswith("must ") else f"must be {text[0].lower()}{text[1:]}"
    return must, IN_DIGITS if "number" in must and not isinstance(given, int | Decimal) else "mend the value"


def shown(value: Any) -> str:
    """A value as a message names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text `{value if len(value) <= 40 else value[:37] + '...'}`"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else str(value)


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
    info = _field(model, path, value)
    if kind == "extra_forbidden" or (info is not None and not info.is_required()):
        parent.pop(last, None)
    else:  # an entry of a mapping or a list keeps its place, so that what names it does not look wrong
        parent[last] = _placeholder(_annotation(model, path, value) if info is None else info.annotation)
    return path


def _owner(model: type[BaseModel], path: Path, value: Any) -> type[BaseModel] | None:
    """The type that declares the last key of a path."""
    return model_of(_annotation(model, path[:-1], value), _at(value, path[:-1])) if path else None


def _field(model: type[BaseModel], path: Path, value: Any) -> FieldInfo | None:
    """The declared field at a path, if a type declares it."""
    owner = _owner(model, path, value)
    return fields_of(owner).get(str(path[-1]), (None, None))[0] if owner is not None else None


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = _part(value, part)
    return value


def _part(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def _placeholder(annotation: Any) -> Any:
    for branch in _branches(annotation, None):
        origin = get_origin(branch) or branch
        if origin is Literal:
            return get_args(branch)[0]
        if origin in _EMPTY or (isinstance(origin, type) and issubclass(origin, BaseModel)):
            return _EMPTY.get(origin, dict)()
    return None


_EMPTY: dict[Any, Callable[[], Any]] = {dict: dict, list: list, str: lambda: "?", bool: bool, int: int}


# --- finding one's way in the types ----------------------------------------------------------------------------------


def because(info: FieldInfo) -> str:
    """Why a declared key has no effect; empty if it has."""
    return next((m.reason for m in info.metadata if isinstance(m, Because)), "")


def keys_of(owner: type[BaseModel]) -> set[str]:
    """The keys of one type, as authors write them."""
    return set(fields_of(owner))


def reason_of(owner: type[BaseModel], key: str) -> str:
    """Why a declared key has no effect; empty if it has."""
    return because(fields_of(owner)[key][0])


def _annotation(model: type[BaseModel], path: Path, value: Any) -> Any:
    """What is declared for the value at a path."""
    here: Any = model
    for part in path:
        owner = model_of(here, value)
        if owner is not None and not isinstance(part, int):
            here = fields_of(owner).get(str(part), (None, None))[1]
        else:
            here = inside(here, list if isinstance(part, int) else dict, value)
        value = _part(value, part)
    return here


@cache
def fields_of(owner: type[BaseModel]) -> dict[str, tuple[FieldInfo, Any]]:
    """The fields by the keys of a file, each with its whole type: Pydantic takes the choice of a branch off it."""
    out: dict[str, tuple[FieldInfo, Any]] = {}
    for name, info in owner.model_fields.items():
        chooser = next((m for m in info.metadata if isinstance(m, Discriminator)), info.discriminator)
        whole = Annotated[info.annotation, chooser] if isinstance(chooser, Discriminator) else info.annotation
        out[info.alias or name] = (info, whole)
    return out


@cache
def _taken_apart(annotation: Any) -> tuple[Callable[[Any], Hashable] | None, dict[str, Any], tuple[Any, ...]]:
    """What chooses between the tagged branches of a union, those branches, and all types that are allowed."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *notes = get_args(annotation)
        chooser = next((n.discriminator for n in notes if isinstance(n, Discriminator)), None)
        tagged = {n.tag: arg for arg in get_args(inner) for n in get_args(arg)[1:] if isinstance(n, Tag)}
        return chooser if callable(chooser) else None, tagged, _taken_apart(inner)[2]
    if origin in {Union, UnionType}:
        return None, {}, tuple(b for arg in get_args(annotation) for b in _taken_apart(arg)[2])
    return None, {}, (annotation,)


def _branches(annotation: Any, value: Any) -> tuple[Any, ...]:
    """The types that an annotation allows for a value, unions and notes taken apart."""
    choose, tagged, plain = _taken_apart(annotation)
    chosen = tagged.get(str(choose(value))) if choose is not None else None
    return plain if chosen is None else _branches(chosen, value)


def inside(annotation: Any, container: type, value: Any) -> Any:
    """What the list or the mapping holds that the annotation allows."""
    return next((get_args(b)[-1] for b in _branches(annotation, value) if get_origin(b) is container), None)


def model_of(annotation: Any, value: Any) -> type[BaseModel] | None:
    """The model that an annotation allows for a mapping, if it allows one: the one that knows most of its keys."""
    models = [b for b in _branches(annotation, value) if isinstance(b, type) and issubclass(b, BaseModel)]
    if len(models) < 2 or not isinstance(value, dict):
        return models[0] if models else None
    return max(models, key=lambda m: len(keys_of(m) & value.keys()))
