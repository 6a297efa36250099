"""Images of the two arms: from the scenario, from the sources at a commit, from a campaign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.worktree import sources_at
from socklat_gate.measured.campaign import Campaign
from socklat_gate.scenario import Scenario
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, build_image, local_image, resolve_image
from socklat_gate.service.stack import stack_image

__all__ = ["OnPhase", "image_at", "image_of", "image_under_test"]

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


def image_at(
    client: DockerClient, scenario: Scenario, directory: Path, commit: str, on_phase: OnPhase
) -> ImageRef:
    """The image built from the scenario's sources at ``commit``.

    Raises `UsageError` (BAD_SCENARIO) when it has none to build from.
    """
    build, compose = scenario.service.build, scenario.service.compose
    if not (build or compose):
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"--baseline-ref builds the reference, but scenario {scenario.name!r} has "
            "neither service.build nor service.compose",
            remedy="set service.build to the directory of the Dockerfile, or give --baseline-image",
        )
    on_phase(f"building the reference from commit {commit[:12]}")
    with sources_at(directory, commit) as sources:
        if build:
            name = f"{directory.resolve() / build}@base"
            return build_image(client, sources / build, on_phase, name=name)
        assert compose is not None
        assert scenario.service.service is not None
        name = f"{directory.resolve() / compose}@base"
        return stack_image(client, sources / compose, scenario.service.service, on_phase, name=name)


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
