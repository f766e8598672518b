"""The sandbox: run generated, hence foreign, code and return a verdict.

Belongs here: confinement, the fork server, verdicts. Does not belong here: judging quality (``greenlang.quality``),
anything that knows Dagster.
"""

from greenlang.sandbox.supervisor import Sandbox
from greenlang.sandbox.trial import MutatedFile, Trial, TrialRequest
from greenlang.sandbox.verdict import CoverageResult, Evaluation, Profile, TestResult, Verdict

__all__ = [
    "CoverageResult",
    "Evaluation",
    "MutatedFile",
    "Profile",
    "Sandbox",
    "TestResult",
    "Trial",
    "TrialRequest",
    "Verdict",
]
