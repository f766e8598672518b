"""The assets' names and groups, for those who target them by key.

A leaf: imports nothing. Does not belong here: bodies.
"""

EMISSION_FACTORS = "emission_factors"
AGENTS = "agents"
ANALYTICS = "analytics"

SPEC_INBOX = "spec_inbox"
FACTOR_RELEASE = "factor_release"
FACTORY_METRICS = "factory_metrics"
REFERENCE_ASSETS = ("raw_embedded", "factors", "formulas", FACTOR_RELEASE)
AGENT_ASSETS = (
    "agent_spec",
    "agent_code",
    "agent_tests",
    "agent_docs",
    "qa_report",
    "agent_pack",
    "registry_entry",
)
OWNERS = ["team:greenlang"]
