"""Quality: twelve declared dimensions, each measured by running something.

Belongs here: what is measured, how, with which threshold and weight, and the judgement of one pack. Does not belong
here: running foreign code (``greenlang.sandbox``), what becomes of an agent afterwards (``greenlang.factory.line``).
"""

from greenlang.quality.case import Case, asked, vector_inputs
from greenlang.quality.dimensions import DIMENSIONS, Dimension, Measure
from greenlang.quality.judge import judge, overall
from greenlang.quality.judgement import Judgement
from greenlang.quality.page import page
from greenlang.quality.tools import Findings, PackRef, prepare

__all__ = [
    "DIMENSIONS",
    "Case",
    "Dimension",
    "Findings",
    "Judgement",
    "Measure",
    "PackRef",
    "asked",
    "judge",
    "overall",
    "page",
    "prepare",
    "vector_inputs",
]
