"""The assets' names and groups, for those who target them by key.

A leaf: imports nothing. Does not belong here: bodies.
"""

EMISSION_FACTORS = "emission_factors"
AGENTS = "agents"
ANALYTICS = "analytics"

SPEC_INBOX = "spec_inbox"
FACTOR_RELEASE = "factor_release"
FORMULAS = "formulas"
BACK_ENDS_AGREE = "back_ends_agree"  # a check of the formulas
FACTORY_METRICS = "factory_metrics"
MIRROR_TABLES = "mirror_tables"
MORNING_REPORT = "morning_report"
DASHBOARD = "dashboard"
MORNING_TAG = "greenlang/morning"  # of a run: the date of the night that its reports tell of; without it the last one
REFERENCE_ASSETS = ("raw_embedded", "factors", FORMULAS, FACTOR_RELEASE)
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
