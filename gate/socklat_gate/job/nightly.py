"""What a nightly gate measures: main beside a pinned release, with a long watch."""

from __future__ import annotations

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Scenario

__all__ = ["WATCH_MINUTES", "nightly_scenario", "release_of"]

WATCH_MINUTES = 20.0
"""Minutes of watch that a night's pass waits for at least."""

MAX_MINUTES = 45.0
"""Its budget of minutes, where the scenario's is less: pairs, and the watch beside them."""


def nightly_scenario(scenario: Scenario) -> Scenario:
    """With a watch and a budget of a night; larger ones of the scenario's own are kept.

    A watch that the scenario has switched off stays off.
    """
    gate = scenario.gate
    watch = gate.watch
    if watch.minutes > 0 or "minutes" not in watch.model_fields_set:
        watch = watch.model_copy(update={"minutes": max(WATCH_MINUTES, watch.minutes)})
    changes = {"max_minutes": max(MAX_MINUTES, gate.max_minutes), "watch": watch}
    return scenario.model_copy(update={"gate": gate.model_copy(update=changes)})


def release_of(scenario: Scenario, ref: str | None) -> str:
    """The release: ``ref`` of the command line, else the scenario's, else its baseline's image.

    Raises `UsageError` (bad_argument) where none is pinned.
    """
    release = ref or scenario.baseline.release or scenario.baseline.image
    if not release:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"--nightly compares with a pinned release, and scenario {scenario.name!r} names none",
            remedy="set baseline.release to a tag, a commit or an image, or give --baseline-ref or "
            "--baseline-image",
        )
    return release
