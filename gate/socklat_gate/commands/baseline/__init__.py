"""``socklat-gate baseline``: the group; each of its commands is a module of this package."""

from __future__ import annotations

from socklat_gate.commands.help import group
from socklat_gate.commands.lazy import LazyCommand

__all__ = ["baseline"]

_COMMANDS = {
    "save": "Store the candidate's numbers of RESULT (a result.json, or its directory).",
    "promote": "Store RESULT as a baseline in CI: only what passed, of a commit, from no fork.",
    "list": "List the stored campaigns by scenario, oldest first.",
    "show": "Show the stored history of SCENARIO, or what one stored file holds.",
    "history": "Show every stored value of SCENARIO's metrics, and where they changed.",
    "drift": "Find changes in the stored campaigns of SCENARIO, and slow drift since a release.",
    "verify": "Check every stored file: readable, unaltered, of this schema.",
    "prune": "Remove old campaigns, keeping the newest of each machine, mode and branch.",
    "export": "Write the stored campaigns to a Parquet file, a row for each used bucket.",
}


@group()
def baseline() -> None:
    """Store, show, verify and prune baselines; find changes in them."""


for _name, _summary in _COMMANDS.items():
    # A function called "list" would stand in the way of Python's own.
    _module = f"{__name__}.{'list_' if _name == 'list' else _name}"
    baseline.add_command(LazyCommand(_name, _summary, module=_module))
