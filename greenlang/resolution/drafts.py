"""What can be said in the same pass of a spec that is refused for its form.

Belongs here: how far a spec with mistakes can be trusted. Does not belong here: the checks themselves.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from greenlang.factors.table import FactorTable
from greenlang.formulas.library import FormulaLibrary
from greenlang.resolution import told
from greenlang.resolution.pin import Pinner
from greenlang.resolution.resolve import resolve
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec

# sections that plans rest on
COMPUTED = ("compute", "tests", "provenance", "tools", "agents", "inputs", "outputs", "ai")


def further(
    draft: AgentSpec, findings: tuple[Diagnostic, ...], table: FactorTable, library: FormulaLibrary
) -> tuple[Diagnostic, ...]:
    """Findings beside those of the form: all of them where no mistake touches what is computed, else references."""
    wrong = [d.path for d in findings if d.severity == "error"]
    if not any(_touches(path) for path in wrong):
        return resolve(draft, table, library).diagnostics
    found = (d for part in draft.parts or (draft,) for d in told.references(part, Pinner(part, table)))
    return tuple(dict.fromkeys(d for d in found if not any(path.startswith(d.path) for path in wrong)))


def _touches(path: str) -> bool:
    """Whether a mistake is of a section that is computed with, or of a key that may be meant as one."""
    root = re.split(r"[.\[]", path, maxsplit=1)[0]
    return not root or bool(get_close_matches(root.lower(), COMPUTED, n=1, cutoff=0.8))
