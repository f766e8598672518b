"""Mutants of a pack: its own code with one slip in it, which its own tests should notice.

Belongs here: which slips, where, which of them are tried. Does not belong here: running them
(``greenlang.sandbox``), judging what became of them (``greenlang.quality.measures``).

    for mutant in mutants(resolution, pack, package, alternatives=alternatives_in(table)):
        mutant.file     what the sandbox runs
        mutant.told()   the line of the report
"""

from greenlang.quality.mutation.choose import mutants
from greenlang.quality.mutation.model import Mutant, Operator
from greenlang.quality.mutation.operators import OPERATORS
from greenlang.quality.mutation.tables import Alternatives, alternatives_in

__all__ = ["OPERATORS", "Alternatives", "Mutant", "Operator", "alternatives_in", "mutants"]
