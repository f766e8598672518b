"""Names and sentences for people, proposed by a model. Nothing is computed from them; a person reads them first.

Belongs here: the question and what is checked in its reply. Does not belong here: where the texts go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from greenlang.llm.ask import Ask
from greenlang.llm.numbers import foreign_numbers, known_numbers
from greenlang.llm.prompts import shortened
from greenlang.llm.replies import NamesAndDocs

_MOST_SPEC = 40_000  # characters that are sent


def naming(
    *,
    spec: str,
    ports: Sequence[dict[str, Any]],
    plan: Sequence[dict[str, str]],
    figures: Iterable[Decimal] = (),
    agent: str = "",
) -> Ask[NamesAndDocs]:
    """The question for a title and sentences.

    ``ports`` have ``kind`` (input or output) and ``name``; ``figures`` are those of the tables that the plan uses. A
    reply that names other ports, or a figure that stands neither in the spec nor in the tables, is asked again and
    never returned.
    """
    known = known_numbers(spec, list(figures))
    names = {kind: {str(p["name"]) for p in ports if p["kind"] == kind} for kind in ("input", "output")}

    def check(reply: NamesAndDocs) -> list[str]:
        found = []
        for kind, said in (("input", reply.inputs), ("output", reply.outputs)):
            found += [f"`{name}` is no {kind} of the spec" for name in said if name not in names[kind]]
        for text in (reply.title, reply.summary, *reply.inputs.values(), *reply.outputs.values()):
            found += [f"{n.text} stands neither in the spec nor in the tables" for n in foreign_numbers(text, known)]
        return found

    values = {"spec": shortened(spec, _MOST_SPEC), "ports": list(ports), "plan": list(plan)}
    return Ask("names_and_docs", values, NamesAndDocs, agent=agent, stage="doc_generation", check=check)
