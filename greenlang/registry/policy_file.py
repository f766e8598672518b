"""Policies as YAML: those that come with greenlang, and those that people write.

Belongs here: reading, with every mistake as a finding that says where and what to write instead. Does not belong here:
what a criterion means (`policy`), which policy is in force (`policy_store`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from greenlang.errors import PolicyError
from greenlang.registry.finding import Finding
from greenlang.registry.policy import Criteria, FastTrack, Policy

FOLDER = Path(__file__).with_name("policies")
DEFAULT = "v3"
MAX_BYTES = 100_000
_RULE = "policy"
_FIELDS = sorted({*Policy.model_fields, *Criteria.model_fields, *FastTrack.model_fields, "experimental", "certified"})


def check(text: str, file: str = "policy") -> tuple[Policy | None, tuple[Finding, ...]]:
    """The policy in a text; None, with every finding, where there are any. ``file`` is named as the place."""
    if len(text.encode()) > MAX_BYTES:
        return None, (Finding(_RULE, file, f"larger than {MAX_BYTES:,} bytes", "a policy is a page of YAML"),)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            return None, (Finding(_RULE, file, "holds an alias (*name)", "write the values out"),)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        problem = getattr(error, "problem", None) or "nested too deep, or no text"
        return None, (Finding(_RULE, place, f"no YAML: {problem}", "mend the line, or the one before"),)
    findings = [_twice(file, key) for key in _repeated(node)]
    if not isinstance(content, dict):
        mend = "begin with `name:` and `promotions:`, as greenlang/registry/policies/v1.yaml"
        return None, (Finding(_RULE, f"{file}:1:1", "holds no fields", mend),)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            findings.append(_finding(file, node, one["loc"], one["type"], one["msg"]))
        return None, tuple(findings)
    return (None, tuple(findings)) if findings else (policy, ())


def parse(text: str, file: str = "policy") -> Policy:
    """The policy in a text. Raises PolicyError with every finding of `check`."""
    policy, findings = check(text, file)
    if policy is None:
        shown = "; ".join(f"{one.place}: {one.message}; {one.mend}" for one in findings)
        raise PolicyError(f"the policy cannot be used: {shown}", findings)
    return policy


@cache
def supplied() -> dict[str, str]:
    """Name -> text of the policies that come with greenlang, the oldest first."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yaml"), key=_number)}


def _number(path: Path) -> tuple[int, str]:
    match = re.fullmatch(r"v(\d+)", path.stem)
    return (int(match[1]) if match else 0, path.stem)


def _finding(file: str, node: yaml.Node | None, loc: Sequence[Any], kind: str, message: str) -> Finding:
    names = [str(part) for part in loc if part != "[key]"]
    line, column = _place(node, names)
    path = ".".join(names) or "the policy"
    if kind == "extra_forbidden":
        near = get_close_matches(names[-1], _FIELDS, n=1)
        mend = f"write `{near[0]}`" if near else f"there are {', '.join(_FIELDS)}"
        return Finding(_RULE, f"{file}:{line}:{column}", f"`{path}` is no field of a policy", mend)
    if kind == "missing":
        return Finding(_RULE, f"{file}:{line}:{column}", f"`{path}` is missing", f"add `{names[-1]}:`")
    said = message.removeprefix("Value error, ")
    return Finding(_RULE, f"{file}:{line}:{column}", f"`{path}`: {said}", _meaning(names[-1] if names else ""))


def _meaning(name: str) -> str:
    for model in (Criteria, FastTrack):
        if name in model.model_fields:
            return f"`{name}` is {model.model_fields[name].description}"
    return "see greenlang/registry/policies/v1.yaml"


def _place(node: yaml.Node | None, names: Sequence[str]) -> tuple[int, int]:
    """Line and column of the deepest field on the way that is there."""
    mark = node.start_mark if node is not None else None
    for name in names:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == name), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
            node = node.value[int(name)]
            mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _repeated(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from _repeated(value)


def _twice(file: str, key: yaml.ScalarNode) -> Finding:
    place = f"{file}:{key.start_mark.line + 1}:{key.start_mark.column + 1}"
    return Finding(_RULE, place, f"`{key.value}` stands twice", "keep one of the two")
