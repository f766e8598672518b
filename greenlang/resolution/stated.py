"""Plans that the spec states without a formula: an equality among its properties, and the runtime's own values.

Belongs here: ``output.x == ...`` as a plan, and the SHA-256 of the calculation chain. Does not belong here: trying
properties (``prove``), formulas (``given``).
"""

from __future__ import annotations

from greenlang.errors import FormulaError
from greenlang.formulas.tree import Name, Node, SystemValue, walk
from greenlang.resolution.match import words
from greenlang.resolution.plan import Evidence, OutputPlan
from greenlang.resolution.properties import Relation
from greenlang.resolution.work import Work
from greenlang.specs.diagnostics import Diagnostic

_DIGEST_WORDS = frozenset({"sha", "hash", "digest"})


def equalities(work: Work) -> None:
    """What an equality defines and nothing else gives."""
    for rule in work.rules:
        if not isinstance(rule, Relation) or rule.defines is None or rule.expression is None:
            continue
        name, expression = rule.defines, rule.expression
        if name in work.plans and rule.other is not None:
            name, expression = rule.other
        if name in work.plans or name in work.wrong or not work.spec.outputs[name].numeric:
            continue
        if _leads_to(work, expression, name):
            continue  # it would close a circle, so it is a check and no plan
        note = Evidence("property", f"`{rule.source.name}` states {rule.source.rule}")
        try:
            work.plan(work.spec.outputs[name], "property", rule.source.rule, expression, notes=(note,))
        except FormulaError as error:
            work.findings.append(
                Diagnostic(
                    "GLS041",
                    "error",
                    f"property `{rule.source.name}`: {error}",
                    "mend the rule",
                    rule.source.line,
                    rule.source.column,
                )
            )


def _leads_to(work: Work, node: Node, target: str) -> bool:
    """Whether an expression needs an output, directly or through the plans of others."""
    seen: set[str] = set()
    ahead = [p.name.removeprefix("output.") for p in walk(node) if isinstance(p, Name)]
    while ahead:
        name = ahead.pop()
        if name == target and name in work.spec.outputs:
            return True
        if name in work.plans and name not in seen:
            seen.add(name)
            ahead += [p.name for p in walk(work.plans[name].expression) if isinstance(p, Name) and p.kind == "output"]
    return False


def system(work: Work) -> None:
    """Outputs that are named as the digest of the calculation."""
    for out in work.spec.outputs.values():
        named = words(out.name) | words(out.description)
        chain = "provenance" in named or "calculation" in named
        if out.name in work.plans or out.dtype != "string" or not chain or not named & _DIGEST_WORDS:
            continue
        note = f'named by the spec: {out.name}, "{out.description}"'
        node = SystemValue("provenance", type="text")
        work.plans[out.name] = OutputPlan(
            out.name, "system", node, "SHA-256 of the calculation chain", None, evidence=(Evidence("note", note),)
        )
