"""Images of the two arms: from the scenario, from the sources at a commit, from a campaign."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import GateError, NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.campaign import Campaign
from socklat_gate.scenario import Scenario, Service
from socklat_gate.service.build_order import BuildOrder
from socklat_gate.service.built_images import REPOSITORY, BuiltImages
from socklat_gate.service.compose_files import stack_files
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, local_image, resolve_image
from socklat_gate.service.stack_build import NoDockerfile, stack_image
from socklat_gate.service.stack_reading import checked_stack
from socklat_gate.service.stack_trees import Trees

__all__ = [
    "OnPhase",
    "check_buildable",
    "image_at",
    "image_of",
    "image_under_test",
    "stored_images",
]

log = logging.getLogger(__name__)

OnPhase = Callable[[str], None]
"""Shows the phase of a job that begins."""

BASE_CACHE = "socklat-gate-baseline"
"""Namespace of the baseline's `RUN --mount=type=cache`: what the candidate's build has left there,
newer than the baseline's sources, would become a part of the baseline, and the other way round."""


def image_under_test(
    client: DockerClient,
    scenario: Scenario,
    directory: Path,
    override: str | None,
    on_phase: OnPhase,
    built: BuiltImages,
) -> ImageRef:
    """The image under test: the command line's, else the scenario's, else one that is built.

    It is there until ``built`` is left.  Raises `UsageError` (NO_SUCH_IMAGE, BAD_SCENARIO); of a
    stack before anything is built, when both arms would share something in it.
    """
    service, gate = scenario.service, scenario.gate
    if service.compose:
        # Rates are tried on both arms at once.
        alone = gate.interleave == "block" and gate.capacity_metric is None
        for unset in checked_stack(service, directory, alone=alone).unset:
            log.warning("the compose file refers to %s, which nothing sets", unset)
    name = override or service.image
    if name:
        return resolve_image(client, name, on_phase)
    if service.built is not None:
        how = service.built
        return built.build(BuildOrder(directory / how.context, how), on_phase)
    if service.compose and service.service:
        files = stack_files(service.compose, directory)
        return stack_image(client, files, service.service, on_phase, built)
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
    built: BuiltImages,
) -> ImageRef:
    """The image built from ``sources``: the scenario's ``directory`` as it is in ``commit``.

    ``service`` is the scenario's there.  The image is there until ``built`` is left.  Raises
    `NoUsableBaseline` (NO_BASELINE_YET) when there is nothing to build there yet, `UsageError`
    (BAD_SCENARIO) when it would be built from what no commit has.
    """
    how, compose = service.built, service.compose
    on_phase(f"building the reference from commit {commit[:12]}")
    if how is not None:
        file = os.path.join(how.context, how.dockerfile)
        _check_inside(directory, sources, how.context)
        _check_inside(directory, sources, file)
        order = BuildOrder(
            _in_checkout(directory, sources, how.context),
            how,
            stands_for=f"{directory.resolve() / how.context}@base",
            cache=BASE_CACHE,
            shown=f"{how.context} of commit {commit[:12]}",
        )
        if not order.dockerfile.is_file():
            _nothing_there(commit, file)
        return built.build(order, on_phase, keep=False)
    assert compose is not None
    assert service.service is not None
    files = stack_files(compose, sources, directory)
    if not files[0].is_file():
        _nothing_there(commit, service.compose_names[0])
    name = f"{stack_files(compose, directory)[0].resolve()}@base"
    tested = service.service
    try:
        trees = Trees.around(sources, directory)
        return stack_image(
            client, files, tested, on_phase, built, name=name, cache=BASE_CACHE, trees=trees
        )
    except NoDockerfile as error:
        _nothing_there(commit, os.path.relpath(error.file, sources))
    except UsageError as error:
        raise _of_commit(error, sources, commit) from None


def _of_commit(error: UsageError, sources: Path, commit: str) -> UsageError:
    """An error about what a commit has, in whose files nobody can correct anything.

    It names them as the scenario does: where they were looked for is removed.
    """

    def told(text: str) -> str:
        for place in (sources, _tree_of(sources)):
            text = text.replace(f"{place}{os.sep}", "")
        return text

    remedy = error.remedy or ""
    if told(remedy) != remedy:
        remedy = "it is as it is in that commit: name a reference with --baseline-image instead"
    what = f"commit {commit[:12]}: {told(error.message)}"
    return UsageError(error.reason, what, remedy=remedy).with_log(told(error.log))


def _tree_of(sources: Path) -> Path:
    """The checkout that a directory is in."""
    return next((p for p in (sources, *sources.parents) if (p / ".git").exists()), sources)


def _in_checkout(directory: Path, sources: Path, path: str) -> Path:
    """Where a path of the scenario is in the checkout that ``sources`` is a part of."""
    tree = _tree_of(sources)
    here = directory.resolve()
    for _ in sources.relative_to(tree).parts:
        here = here.parent
    wanted = os.path.normpath(directory.resolve() / path)
    return Path(os.path.normpath(tree / os.path.relpath(wanted, here)))


def _check_inside(directory: Path, sources: Path, path: str) -> None:
    """The baseline must not be built from what the candidate is built from, changed as it is."""
    tree = _tree_of(sources)
    if not _in_checkout(directory, sources, path).is_relative_to(os.path.normpath(tree)):
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"service.build: {path} is outside of the repository, so that no commit has it to "
            "build a reference from",
            remedy="build from inside of the repository, or name a reference with --baseline-image",
        )


def _nothing_there(commit: str, file: str) -> NoReturn:
    """The message names the file as the scenario does: where it was looked for is removed."""
    raise NoUsableBaseline(
        Reason.NO_BASELINE_YET,
        f"commit {commit[:12]}, which the change is compared with, has no {file} to build the "
        "reference from",
        remedy="merge the service and its gate first, or name a reference with --baseline-image",
    )


def stored_images(store: BaselineStore, scenario: Scenario) -> frozenset[str] | None:
    """Ids of the images that stored campaigns of a scenario name; None when nobody knows."""
    try:
        if not store.has(scenario.name):
            return frozenset()
        return frozenset(one.campaign.image_id for one in store.campaigns(scenario.name))
    except (GateError, OSError):
        return None


def image_of(client: DockerClient, campaign: Campaign, on_phase: OnPhase) -> ImageRef | None:
    """The very image that a campaign measured; None when it can no longer be had.

    Its name alone does not do: a tag may have moved on since, to the candidate itself.
    """
    kept = local_image(client, campaign.image_id)
    if kept is not None:
        return replace(kept, reference=campaign.image)
    if local_image(client, campaign.image) is not None or campaign.image.startswith(REPOSITORY):
        return None  # another build, and no registry has ours
    try:
        pulled = resolve_image(client, campaign.image, on_phase)
    except UsageError:
        return None
    return pulled if pulled.id == campaign.image_id else None
