"""``socklat-gate github preflight|measure|publish|conclude|comment-from-artifact``."""

from __future__ import annotations

from socklat_gate.commands.help import group
from socklat_gate.commands.lazy import LazyCommand

__all__ = ["github"]

_COMMANDS = {
    "preflight": "Check the inputs, and refuse code of forks where it must not run.",
    "measure": "Run the gate for a step; its exit code is an output of the step.",
    "publish": (
        "Show the reports in RESULT_DIR: outputs, summary, annotation, comment and check run."
    ),
    "conclude": "End the job as the gate ended, after everything was published.",
    "comment-from-artifact": (
        "Comment what another workflow run measured, a fork's for instance, from its artifacts."
    ),
}


@group()
def github() -> None:
    """Publish a gate on GitHub; for workflows.

    The steps of ci/action.yml call these commands; docs/howto/github.md explains them.
    """


for _name, _summary in _COMMANDS.items():
    _module = f"{__name__}.{_name.replace('-', '_')}"
    github.add_command(LazyCommand(_name, _summary, module=_module))
