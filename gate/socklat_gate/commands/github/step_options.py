"""Options that several of these commands share; a step gives them by environment variable."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from socklat_gate.forge.exit_policy import FailOn, OnNoBaseline

if TYPE_CHECKING:
    from socklat_gate.forge.github.runner import Runner

__all__ = [
    "author_option",
    "check_option",
    "comment_option",
    "fail_on_option",
    "key_option",
    "no_baseline_option",
    "runner_here",
    "subject_option",
    "token_here",
    "variable",
]


def variable(name: str) -> str:
    """The environment variable by which ci/action.yml gives an input."""
    return f"SOCKLAT_ACTION_{name}"


fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([one.value for one in FailOn]),
    default=FailOn.REGRESSION.value,
    show_default=True,
    envvar=variable("FAIL_ON"),
    callback=lambda _context, _option, value: FailOn(value),
    help="What fails the job: a regression and what could not be judged, only a regression, or all "
    "that is inconclusive; without a verdict it always fails.",
)
no_baseline_option = click.option(
    "--on-no-baseline",
    type=click.Choice([one.value for one in OnNoBaseline]),
    default=OnNoBaseline.FAIL.value,
    show_default=True,
    envvar=variable("ON_NO_BASELINE"),
    callback=lambda _context, _option, value: OnNoBaseline(value),
    help="What it means that there is nothing to compare with yet.",
)
comment_option = click.option(
    "--comment/--no-comment",
    default=True,
    show_default=True,
    envvar=variable("COMMENT"),
    help="Write to the pull request.",
)
check_option = click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    envvar=variable("CHECK"),
    help="Create a check run at the commit.",
)
author_option = click.option(
    "--author",
    metavar="LOGIN",
    default="",
    envvar=variable("AUTHOR"),
    help="Account that the token writes comments as [found out].",
)
key_option = click.option(
    "--key",
    metavar="WORD",
    default="",
    envvar=variable("KEY"),
    help="What tells this job from others of the run, as `preflight` found it.",
)
subject_option = click.option(
    "--subject",
    metavar="JSON",
    default="",
    envvar=variable("SUBJECT"),
    help="The pull request that `preflight` looked up.",
)


def runner_here() -> Runner:
    """The runner of this step."""
    from socklat_gate.forge.github.runner import Runner

    return Runner.of(os.environ, sys.stdout)


def token_here() -> str:
    """The token that the step was given, or empty."""
    return os.environ.get("GITHUB_TOKEN", "").strip()
