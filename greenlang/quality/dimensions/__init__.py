"""The one definition of the twelve dimensions, after appendix C of document 000.

Belongs here: declarations. Does not belong here: measuring (`greenlang.quality.measures`), the page made of them
(`greenlang.quality.page`).
"""

from __future__ import annotations

from greenlang.quality.dimensions.code import DETERMINISM, IMPLEMENTATION, SPECIFICATION, TESTS
from greenlang.quality.dimensions.model import (
    CATEGORIES,
    COMPLEXITY,
    COVERAGE_PERCENT,
    LATENCY_MS,
    MEMORY_MB,
    MINIMUM_TESTS,
    MUTATION_PERCENT,
    README_HEADINGS,
    Dimension,
    Measure,
)
from greenlang.quality.dimensions.pack import COMPLIANCE, DEPLOYMENT, DOCUMENTATION
from greenlang.quality.dimensions.use import BUSINESS, EXIT, IMPROVEMENT, INTEGRATION, OPERATIONS

__all__ = [
    "CATEGORIES",
    "COMPLEXITY",
    "COVERAGE_PERCENT",
    "DIMENSIONS",
    "LATENCY_MS",
    "MEMORY_MB",
    "MINIMUM_TESTS",
    "MUTATION_PERCENT",
    "README_HEADINGS",
    "Dimension",
    "Measure",
]

DIMENSIONS: tuple[Dimension, ...] = (
    SPECIFICATION,
    IMPLEMENTATION,
    TESTS,
    DETERMINISM,
    DOCUMENTATION,
    COMPLIANCE,
    DEPLOYMENT,
    EXIT,
    INTEGRATION,
    BUSINESS,
    OPERATIONS,
    IMPROVEMENT,
)
