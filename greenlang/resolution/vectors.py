"""The vectors that a generated agent must reproduce: golden cases, values of the reference evaluator, refusals.

Belongs here: choosing inputs and saying what is expected of them. Does not belong here: writing tests (the factory).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice

from greenlang_sdk.decimals import CONTEXT

from greenlang.errors import CalculationError
from greenlang.formulas.evaluate import LookupMiss, Tables
from greenlang.resolution import run, samples
from greenlang.resolution.plan import FactorLookup, Missing, OutputPlan, Vector, unique_gaps
from greenlang.resolution.prove import DEFAULT_TOLERANCE
from greenlang.specs.model import AgentSpec, GoldenCase, Scalar
from greenlang.specs.reader import violates

MAX_GAP_VECTORS = 12


def vectors(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], lookups: dict[str, FactorLookup]
) -> Iterable[Vector]:
    """Golden cases, reference values by the evaluator, and inputs that must be answered with a reason."""
    rows = run.tables(lookups)
    for case in spec.golden:
        if case.set_aside or not case.expect:
            continue
        yield Vector(
            case.name,
            "golden",
            dict(case.input),
            {
                n: run.canonical(_exact(e.value), None if not spec.outputs[n].numeric else 34)
                for n, e in case.expect.items()
            },
            tolerances=_tolerances(spec, plans, order, rows, case),
        )
    for i, given in enumerate(samples.combinations(spec, lookups), 1):
        try:
            got = run.outputs(spec, plans, order, rows, given)
        except LookupMiss:
            continue  # what is not covered has vectors of its own
        except CalculationError:
            yield Vector(f"undefined_{i}", "boundary", given, error="calculation")
            continue
        yield Vector(
            f"reference_{i}",
            "reference",
            given,
            {n: run.canonical(v, plans[n].decimals) for n, v in got.items()},
        )
    yield from _gap_vectors(spec, plans, order, lookups)


def unanswered(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], lookups: dict[str, FactorLookup]
) -> Missing | None:
    """The output for which none of the inputs that are tried has an answer: an agent without one cannot be tested."""
    tried = samples.combinations(spec, lookups)
    if not tried:
        lacking = [f"`{n}`" for n, i in spec.inputs.items() if i.required and samples.middle(i, lookups) is None]
        return Missing(order[0], f"no value was found that {', '.join(lacking)} allows; a golden case would show one")
    rows, mend = run.tables(lookups), "a golden case would show one that has"
    for at, name in enumerate(order, 1):
        try:
            run.outputs(spec, plans, order[:at], rows, tried[0])
        except LookupMiss:
            return None
        except CalculationError as error:
            return Missing(name, f"none of the {len(tried)} inputs that were tried has an answer ({error}); {mend}")
    return None


def _tolerances(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], rows: Tables, case: GoldenCase
) -> dict[str, str]:
    """The relative tolerance within which the agent meets each number of a golden case; none where it needs none.

    It is the author's, or the one by which the case was taken for proved; the agent's last rounding comes on top where
    the proof, which does not round, was nearer.
    """
    stated = {n: str(e.tol) for n, e in case.expect.items() if e.tol is not None}
    try:
        got = run.outputs(spec, plans, order, rows, case.input)
    except CalculationError:
        return stated
    for name, wanted in case.expect.items():
        value, expected = got.get(name), _exact(wanted.value)
        if not isinstance(value, Decimal) or not isinstance(expected, Decimal) or not expected:
            continue
        decimals = plans[name].decimals
        answer = Decimal(run.canonical(value, decimals))
        tolerance = wanted.tol if wanted.tol is not None else DEFAULT_TOLERANCE
        if answer != expected and abs(answer - expected) > tolerance * abs(expected):
            last_digit = Decimal(5).scaleb(-(decimals or 0) - 1)
            share = CONTEXT.divide(last_digit, abs(expected))
            stated[name] = str(CONTEXT.next_plus(CONTEXT.add(tolerance, CONTEXT.next_plus(share))))
        elif answer != expected:
            stated[name] = str(tolerance)
    return stated


def _exact(value: Scalar) -> Scalar:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


_OTHER_WORDS = ("DE", "ZZ", "none-of-these", "xx", "other")


def _typed(spec: AgentSpec, name: str, value: str) -> Scalar:
    return int(value) if spec.inputs[name].dtype == "int32" else value


def _gap_vectors(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], lookups: dict[str, FactorLookup]
) -> Iterable[Vector]:
    rows = run.tables(lookups)
    base = samples.base_inputs(spec, lookups)
    if base is None:
        return
    for _, gap in islice(unique_gaps(lookups), MAX_GAP_VECTORS):
        given = dict(base)
        for name, value in gap.selectors:
            other = _other(spec, name, lookups) if value == "*" else _typed(spec, name, value)
            if other is not None:
                given[name] = other
        try:
            run.outputs(spec, plans, order, rows, given)
        except LookupMiss:
            label = "_".join(str(given[n]) for n, _ in gap.selectors)
            yield Vector(f"not_covered_{label}", "gap", given, error="not_covered")
        except CalculationError:
            continue


def _other(spec: AgentSpec, name: str, lookups: dict[str, FactorLookup]) -> Scalar | None:
    """A value of an input without enum that no look-up holds but its pattern and bounds allow."""
    covered = {key[t.inputs.index(name)] for t in lookups.values() if name in t.inputs for key in t.rows}
    words: tuple[Scalar, ...] = (1, 7, 1000, 99_999) if spec.inputs[name].numeric else _OTHER_WORDS
    return next((w for w in words if str(w) not in covered and not violates(spec.inputs[name], w)), None)
