"""What a scenario names beside itself is there, before anything is started."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from socklat_gate.errors import UsageError
from socklat_gate.job.dropped_variables import dropped_variables
from socklat_gate.job.powers import require_allowed
from socklat_gate.load.tls_files import UnusableTlsFile, make_context
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.powers import Power
from socklat_gate.scenario.problems import place_of
from socklat_gate.scenario.secret_check import require_secrets
from socklat_gate.scenario.tables import read_tables

__all__ = ["require_inputs"]

log = logging.getLogger(__name__)


def require_inputs(
    path: Path, scenario: Scenario, allowed: Collection[Power] | None = None
) -> None:
    """Secrets, which are masked from here on, and the files of TLS; ``path`` is the scenario's.

    ``allowed`` as of `require_allowed`, which comes first: it reads nothing that is asked for.
    Raises `UsageError` (NOT_ALLOWED, BAD_SECRET, BAD_SCENARIO) with file, line and key.
    """
    require_allowed(path, scenario, allowed)
    if dropped := ",".join(dropped_variables(path, scenario)):
        log.warning(
            "sudo has dropped %s, which what is started depends on: call it with sudo "
            "--preserve-env=%s",
            dropped,
            dropped,
        )
    require_secrets(path, scenario)
    if scenario.load.tls is None:
        return
    try:
        make_context(scenario.load.tls)
    except UnusableTlsFile as error:
        place = place_of(read_tables(path), ("load", "tls", error.key))
        raise UsageError(error.reason, f"{place}: {error.message}", remedy=error.remedy) from None
