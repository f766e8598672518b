"""The tools of the agent: one function for each output, in exact decimals.

Tools do not round; the agent rounds once, when every output is known.
"""

from decimal import Decimal

from greenlang_sdk.agent import Tool
from greenlang_sdk.decimals import power, sqrt

K_AT_ZERO_DEGC = Decimal("273.15")  # zero degC in K


def cop(*, sink: Decimal, lambda_: Decimal, grade: Decimal, cap: Decimal) -> Decimal:
    """Coefficient of performance.

    cop = min(η × T_sink ÷ ΔT, max(1, cap))
    """
    if sink > lambda_:
        return min(
            (sink + K_AT_ZERO_DEGC) / (sink + K_AT_ZERO_DEGC - (lambda_ + K_AT_ZERO_DEGC)) * grade,
            max(Decimal(1), cap),
        )
    return Decimal(1)


def size(*, cop: Decimal, units: Decimal) -> Decimal:
    """Size.

    size = √(cop² ÷ (units × 3))
    """
    return sqrt(power(cop, Decimal(2)) / (units * 3))


def label(*, cop: Decimal) -> str:
    """Label.

    label = good or poor
    """
    return "good" if cop >= 3 else '"poor"'


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            cop,
            output="cop",
            unit="1",
            formula="min(η × T_sink ÷ ΔT, max(1, cap))",
            decimals=3,
        ),
        Tool(
            size,
            output="size",
            unit="1",
            formula="√(cop² ÷ (units × 3))",
            decimals=4,
        ),
        Tool(
            label,
            output="label",
            unit="1",
            formula="good or poor",
        ),
    )
}
