"""A total over lines that is refused while a certain overlap stands, or while somebody has not said what is meant.

Belongs here: resolving findings, adding up. Does not belong here: finding overlaps (``overlaps_check``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from greenlang_sdk.decimals import normal_text, round_output

from greenlang.calc.basis import ANY, allowed, shares_of
from greenlang.calc.certificate import plain_values
from greenlang.calc.context import POLICIES
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.overlaps_check import Finding, check
from greenlang.calc.overlaps_lines import METHODS, Line
from greenlang.calc.overlaps_rules import OverlapRules, declared_rules
from greenlang.calc.quantity import CO2E, convert, power_of
from greenlang.calc.records import Share

_Place = tuple[str, str, str]  # scope, category, method
KEEP = ("first", "second", "both")
_WIDE = Context(prec=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What is meant: ``keep`` the first side, the second, or both (they are different emissions after all), and why."""

    finding: str
    keep: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtotal:
    """The part of a total in one scope, or in one category of scope 3, which the scope's own holds too.

    ``scope`` is empty for lines that name none. ``method`` is that of scope 2. ``lines`` counts them.
    """

    scope: str
    category: str
    method: str
    value: Decimal
    lines: int

    @property
    def name(self) -> str:
        """What people call it: scope 2 location-based, category 3.3."""
        if self.category:
            return f"category {self.category}"
        return f"scope {self.scope} {self.method}".strip() if self.scope else "no named scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A line that is not in the total, what it would have added, and why it is not there."""

    id: str
    value: Decimal
    unit: str
    scope: str
    category: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A total, or what stands in its way: ``open`` findings and ``mistakes``; then ``value`` is None.

    ``subtotals`` split it by scope and category and add up to it. ``outside`` holds biogenic CO2 by unit. ``findings``
    are all of them, ``open`` the certain ones that nobody resolved.
    """

    success: bool
    unit: str
    value: Decimal | None = None
    shares: tuple[Share, ...] = ()
    subtotals: tuple[Subtotal, ...] = ()
    outside: Mapping[str, Decimal] | None = None
    lines: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()
    open: tuple[Finding, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values; decimals are texts."""
        return {
            "success": self.success,
            "value": None if self.value is None else normal_text(self.value),
            "unit": self.unit,
            "shares": [{"basis": share.basis, "value": normal_text(share.value)} for share in self.shares],
            "subtotals": plain_values(self.subtotals),
            "outside": {unit: normal_text(value) for unit, value in (self.outside or {}).items()},
            "lines": list(self.lines),
            "left_out": plain_values(self.left_out),
            "findings": [finding.as_dict() for finding in self.findings],
            "open": [finding.id for finding in self.open],
            "resolutions": [
                {"finding": entry.finding, "keep": entry.keep, "reason": entry.reason} for entry in self.resolutions
            ],
            "mistakes": [mistake.as_dict() for mistake in self.mistakes],
        }


def total(
    lines: Iterable[Line],
    *,
    unit: str = "tCO2e",
    method: str = "",
    policy: str = "",
    resolutions: Iterable[Resolution] = (),
    rules: OverlapRules | None = None,
) -> Total:
    """The sum of lines, rounded once, or what stands in its way.

    ``method`` picks one scope 2 method and leaves the lines of the other out. ``policy`` is for CO2e on unlike bases,
    as in a context. Biogenic CO2 is added up by itself.
    """
    work = _Totalling(list(lines), unit, method, policy, list(resolutions), rules or declared_rules())
    return work.total()


class _Totalling:
    def __init__(
        self,
        lines: list[Line],
        unit: str,
        method: str,
        policy: str,
        resolutions: list[Resolution],
        rules: OverlapRules,
    ) -> None:
        self.lines, self.unit, self.method, self.policy = lines, unit, method, policy
        self.resolutions, self.rules = resolutions, rules
        self.left_out: dict[str, str] = {}
        self.mistakes: list[Mistake] = []

    def total(self) -> Total:
        self.asked()
        if self.mistakes:
            return self.refused((), ())
        if self.method:
            self.leave(lambda line: line.method not in {"", self.method}, f"the total is {self.method}")
        findings = check(self.kept(), self.rules)
        resolved = self.resolve(findings)
        standing = tuple(finding for finding in findings if finding.certain and finding.id not in resolved)
        if standing or self.mistakes:
            return self.refused(findings, standing)
        values, outside = self.values()
        shares = self.shares(values)
        if self.mistakes:
            return self.refused(findings, ())
        from greenlang import units

        digits = units.output_decimals(self.unit)
        value = round_output(_sum(values.values()), digits)
        rounded = {basis: round_output(share, digits) for basis, share in shares.items()}
        whole = shares_of(value, rounded)
        return Total(
            success=True,
            unit=self.unit,
            value=value,
            shares=tuple(Share(basis=basis, value=whole[basis]) for basis in sorted(whole)),
            subtotals=self.split(values, value, digits),
            outside=outside,
            lines=tuple(values),
            left_out=self.dropped(),
            findings=findings,
            resolutions=tuple(self.resolutions),
        )

    def refused(self, findings: tuple[Finding, ...], standing: tuple[Finding, ...]) -> Total:
        return Total(
            success=False,
            unit=self.unit,
            left_out=self.dropped(),
            findings=findings,
            open=standing,
            resolutions=tuple(self.resolutions),
            mistakes=tuple(self.mistakes),
        )

    def asked(self) -> None:
        """Whether unit, method, policy and ids can be."""
        try:
            if power_of(CO2E, self.unit) != 1:
                raise Refused("unit", f"{self.unit} is no amount of CO2e", "write tCO2e or kgCO2e")
        except Refused as error:
            self.mistakes.append(error.at("unit"))
        except ValueError as error:
            self.mistakes.append(Mistake("unit", "unit", str(error), "write tCO2e or kgCO2e"))
        for name, value, known in (("method", self.method, METHODS), ("policy", self.policy, ("", *POLICIES))):
            if value not in known:
                self.mistakes.append(Mistake("not_allowed", name, f"`{value}` is unknown", near(value, known)))
        seen: set[str] = set()
        for line in self.lines:
            if line.id in seen:
                self.mistakes.append(Mistake("wrong_type", f"lines.{line.id}", "two lines have this id"))
            seen.add(line.id)

    def leave(self, which: Callable[[Line], bool], reason: str) -> None:
        for line in self.lines:
            if line.id not in self.left_out and which(line):
                self.left_out[line.id] = reason

    def dropped(self) -> tuple[LeftOut, ...]:
        names = ("id", "value", "unit", "scope", "category")
        return tuple(
            LeftOut(**{name: getattr(line, name) for name in names}, reason=self.left_out[line.id])
            for line in self.lines
            if line.id in self.left_out
        )

    def split(self, values: Mapping[str, Decimal], value: Decimal, digits: int) -> tuple[Subtotal, ...]:
        """The total by scope, and by category within scope 3."""
        lines: dict[_Place, list[Decimal]] = defaultdict(list)
        for line in self.kept():
            if line.id in values:
                lines[line.scope, line.category, line.method].append(values[line.id])
        parts = {place: round_output(_sum(found), digits) for place, found in lines.items()}
        parts = _adding_up(parts, value)
        scopes: dict[_Place, list[_Place]] = defaultdict(list)
        for place in sorted(parts, key=_order):
            scopes[place[0], "", "" if place[1] else place[2]].append(place)
        out = []
        for scope, below in scopes.items():
            own = [(scope, below)] + [(place, [place]) for place in below if place[1]]
            out += [
                Subtotal(
                    scope=place[0],
                    category=place[1],
                    method=place[2],
                    value=_sum(parts[one] for one in inner),
                    lines=sum(len(lines[one]) for one in inner),
                )
                for place, inner in own
            ]
        return tuple(out)

    def kept(self) -> list[Line]:
        return [line for line in self.lines if line.id not in self.left_out]

    def resolve(self, findings: tuple[Finding, ...]) -> set[str]:
        """The findings that are resolved; lines that the caller does not keep are left out."""
        known = {finding.id: finding for finding in findings}
        done: set[str] = set()
        for number, entry in enumerate(self.resolutions):
            place = f"resolutions[{number}]"
            finding = known.get(entry.finding)
            if finding is None:
                hint = near(entry.finding, known) or "see the findings"
                self.mistakes.append(Mistake("unknown_input", place, f"there is no finding `{entry.finding}`", hint))
            elif entry.keep not in KEEP:
                message = f"`{entry.keep}` is nothing to keep"
                self.mistakes.append(Mistake("not_allowed", place, message, f"there is {', '.join(KEEP)}"))
            elif not entry.reason.strip():
                self.mistakes.append(Mistake("missing_input", place, "a resolution names its reason"))
            elif finding.id in done:
                self.mistakes.append(Mistake("wrong_type", place, f"`{finding.id}` is resolved twice"))
            else:
                done.add(finding.id)
                dropped = {"first": finding.second, "second": finding.first}.get(entry.keep, ())
                self.leave(lambda line, ids=dropped: line.id in ids, f"{finding.id}: {entry.reason}")  # type: ignore[misc]
        return done

    def values(self) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """What each line adds, in the total's unit, and biogenic CO2 by unit."""
        out: dict[str, Decimal] = {}
        outside: dict[str, Decimal] = {}
        for line in self.kept():
            if line.biogenic:
                outside[line.unit] = _WIDE.add(outside.get(line.unit, Decimal(0)), line.value)
                continue
            try:
                if power_of(CO2E, line.unit) != 1:
                    raise Refused("unit", f"{line.unit} is no CO2e", "bring it to CO2e with a GWP, in a formula")
                made = convert(line.value, line.unit, self.unit, f"lines.{line.id}")
            except Refused as error:
                self.mistakes.append(error.at(f"lines.{line.id}"))
                continue
            out[line.id] = line.value if made is None else made.result
        return out, outside

    def shares(self, values: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """The total's parts by basis; a mistake where unlike ones may not meet."""
        out: dict[str, Decimal] = {}
        for line in self.kept():
            if line.id in values and (line.basis or values[line.id]):
                basis = line.basis or "unstated (given)"
                out[basis] = _WIDE.add(out.get(basis, Decimal(0)), values[line.id])
        named = frozenset(out) - {ANY}
        if len(named) == 1:  # CO2 itself counts the same in every GWP set
            return {next(iter(named)): _sum(out.values())}
        if not allowed(self.policy, named):
            self.mistakes.append(
                Mistake(
                    "mixed_basis",
                    "lines",
                    f"the lines stand on unlike bases: {', '.join(sorted(named))}",
                    f"take factors on one basis, or name a policy: {', '.join(POLICIES)}",
                )
            )
        return out


def _adding_up(parts: dict[_Place, Decimal], value: Decimal) -> dict[_Place, Decimal]:
    """Rounded parts that add up to the rounded total: the largest takes the difference."""
    if parts:
        largest = max(sorted(parts), key=lambda place: abs(parts[place]))
        parts[largest] = _WIDE.add(parts[largest], _WIDE.subtract(value, _sum(parts.values())))
    return parts


def _order(place: _Place) -> tuple[str, int, str]:
    scope, category, method = place
    return (scope or "9", int(category.partition(".")[2] or 0), method)


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _WIDE.add(total, value)
    return total
