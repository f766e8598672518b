"""What a generated GreenLang agent needs to run, and nothing else.

Belongs here: exact decimals, canonical JSON, pinned factors, results, the agent base classes. Does not belong here:
greenlang, pandas, polars, duckdb, or anything beside the standard library and pydantic. Importing reads no file.

    greenlang_sdk.decimals    one declared Decimal context, exact in and out
    greenlang_sdk.canonical   RFC 8785 JSON and SHA-256
    greenlang_sdk.factors     pinned factor rows and look-ups that refuse what they do not cover
    greenlang_sdk.models      base classes and field types of an agent's input and output
    greenlang_sdk.results     AgentResult: what `run()` returns
    greenlang_sdk.agent       AgentSpecV2Base, CalculatorAgent, Tool
    greenlang_sdk.command     the command line of an agent
    greenlang_sdk.testing     what tests of an agent share
"""

__version__ = "0.1.0"
