"""``socklat-gate github measure``."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.github.step_options import runner_here, subject_option, variable
from socklat_gate.commands.help import command
from socklat_gate.commands.options import OUT_DIR
from socklat_gate.errors import Reason, UsageError

if TYPE_CHECKING:
    from socklat_gate.forge.github.target import Target

__all__ = ["measure"]

_PATH = click.Path(path_type=Path)
AUTO, OFF = "auto", "off"
"""Values of --gate-from that name no commit."""


@command()
@click.argument("scenario", type=_PATH, envvar=variable("SCENARIO"))
@click.option(
    "--out",
    metavar="DIR",
    type=OUT_DIR,
    default=Path("socklat-out"),
    show_default=True,
    envvar=variable("OUT"),
    help="Where reports go.",
)
@click.option(
    "--baseline-image",
    metavar="IMAGE",
    envvar=variable("BASELINE_IMAGE"),
    help="Reference [from the scenario or store].",
)
@click.option(
    "--baseline-ref",
    metavar="REF",
    envvar=variable("BASELINE_REF"),
    help="Reference instead: built as of the merge base with this branch, tag or commit; auto: the "
    "target of the pull request, or what the merge queue's group comes after; off: none.",
)
@click.option(
    "--gate-from",
    metavar="REF",
    default=AUTO,
    show_default=True,
    envvar=variable("GATE_FROM"),
    help="Commit or branch whose limits and waivers hold; auto: the target branch of a pull "
    "request, or what the merge queue's group comes after; off: those of the scenario as it is "
    "here.",
)
@click.option(
    "--candidate-image",
    metavar="IMAGE",
    envvar=variable("CANDIDATE_IMAGE"),
    help="Image under test [from the scenario].",
)
@click.option(
    "--build",
    metavar="DIR",
    envvar=variable("BUILD"),
    help="Build the image under test from the Dockerfile in this directory.",
)
@click.option(
    "--baselines",
    metavar="LOCATION",
    envvar=variable("BASELINES"),
    help="Where baselines are stored [baselines/ beside the scenario].",
)
@click.option(
    "--allow",
    metavar="WORDS",
    default="",
    envvar=variable("ALLOW"),
    help="What a pull request's scenario may do beyond its containers [nothing].",
)
@click.option(
    "--options",
    metavar="TEXT",
    default="",
    envvar=variable("OPTIONS"),
    help="More options of `socklat-gate gate`, quoted as in a shell.",
)
@click.option(
    "--sudo",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    envvar=variable("SUDO"),
    help="Measure as root through sudo; auto: on runners that GitHub hosts.",
)
@subject_option
def measure(
    scenario: Path,
    out: Path,
    baseline_image: str | None,
    baseline_ref: str | None,
    gate_from: str,
    candidate_image: str | None,
    build: str | None,
    baselines: str | None,
    allow: str,
    options: str,
    sudo: str,
    subject: str,
) -> None:
    """Run the gate for a step; its exit code is an output of the step.

    Sets the outputs exit-code, log and reports (a directory with the reports and nothing else), and
    exits with 0 whatever the verdict is.  When this machine cannot measure, the output of doctor is
    in the log.  Through sudo the gate keeps the variables that commands of Docker go by and those
    that scenario and compose files name; the log has their names.

    For instance:

        socklat-gate github measure socklat.toml --out reports
    """
    from socklat_gate.forge.github.gate_step import Gate, built_image, run_gate
    from socklat_gate.forge.github.own_reports import check_no_links, copy_reports
    from socklat_gate.forge.github.sudo import missing_messages
    from socklat_gate.forge.github.target import target_of
    from socklat_gate.report.writer import check_writable, discard_reports
    from socklat_gate.scenario.variables import named_variables

    more = _split(options)
    if build and candidate_image:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "--build and --candidate-image both name the image under test",
            remedy="give one of them",
        )
    check_no_links(out)
    check_writable(out)
    # Else, if the gate fails early, reports of an earlier step would be taken for its own.
    discard_reports(out)
    target = target_of(os.environ, subject)
    options_given = {
        "--baseline-image": baseline_image,
        "--baseline-ref": _baseline_ref(baseline_ref, target),
        "--gate-from": target.ref if gate_from == AUTO else "" if gate_from == OFF else gate_from,
        "--baselines": baselines,
        "--allow": allow,
    }
    arguments = [str(scenario), "--out", str(out)]
    arguments += [
        word for option, value in options_given.items() if value for word in (option, value)
    ]
    runner = runner_here()
    environment = {**os.environ, **target.variables}
    variables = named_variables(scenario, environment)
    for message in missing_messages(variables, environment):
        runner.annotate("warning", "socklat-gate", message)
    use_sudo = _use_sudo(sudo)
    names = tuple(variable.name for variable in variables) if use_sudo else ()

    def run(candidate: str | None) -> None:
        chosen = ["--candidate-image", candidate] if candidate else []
        gate = Gate(_command(), (*arguments, *chosen, *more), out, use_sudo, names)
        run_gate(runner, gate, environment)
        if parent := runner.directory_for_steps(os.environ):
            runner.set_outputs({"reports": str(copy_reports(out, parent))})

    if not build:
        run(candidate_image)
        return
    with built_image(runner, Path(build)) as tag:
        run(tag)


def _baseline_ref(given: str | None, target: Target) -> str | None:
    if given == AUTO:
        return target.ref
    if not given and os.environ.get(variable("BASELINE_REF")) == "":
        # `${{ github.base_ref }}`, which is empty in a merge queue.
        return target.merge_group
    return None if given == OFF else given


def _split(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError as error:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"--options {options[:200]!r}: {error}",
            remedy="quote it as in a shell",
        ) from None


def _use_sudo(choice: str) -> bool:
    from socklat_gate.forge.github.workflow_job import GITHUB_HOSTED

    if os.geteuid() == 0:
        return False
    hosted = os.environ.get("RUNNER_ENVIRONMENT") == GITHUB_HOSTED
    return choice == "always" or (choice == "auto" and hosted)


def _command() -> tuple[str, ...]:
    """The command by which this process was started."""
    called = shutil.which(sys.argv[0])
    return (called,) if called else (sys.executable, "-m", "socklat_gate")
