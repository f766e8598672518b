"""What a generated GreenLang agent needs to run, and nothing else.

Belongs here: exact decimals, canonical JSON, pinned factors, results, the agent base classes. Does not belong here:
greenlang, pandas, polars, duckdb, or anything beside the standard library and pydantic. Importing reads no file.

    greenlang_sdk.decimals     one declared Decimal context, exact in and out, sums over rows
    greenlang_sdk.canonical    RFC 8785 JSON and SHA-256
    greenlang_sdk.factors      pinned rows of factors and parameters, look-ups that refuse what they do not cover
    greenlang_sdk.models       base classes and field types of an agent's input, output and rows
    greenlang_sdk.results      AgentResult: what `run()` returns
    greenlang_sdk.errors       refusals, which become failed results, and the other exceptions
    greenlang_sdk.lifecycle    AgentSpecV2Base: what every agent does, with hooks, citations and metrics
    greenlang_sdk.agent        the lifecycle again, CalculatorAgent, Tool: what generated agents import
    greenlang_sdk.toolbox      ToolboxAgent: several agents behind one `run()`
    greenlang_sdk.stateless    StatelessAgent: answers that may be kept
    greenlang_sdk.stateful     StatefulAgent: checkpoints on SQLite
    greenlang_sdk.compliance   ComplianceAgent: rules as data
    greenlang_sdk.integrator   IntegratorAgent: source, transformation, sink
    greenlang_sdk.reporter     ReporterAgent: Markdown, HTML, JSON, CSV
    greenlang_sdk.wrapper      plain functions as agents
    greenlang_sdk.logs         a line of JSON for each run
    greenlang_sdk.command      the command line of an agent
    greenlang_sdk.testing      what tests of an agent share
"""

__version__ = "0.1.0"
