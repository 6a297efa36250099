"""The group ``socklat-gate`` and its commands."""

from __future__ import annotations

import rich_click as click

from gate import __version__
from gate.commands.baseline import baseline
from gate.commands.compare import compare
from gate.commands.doctor import doctor
from gate.commands.gate import gate
from gate.commands.report import report
from gate.commands.run import run
from gate.commands.schema import schema
from gate.commands.trace import trace

__all__ = ["cli"]

_EPILOG = (
    "Exit codes: 0 pass, 1 regression, 2 usage error, 3 this machine cannot measure, "
    "4 inconclusive, 5 no usable baseline, 6 invalid measurement."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.rich_config(
    help_config={
        "max_width": 100,
        "text_markup": "markdown",
        "text_emojis": False,
        "style_epilog_text": "",
        "style_helptext": "",
        "options_table_column_types": ["opt_short", "opt_long", "metavar_short", "help"],
        "options_table_help_sections": ["help", "default"],
    }
)
@click.version_option(__version__, prog_name="socklat-gate")
def cli() -> None:
    """Fail a build when a service's latency got worse, and say in which layer.

    Starts the service in Docker, drives open-loop load against it, traces every socket in the
    kernel with eBPF and compares the distribution with a baseline.

    Try first:

        socklat-gate doctor
        socklat-gate gate socklat.toml --baseline-image app:released
    """


for command in (doctor, gate, run, compare, baseline, report, schema, trace):
    cli.add_command(command)
