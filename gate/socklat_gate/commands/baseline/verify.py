"""``socklat-gate baseline verify``."""

from __future__ import annotations

from socklat_gate.commands.baseline_place import empty_place_error, location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["verify"]


@command()
@location_option
def verify(baselines: str) -> None:
    """Check every stored file: readable, unaltered, of this schema.

    Exits with 5 when one is not.

    For instance:

        socklat-gate baseline verify --baselines baselines
    """
    from socklat_gate.baseline.links import link_problems
    from socklat_gate.baseline.open_store import open_store

    with open_store(baselines) as store:
        found = list(store.verify())
        for name in store.scenarios():
            found += link_problems(store.place, name)
        for name, problem in found:
            emit(
                strip_control_characters(
                    f"DAMAGED  {problem}" if problem else f"ok  {store.place.display_name(name)}"
                )
            )
        if not found:
            raise empty_place_error(store.place)
    bad = sum(1 for _, problem in found if problem)
    if bad:
        raise NoUsableBaseline(
            Reason.BASELINE_CORRUPT,
            f"{bad} of {len(found)} files in {baselines} cannot be used",
            remedy="restore them from version control, or remove them with "
            "`socklat-gate baseline prune --damaged` and measure again",
        )
