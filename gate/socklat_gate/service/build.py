"""Images built from sources: one builder for all of a job, and a failure in the builder's words."""

from __future__ import annotations

import logging
from collections import deque

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.build_cli import SWITCHED_OFF, cli_builder, is_switched_off
from socklat_gate.service.build_daemon import ClassicBuilder, DaemonBuildKit, has_buildkit
from socklat_gate.service.build_order import Builder, BuildOrder, OnLine
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.dockerfile import listed, mounted, newest_needs
from socklat_gate.service.logs import clip, last_line
from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["build", "builder_of"]

log = logging.getLogger(__name__)

BUILD_LINES = 15
OLD_SYNTAX = ("unknown instruction", "unknown flag", "parse error", "buildkit")
"""How builders begin to say that they do not know what is written there."""


def builder_of(client: DockerClient) -> Builder:
    """BuildKit where the command or else the daemon has it, as ``DOCKER_BUILDKIT`` allows."""
    if is_switched_off():
        return ClassicBuilder(client, SWITCHED_OFF)
    found, why = cli_builder()
    if found is not None:
        return found
    if has_buildkit(client):
        return DaemonBuildKit(client, why)
    return ClassicBuilder(client, f"this daemon has no BuildKit, and {why}")


def build(builder: Builder, order: BuildOrder, tag: str, on_line: OnLine) -> None:
    """Builds ``order`` and tags the image.  ``on_line`` gets the output line by line.

    Raises `UsageError`: NO_SUCH_FILE when there is no Dockerfile, NO_SUCH_IMAGE with the last lines
    when the build fails, or when the builder cannot do what the scenario asks for.
    """
    if not order.dockerfile.is_file():
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"nothing to build: {order.name} has no {order.how.dockerfile}",
            remedy="point service.build at the directory with the Dockerfile, relative to the "
            "scenario; a Dockerfile of another name or place is service.build.dockerfile",
        )
    if order.how.secrets and not builder.takes_secrets:
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"service.build.secrets cannot be given to the build of {order.name}: {builder.lacks}",
            remedy="install Docker's command line with its buildx plugin (docker-buildx-plugin)",
        )
    last: deque[str] = deque(maxlen=BUILD_LINES)

    def keep(line: str) -> None:
        last.append(line)
        on_line(strip_control_characters(line, " "))

    with daemon_errors(f"building {order.name}"):
        failure = builder.build(order, tag, keep)
    if failure:
        lines = [*last] if failure in last else [*last, failure]
        shown = clip("\n".join(lines).encode())
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"building {order.name} failed: {last_line(clip(failure.encode()))}",
            remedy=_remedy(builder, order, shown),
        ).with_log(shown)
    log.info("built %s as %s", order.name, tag)


def _remedy(builder: Builder, order: BuildOrder, shown: str) -> str:
    text = order.dockerfile.read_text(encoding="utf-8", errors="replace")
    not_known = any(word in shown.lower() for word in OLD_SYNTAX)
    classic = isinstance(builder, ClassicBuilder)
    needs = [need for need in newest_needs(text) if classic or (need.syntax and not_known)]
    if needs and classic:
        return (
            f"{listed(needs)} of the Dockerfile needs BuildKit, which is not used here: "
            f"{builder.lacks}"
        )
    if needs:
        otherwise = (
            "update Docker (23 or later), or name a reference with --baseline-image"
            if order.stands_for  # a commit is as it is
            else "begin the file with `# syntax=docker/dockerfile:1`, or update Docker (23 or "
            "later)"
        )
        return f"{listed(needs)} of the Dockerfile is newer than this builder: {otherwise}"
    if missing := _not_given(order, text):
        return missing
    if order.stands_for:
        return "it is built as it is in that commit: name a reference with --baseline-image instead"
    without = f" ({builder.lacks})" if builder.lacks else ""
    return f"make `docker build` succeed there, or name an image in service.image{without}"


def _not_given(order: BuildOrder, text: str) -> str:
    """What steps mount that this build has not got: without it they fail in their own words."""
    for one in mounted(text):
        if one.kind == "ssh":
            return (
                f"RUN --mount=type=ssh in line {one.line} of the Dockerfile has no SSH agent here: "
                "build the image in a step before and name it in service.image, or fetch what it "
                "needs with a secret (service.build.secrets)"
            )
        if one.id not in order.how.secrets:
            return (
                f"line {one.line} of the Dockerfile mounts the secret {one.id!r}, which this build "
                f"was not given: name it, as in service.build.secrets.{one.id} = "
                '{ env = "VARIABLE" }'
            )
    return ""
