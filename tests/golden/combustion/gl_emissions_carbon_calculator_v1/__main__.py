"""Run the agent on one JSON object, from the command line or from standard input."""

from greenlang_sdk.command import main

from . import AGENT

raise SystemExit(main(AGENT))
