"""What a dimension and a measure are, and the thresholds.

Belongs here: types and figures. Does not belong here: the dimensions themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

COVERAGE_PERCENT = 85.0
MINIMUM_TESTS = 40
MUTATION_PERCENT = 95.0
COMPLEXITY = 10
LATENCY_MS = 50.0
MEMORY_MB = 64.0
CATEGORIES = ("unit", "golden", "boundary", "property", "determinism", "integration")
README_HEADINGS = ("Install and run", "Inputs", "Outputs", "Emission factors", "Not covered", "Tests", "Licence")


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured.

    ``what`` and ``how`` are said in the page; the figure is in ``unit`` and is met at ``threshold``. With ``must`` the
    dimension fails unless it is met; without, it costs score only. ``evidence`` is what is kept of it.
    """

    name: str
    what: str
    how: str
    evidence: str
    must: bool = True
    unit: str = "percent"
    threshold: str = "100"


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension. Its score is the mean of its applicable measures, 0 to 100; it passes at ``threshold`` with every
    must that applies met. Without an applicable measure it is not applicable.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    threshold: float
    weight: float
    required: bool
    unit: str = "percent"

    def measure(self, name: str) -> Measure:
        """The measure of that name. Raises KeyError."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(name)
