"""The group ``socklat-gate`` and its commands."""

from __future__ import annotations

import click

from socklat_gate.commands.help import group
from socklat_gate.commands.lazy import LazyCommand
from socklat_gate.version import __version__

__all__ = ["cli"]

_EPILOG = (
    "Exit codes: 0 pass, 1 regression, 2 usage error, 3 this machine cannot measure, "
    "4 inconclusive, 5 no usable baseline, 6 invalid measurement."
)

_COMMANDS = {
    "doctor": "Check what works on this machine, one line and one remedy each.",
    "init": "Write a commented socklat.toml for an image, a Dockerfile or a compose file.",
    "gate": "Measure, compare, report; the exit code is the verdict.",
    "capacity": "Compare the highest rates that two images carry; the exit code is the verdict.",
    "run": "Measure one image alone, without a verdict.",
    "compare": "Compare stored results, anywhere: no root, no Docker, no BPF.",
    "baseline": "Store, show, verify and prune baselines; find changes in them.",
    "report": "Print the report of a stored RESULT (a result.json, or its directory).",
    "publish": "Show a gate's end on a code host, then end the job as the gate ended.",
    "calibrate": (
        "Study this runner: its noise, the gate's false-alarm rate and minimum detectable effect."
    ),
    "schema": "Print the JSON schema of socklat.toml (default), verdict.json or result.json.",
    "completion": "Print the script that completes commands, options and files in a SHELL.",
    "trace": "Watch the latency of a running container, stage by stage; needs no scenario.",
}


@group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.option(
    "-v", "--verbose", count=True, help="Log on stderr what is done when; -vv logs everything."
)
@click.version_option(__version__, prog_name="socklat-gate")
def cli(verbose: int) -> None:
    """Fail a build when a service's latency got worse, and name the layer.

    Starts the service in Docker, drives open-loop load against it, traces every socket in the
    kernel with eBPF and compares the distribution with a baseline.

    Try first:

        socklat-gate doctor
        socklat-gate init app:dev
        socklat-gate gate socklat.toml --baseline-image app:released
    """
    from socklat_gate.commands.verbosity import log_to_stderr

    log_to_stderr(verbose)


for _name, _summary in _COMMANDS.items():
    cli.add_command(LazyCommand(_name, _summary))
# What a workflow's steps call; people read docs/howto/github.md.
cli.add_command(LazyCommand("github", "Publish a gate on GitHub; for workflows.", hidden=True))
