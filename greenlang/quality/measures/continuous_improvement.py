"""Continuous improvement: versions and their history, and who answers for them."""

from __future__ import annotations

import ast
import re

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality.measures.results import either, inapplicable, share
from greenlang.quality.measures.subject import Subject

_NUMBER = r"(?:0|[1-9]\d*)"
_WORD = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
SEMANTIC = re.compile(
    rf"(?P<core>{_NUMBER}\.{_NUMBER}\.{_NUMBER})(?:-(?P<pre>{_WORD}(?:\.{_WORD})*))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII
)


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    version = subject.spec.version
    semantic = bool(SEMANTIC.fullmatch(version))
    wrong = [] if semantic else [Detail(f"{version!r} is no semantic version", rule="version")]
    owners = subject.spec.owners
    review = [] if owners else [Detail("the spec names no owner", rule="owners", mend="add `owners`", level="warning")]
    return [
        _changelog(subject),
        either("version", wrong, version),
        _one_version(subject),
        either("review", review, f"owned by {', '.join(owners)}"),
        _history(subject),
    ]


def _changelog(subject: Subject) -> MeasureResult:
    name = "CHANGELOG.md"
    page = subject.page(name)
    entries = [
        (token.map[0] + 1, following.content)
        for token, following in zip(page.tokens, page.tokens[1:], strict=False)
        if token.type == "heading_open" and token.tag == "h2" and token.map
    ]
    if not entries:
        return either("changelog", [Detail("there is no entry", name, rule="changelog")], "")
    line, first = entries[0]
    problems = []
    if subject.spec.version not in re.split(r"[\s\[\]()]+", first):
        problems.append(Detail(f"its first entry is {first}, not this version", name, line, "changelog"))
    end = entries[1][0] - 1 if len(entries) > 1 else len(page.lines)
    if not any(text.strip() for text in page.lines[line:end]):
        problems.append(Detail(f"the entry {first} says nothing", name, line, "changelog"))
    return either("changelog", problems, f"its first entry is {first}")


def _one_version(subject: Subject) -> MeasureResult:
    version, files = subject.spec.version, subject.files
    stated = re.search(r"^version:\s*[\"']?([^\s\"']+)", files.text("pack.yaml"), re.MULTILINE)
    places = {
        "pyproject.toml": str(subject.files.project.get("version", "")),
        "pack.yaml": stated[1] if stated else "",
        f"{subject.case.package}/agent.py": _class_version(subject),
    }
    wrong = [
        Detail(f"states {said or 'no version'}, the spec {version}", path, rule="version")
        for path, said in places.items()
        if said != version
    ]
    said = [d.path for d in wrong]
    return share("one version", len(places) - len(wrong), len(places), "places state the spec's version", said, wrong)


def _class_version(subject: Subject) -> str:
    """The version that the agent's class states."""
    tree = subject.own.get(f"{subject.case.package}/agent.py")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)] if tree else []
    for statement in (s for c in classes for s in c.body):
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Constant):
            continue
        if any(isinstance(t, ast.Name) and t.id == "version" for t in statement.targets):
            return str(statement.value.value)
    return ""


def _history(subject: Subject) -> MeasureResult:
    earlier = subject.case.history
    if earlier is None:
        return inapplicable("history", "the registry was not asked")
    others = [version for version in earlier if version != subject.spec.version]
    if not others:
        return inapplicable("history", "a first version has no history")
    if any(order(version) is None for version in (subject.spec.version, *others)):
        return inapplicable("history", "a version is no semantic one, so there is no order")
    newest = max(others, key=lambda version: order(version) or ())
    if (order(subject.spec.version) or ()) > (order(newest) or ()):
        return inapplicable("history", f"shown, not scored: above {len(others)} earlier versions, the last {newest}")
    below = Detail(f"{newest} was registered before, and is not below", rule="version", level="warning")
    return inapplicable("history", f"shown, not scored: {newest} was registered before, and is not below", [below])


def order(version: str) -> tuple[object, ...] | None:
    """The place of a semantic version among others (semver.org 2.0.0, 11), None for what is none."""
    match = SEMANTIC.fullmatch(version)
    if match is None:
        return None
    core = tuple(int(n) for n in match["core"].split("."))
    words = match["pre"].split(".") if match["pre"] else []
    pre = tuple((0, int(w), "") if w.isdigit() else (1, 0, w) for w in words)
    return (*core, not words, pre)
