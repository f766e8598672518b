"""Whether factors.json holds the pinned rows, all of them and no others, each as the factor table has it.

The literal audit traces what is there; this one also tells what is not: a row, a key of a look-up, a gap that was left
out, a field of a row (source, table, place, release, licence) that is gone.

Belongs here: that comparison. Does not belong here: what the file holds (`greenlang.factory.manifest`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality.measures.results import inapplicable, none, short
from greenlang.quality.measures.subject import Subject, json_object

NAME = "pinned rows"
_LISTS = {"factors": "key", "tables": "name"}


def measure(subject: Subject) -> MeasureResult:
    """Differences between factors.json and what the resolution pins."""
    if subject.case.resolution.missing:
        return inapplicable(NAME, "not every output has a plan to compare with")
    path = f"{subject.case.package}/factors.json"
    wanted, there = subject.rendered.get(path, b""), subject.files.bytes(path)
    if wanted == there:
        return none(NAME, [], "differences") if wanted else inapplicable(NAME, "no row is pinned")
    if not wanted:
        return none(NAME, [Detail("it is there, and no row is pinned", path, rule="pinned")], "differences")
    found = [Detail(said, path, rule="pinned") for said in _differing(json.loads(wanted), json_object(there))]
    return none(NAME, found, "differences")


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for kind, name in _LISTS.items():
        own = theirs.get(kind)
        rows = [row for row in own if isinstance(row, dict)] if isinstance(own, list) else []
        named = {str(row.get(name)): row for row in rows}
        if len(named) < len(rows):
            yield f"{kind}: one stands there twice"
        for wanted in ours[kind]:
            row = named.pop(wanted[name], None)
            if row is None:
                yield f"{kind}: {wanted[name]} is left out"
                continue
            for field in {**wanted, **row}:
                if wanted.get(field) != row.get(field):
                    yield f"{kind}: {field} of {wanted[name]} {_parted(wanted.get(field), row.get(field))}"
        yield from (f"{kind}: {key} is not pinned" for key in named)


def _parted(ours: Any, theirs: Any) -> str:
    """Where two values part: of lists what is left out or too many."""
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return f"is {_short(theirs)}, pinned is {_short(ours)}"
    out = [one for one in ours if one not in theirs]
    more = [one for one in theirs if one not in ours]
    if out:
        return f"lacks {_short(out[0])}"
    return f"holds {_short(more[0])}, which is not pinned" if more else "is in another order"


def _short(value: Any) -> str:
    return short(json.dumps(value, ensure_ascii=False))
