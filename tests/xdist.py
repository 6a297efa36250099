"""pytest-xdist: what it puts into the environment, and which tests go to the same worker."""

from __future__ import annotations

from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

__all__ = ["XDIST", "Together", "TwoRows"]

XDIST = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
"""Variables that a pytest which a test starts must not get: pytest-benchmark takes them for a sign
that a run shares the CPUs."""

# File -> group: a group is for one worker.  Its tests share what was made once, or look at all
# there is of a kind; those of "action" take what the action has installed, and would wait for it;
# those of "counts" share a probe, which takes seconds to compile.
TOGETHER = {
    **dict.fromkeys(("test_action", "test_newcomer", "test_pull_request", "test_readme"), "action"),
    "test_baselines": "baselines",
    **dict.fromkeys(
        ("test_control", "test_ends", "test_framed", "test_names", "test_narrow", "test_tls_load"),
        "counts",
    ),
    "test_install": "install",
    "test_probe_in_container": "probe_in_container",
    "test_report_page": "report_page",
}


LABORATORY = ("tests/conformance/", "tests/kernel/")


class Together(LoadScopeScheduling):
    """Gives each group to one worker, and any other test to whoever has time.

    xdist's own groups are suffixes of the tests' ids, which pytest 9.2 does not look at.
    """

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER.get(Path(nodeid.partition("::")[0]).stem, nodeid)


class TwoRows(LoadScopeScheduling):
    """For tests marked ``row``: one worker has those of the laboratory, one has the gates.

    One after the other they leave three quarters of the CPUs idle.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "laboratory" if nodeid.startswith(LABORATORY) else "gates"
