"""What a CI system says of its job in environment variables.

Where git has the same, git has the last word; these are for what a checkout does not say (the
target branch, the number of the pull request) and for jobs without a repository.
"""

from __future__ import annotations

from socklat_gate.ci_variables.run import NO_CI, CiRun, ci_run, fetch_all, queued_for
from socklat_gate.ci_variables.system import REQUEST_REF, CiSystem, repository_of
from socklat_gate.ci_variables.systems import SYSTEMS
from socklat_gate.ci_variables.teamcity import with_properties

__all__ = [
    "NO_CI",
    "REQUEST_REF",
    "SYSTEMS",
    "CiRun",
    "CiSystem",
    "ci_run",
    "fetch_all",
    "queued_for",
    "repository_of",
    "with_properties",
]
