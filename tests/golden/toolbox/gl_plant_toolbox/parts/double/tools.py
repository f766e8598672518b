"""The calculations of Double: one function for each output, in exact decimals.

They do not round; the agent rounds once, when every output is known.
"""

from decimal import Decimal

from greenlang_sdk.agent import Tool


def b(*, a: Decimal) -> Decimal:
    """B.

    b = a × 2
    """
    return a * 2


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            b,
            output="b",
            unit="1",
            formula="a × 2",
            decimals=6,
        ),
    )
}
