"""What a spec names beside its calculation: other agents in ranges of their versions, regulations and standards.

Belongs here: reading these names, in the forms of all dialects. Does not belong here: which versions there are
(``greenlang.registry``), whether an agent keeps to a regulation: that a spec names one is all that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from semantic_version import SimpleSpec

from greenlang.specs.base import BaseReader
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import ANY, AgentSpec, Dependency, LedgerLine
from greenlang.specs.source import Path, dotted

RANGE_HINT = "write >=1.2,<2 or ^1.2 or ~1.2.3, or one version as 1.2.0"
# An agent and, behind @ or beginning with a sign, its range: core/fuel_agent@1.2.0, core/fuel_agent >=1.2,<2
_IN_RANGE = re.compile(r"(?P<agent>[^\s@<>=!~^*]+)\s*(?:@\s*(?=v?\d|[<>=!~^*])|(?=[<>=!~^]))(?P<range>.+)")
_V = re.compile(r"(?<![^<>=!~^,])v(?=\d)")
_WILD = re.compile(r"(?<![^=,])(\d+(?:\.\d+)?)(?:\.[xX])+(?![^,])")
_LONGEST = 100
_LONGEST_NAME = 200
_MOST = 100  # agents that one needs, regulations that it names
_LISTS = ("standards", "regulations", "frameworks", "standard", "regulation", "framework")
_INSIDE = ("regulatory", "compliance")
_NAMES = ("name", "id", "standard", "regulation", "framework")


def named(reader: BaseReader, text: str, path: Path) -> tuple[str, str]:
    """An agent that is named in a text, and the range of its versions; empty where none is named.

    A text that seems to name a range, and cannot be read so, is a name as it stands, with a finding.
    """
    match = _IN_RANGE.fullmatch(text.strip())
    if match:
        return match["agent"], match["range"].strip()
    if re.search(r"[@\s]", text.strip()):
        said = f"`{text.strip()[:80]}` as a whole is taken for the id of an agent, in any version"
        reader.add(
            "GLS036", said, "write core/fuel_agent, core/fuel_agent@1.2.0 or core/fuel_agent >=1.2,<2", path, "warning"
        )
    return text.strip(), ""


def versions(reader: BaseReader, text: str, path: Path) -> str:
    """A range of versions, without spaces; ``*`` with a finding where it cannot be read.

    ``v1.2`` and ``1.x`` are read as 1.2 and 1.*.
    """
    plain = _WILD.sub(r"\1.*", _V.sub("", "".join(text.split()))) or ANY
    try:
        if len(plain) > _LONGEST:
            raise ValueError(f"more than {_LONGEST} characters")
        SimpleSpec(plain)
    except ValueError:
        reader.add("GLS036", f"`{text[:80]}` is no range of versions", RANGE_HINT, path)
        return ANY
    return plain


def needs(reader: BaseReader, named: Mapping[str, str], path: Path, own: str) -> Iterator[Dependency]:
    """``needs`` of dialects B and D: agent id -> range."""
    for agent_id, text in named.items():
        here = (*path, agent_id)
        reader.check_id(agent_id, here)
        if agent_id == own:
            reader.add("GLS029", f"`{own}` depends on itself", "remove it", here)
        yield Dependency(agent_id, "needs", *reader.document.place(here), versions=versions(reader, text, here))


def regulations(reader: BaseReader, sections: Iterable[str], listed: Iterable[str] = ()) -> tuple[str, ...]:
    """Regulations and standards: those that are listed, and those that sections of the author's own name; each once."""
    found: dict[str, None] = {}
    for i, name in enumerate(listed):
        if len(name) > _LONGEST_NAME:
            reader.add("GLS012", f"a regulation of {len(name)} characters is no name", "name it", ("regulations", i))
        else:
            found[" ".join(name.split())] = None
    for section in sections:
        for name, path in _named(reader.at((section,)), (section,)):
            if len(name) > _LONGEST_NAME:  # prose
                continue
            found[" ".join(name.split())] = None
            reader.ledger.lines[path] = LedgerLine(dotted(path), "used")
    return tuple(name for name in found if name)


def too_many(spec: AgentSpec) -> Iterator[Diagnostic]:
    """No more names than a person writes: the registry looks each of them up."""
    for what, number in (("needed agents", len(spec.needs)), ("regulations", len(spec.regulations))):
        if number > _MOST:
            yield Diagnostic("GLS012", "error", f"{number} {what}; there can be {_MOST}", "name those that count")


def _named(section: Any, path: Path) -> Iterator[tuple[str, Path]]:
    if not isinstance(section, dict):
        return
    for key in _INSIDE:
        yield from _named(section.get(key), (*path, key))
    for key in _LISTS:
        value = section.get(key)
        listed = value if isinstance(value, list) else [value]
        for i, one in enumerate(listed):
            here = (*path, key, i) if isinstance(value, list) else (*path, key)
            if isinstance(one, str):
                yield one, here
            elif isinstance(one, dict):
                for inner in (next((k for k in _NAMES if isinstance(one.get(k), str)), ""), "reference"):
                    if isinstance(one.get(inner), str):
                        yield one[inner], (*here, inner)
