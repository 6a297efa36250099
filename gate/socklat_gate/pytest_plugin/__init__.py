"""Latency gates inside pytest: the option ``--socklat`` and the fixture ``socklat``.

Only pytest is imported here: every run of a project that has socklat-gate installed loads this.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from socklat_gate.pytest_plugin.fixture import SocklatFixture

__all__ = ["pytest_addoption", "socklat"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; all begin with ``--socklat``."""
    group = parser.getgroup("socklat", "latency gates with socklat-gate")
    group.addoption(
        "--socklat",
        action="store_true",
        help="run tests that measure containers under load (fixture `socklat`); others skip them",
    )
    group.addoption(
        "--socklat-baselines",
        metavar="LOCATION",
        help="stored baselines: a directory, git+branch:NAME or s3://... "
        "[baselines/ beside the scenario]",
    )
    group.addoption(
        "--socklat-out",
        metavar="DIR",
        type=Path,
        default=Path("socklat-out"),
        help="reports go to a directory of each test in there [socklat-out]",
    )
    group.addoption(
        "--socklat-fail-on",
        choices=["regression", "regression-only", "inconclusive"],
        default="regression",
        help="beside a regression, tests fail when something could not be judged; with "
        "`regression-only` these are skipped, as those that the budget left undecided are, which "
        "fail with `inconclusive`",
    )


@pytest.fixture
def socklat(request: pytest.FixtureRequest) -> SocklatFixture:
    """Measures containers under load; see `pytest_plugin.fixture.SocklatFixture`."""
    if not request.config.getoption("--socklat"):
        pytest.skip("measures a container under load: run with --socklat")
    # It brings numpy, scipy and Docker's SDK.
    from socklat_gate.pytest_plugin.fixture import SocklatFixture  # noqa: PLC0415

    return SocklatFixture(request)
