"""Images of the two arms: from the scenario, from the sources at a commit, from a campaign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.campaign import Campaign
from socklat_gate.scenario import Scenario, Service
from socklat_gate.service.compose_files import stack_files
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, build_image, local_image, resolve_image
from socklat_gate.service.stack import stack_image
from socklat_gate.service.stack_reading import checked_stack

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

    Raises `UsageError` (NO_SUCH_IMAGE, BAD_SCENARIO); of a stack before anything is built, when
    both arms would share something in it.
    """
    service, gate = scenario.service, scenario.gate
    if service.compose:
        # Rates are tried on both arms at once.
        alone = gate.interleave == "block" and gate.capacity_metric is None
        for unset in checked_stack(service, directory, alone=alone).unset:
            on_phase(f"the compose file refers to {unset}, which nothing sets")
    name = override or service.image
    if name:
        return resolve_image(client, name, on_phase)
    if service.build:
        return build_image(client, directory / service.build, on_phase)
    if service.compose and service.service:
        files = stack_files(service.compose, directory)
        return stack_image(client, files, service.service, on_phase)
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
    files = stack_files(compose, sources, directory)
    if not files[0].is_file():
        _nothing_there(commit, service.compose_names[0])
    name = f"{stack_files(compose, directory)[0].resolve()}@base"
    return stack_image(client, files, service.service, on_phase, name=name)


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
