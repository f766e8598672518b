"""Run the agent on one JSON object, from the command line or from standard input.

With AGENT_LOGS=json in the environment, the run is logged on standard error.
"""

import os

from greenlang_sdk.command import main

from . import Agent
from .logs import log_runs

agent = Agent()
if os.environ.get("AGENT_LOGS") == "json":
    log_runs(agent)
raise SystemExit(main(agent))
