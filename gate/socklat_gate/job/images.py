"""Images of the two arms: from the scenario, from the sources at a commit, from a campaign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.campaign import Campaign
from socklat_gate.scenario import Scenario, Service
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, build_image, local_image, resolve_image
from socklat_gate.service.stack import stack_image

__all__ = ["OnPhase", "check_buildable", "image_at", "image_of", "image_under_test"]

OnPhase = Callable[[str], None]
"""Shows the phase of a job that begins."""


def image_under_test(
    client: DockerClient,
    scenario: Scenario,
    directory: Path,
    override: str | None,
    on_phase: OnPhase,
) -> ImageRef:
    """The image under test: the command line's, else the scenario's, else built.

    Raises `UsageError` (NO_SUCH_IMAGE, BAD_SCENARIO).
    """
    name = override or scenario.service.image
    if name:
        return resolve_image(client, name, on_phase)
    if scenario.service.build:
        return build_image(client, directory / scenario.service.build, on_phase)
    if scenario.service.compose and scenario.service.service:
        file = directory / scenario.service.compose
        return stack_image(client, file, scenario.service.service, on_phase)
    raise UsageError(
        Reason.BAD_SCENARIO,
        f"scenario {scenario.name!r} names no image to test",
        remedy="set service.image or service.build, or give --candidate-image",
    )


def check_buildable(scenario: Scenario) -> None:
    """Raises `UsageError` (BAD_SCENARIO) when it names no sources to build an image from."""
    if not (scenario.service.build or scenario.service.compose):
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"--baseline-ref builds the reference, but scenario {scenario.name!r} has "
            "neither service.build nor service.compose",
            remedy="set service.build to the directory of the Dockerfile, or give --baseline-image",
        )


def image_at(
    client: DockerClient,
    service: Service,
    directory: Path,
    sources: Path,
    commit: str,
    on_phase: OnPhase,
) -> ImageRef:
    """The image built from ``sources``: the scenario's ``directory`` as it is in ``commit``.

    ``service`` is the scenario's there.  Raises `NoUsableBaseline` (NO_BASELINE_YET) when there is
    nothing to build there yet.
    """
    build, compose = service.build, service.compose
    on_phase(f"building the reference from commit {commit[:12]}")
    if build:
        if not (sources / build / "Dockerfile").is_file():
            _nothing_there(commit, f"{build.rstrip('/')}/Dockerfile")
        name = f"{directory.resolve() / build}@base"
        return build_image(client, sources / build, on_phase, name=name)
    assert compose is not None
    assert service.service is not None
    if not (sources / compose).is_file():
        _nothing_there(commit, compose)
    name = f"{directory.resolve() / compose}@base"
    return stack_image(client, sources / compose, service.service, on_phase, name=name)


def _nothing_there(commit: str, file: str) -> NoReturn:
    """The message names the file as the scenario does: where it was looked for is removed."""
    raise NoUsableBaseline(
        Reason.NO_BASELINE_YET,
        f"commit {commit[:12]}, which the change is compared with, has no {file} to build the "
        "reference from",
        remedy="merge the service and its gate first, or name a reference with --baseline-image",
    )


def image_of(client: DockerClient, campaign: Campaign, on_phase: OnPhase) -> ImageRef | None:
    """The very image that a campaign measured; None when it can no longer be had.

    Its name alone does not do: a tag may have moved on since, to the candidate itself.
    """
    kept = local_image(client, campaign.image_id)
    if kept is not None:
        return ImageRef(campaign.image, kept.id, kept.digest)
    if local_image(client, campaign.image) is not None:
        return None
    try:
        pulled = resolve_image(client, campaign.image, on_phase)
    except UsageError:
        return None
    return pulled if pulled.id == campaign.image_id else None
