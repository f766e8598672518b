"""What is given for a spend, and reading it from plain values.

Belongs here: the shape of a spend, with every mistake collected. Does not belong here: the steps (``spend``), the
user's tables (``spend_tables``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from greenlang_sdk.decimals import normal_text

from greenlang.calc.accounting_rules import declaration
from greenlang.calc.given import GivenRef, GivenRequest, read_given
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import exact, read_number
from greenlang.calc.spend_tables import read_currency, read_year
from greenlang.formulas.declare import FormulaSymbol

_CATEGORIES = ("", *(f"3.{number}" for number in range(1, 16)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """An amount of money spent in a year, and on what.

    ``vat``: none (there is none on it), excluded, included; then ``vat_rate`` in percent and whether it is
    ``vat_deductible`` are needed. ``price_basis`` of the amount: purchaser or basic. ``series`` names a price
    index, ``product`` a margin, where several are given. ``factor_price_year`` and ``factor_price_basis`` are for a
    factor whose publisher does not say, and need ``factor_citation``.
    """

    id: str
    amount: Decimal
    currency: str
    year: int
    factor: GivenRef | GivenRequest
    vat: str
    vat_rate: Decimal | None = None
    vat_deductible: bool | None = None
    price_basis: str = "purchaser"
    series: str = ""
    product: str = ""
    factor_price_year: int | None = None
    factor_price_basis: str = ""
    factor_citation: str = ""
    category: str = ""
    place: str = ""


def read_spend(raw: Mapping[str, Any]) -> tuple[Spend | None, list[Mistake]]:
    """A spend from plain values with the names of `Spend`; ``amount`` may be "1200 EUR". Every mistake is collected."""
    wrong: list[Mistake] = []
    for name in raw:
        if name not in Spend.__slots__:
            wrong.append(
                Mistake("unknown_input", str(name), "there is no such entry", near(str(name), Spend.__slots__))
            )
    said: dict[str, Any] = {}
    for name, read in _READERS.items():
        try:
            found = read(raw.get(name))
        except Refused as error:
            wrong.append(error.at(name))
            continue
        if found is not None:
            said[name] = found
    amount = said.pop("amount", None)
    if amount is not None:
        said["amount"], written = amount
        if written and raw.get("currency") not in {None, "", written}:
            wrong.append(Mistake("unit", "currency", f"the amount is in {written}", "name the currency once"))
        if written:
            try:
                said["currency"] = read_currency(written)
            except Refused as error:
                wrong.append(error.at("amount"))
    if _text(raw.get("factor")) is None:
        wrong.append(Mistake("missing_input", "factor", "the factor is missing", "give ef://... or a request"))
    else:
        symbol = FormulaSymbol("factor", "kgCO2e/USD", "factor per unit of money")
        found, mistakes = read_given(raw["factor"], symbol, "factor")
        wrong += mistakes
        if isinstance(found, (GivenRef, GivenRequest)):
            said["factor"] = found
        elif not mistakes:
            wrong.append(Mistake("wrong_type", "factor", "a factor row is needed", "give ef://... or a request"))
    wrong += _unsaid(said, {mistake.place for mistake in wrong})
    return (None, wrong) if wrong else (Spend(**said), [])


def _unsaid(said: Mapping[str, Any], told: set[str]) -> list[Mistake]:
    """What a spend must say and does not."""
    out = []
    needed = {
        "id": "give it a name",
        "amount": 'write it like "1200 EUR"',
        "currency": "write its ISO 4217 code",
        "year": "the year in which it was spent",
        "vat": f"say whether the amount holds value added tax: {', '.join(declaration('spend')['vat'])}",
    }
    for name, mend in needed.items():
        if name not in said and name not in told and not (name == "currency" and "amount" in told):
            out.append(Mistake("missing_input", name, f"the {name} is missing", mend))
    if said.get("vat") == "included":
        for name, mend in (("vat_rate", "give it in percent"), ("vat_deductible", "say true or false")):
            if name not in said and name not in told:
                out.append(Mistake("missing_input", name, "the amount holds value added tax", mend))
    if ("factor_price_year" in said or "factor_price_basis" in said) and not said.get("factor_citation"):
        message = "what the publisher does not say needs a source"
        out.append(Mistake("missing_input", "factor_citation", message, "cite it"))
    return out


def _text(raw: object) -> str | None:
    return None if raw is None or str(raw).strip() == "" else str(raw).strip()


def _whole_amount(raw: object) -> tuple[Decimal, str] | None:
    if raw is None:
        return None
    value, written = read_number(raw if isinstance(raw, str) else normal_text(_decimal(raw) or Decimal(0)))
    if value < 0:
        mend = "net a credit note against the invoice that it belongs to"
        raise Refused("out_of_range", f"an amount of {normal_text(value)} is less than nothing", mend)
    return value, written


def _decimal(raw: object) -> Decimal | None:
    return None if raw is None or raw == "" else exact(raw.strip() if isinstance(raw, str) else raw)


def _percent(raw: object) -> Decimal | None:
    found = _decimal(raw)
    if found is not None and not 0 <= found <= 100:
        raise Refused("out_of_range", f"a rate of {found} % cannot be", "give it in percent: 20")
    return found


def _one_of(name: str) -> Any:
    def read(raw: object) -> str | None:
        known = declaration("spend")[name]
        text = _text(raw)
        if text is not None and text not in known:
            raise Refused("not_allowed", f"`{text}` is unknown", near(text, known))
        return text

    return read


def _answer(raw: object) -> bool | None:
    if raw is None or isinstance(raw, bool):
        return raw
    text = str(raw).strip().lower()
    if text not in {"true", "false"}:
        raise Refused("wrong_type", f"`{raw}` is neither true nor false")
    return text == "true"


def _category(raw: object) -> str | None:
    text = _text(raw)
    if text is not None and text not in _CATEGORIES:
        raise Refused("not_allowed", f"`{text}` is no category of scope 3", "write 3.1 to 3.15")
    return text


_READERS: dict[str, Any] = {
    "id": _text,
    "amount": _whole_amount,
    "currency": lambda raw: None if _text(raw) is None else read_currency(str(_text(raw))),
    "year": lambda raw: None if _text(raw) is None else read_year(raw),
    "vat": _one_of("vat"),
    "vat_rate": _percent,
    "vat_deductible": _answer,
    "price_basis": _one_of("price_basis"),
    "series": _text,
    "product": _text,
    "factor_price_year": lambda raw: None if _text(raw) is None else read_year(raw),
    "factor_price_basis": _one_of("price_basis"),
    "factor_citation": _text,
    "category": _category,
    "place": _text,
}
