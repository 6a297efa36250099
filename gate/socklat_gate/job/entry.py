"""A job from a scenario's path to a result: for commands and for tests of other projects."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from socklat_gate.baseline.open_store import open_store
from socklat_gate.environment import environment_facts
from socklat_gate.job.completeness import completeness_of
from socklat_gate.job.containers_job import with_containers
from socklat_gate.job.gate_from import planned_scenario
from socklat_gate.job.gate_job import GateJob
from socklat_gate.job.images import image_under_test, stored_images
from socklat_gate.job.progress import Progress
from socklat_gate.job.rate_job import RateJob
from socklat_gate.job.reference import Reference, find_reference
from socklat_gate.job.release import find_release
from socklat_gate.job.require_inputs import require_inputs
from socklat_gate.job.rig import Rig
from socklat_gate.job.run_job import measure_campaign
from socklat_gate.job.settings import baselines_at, seed_or_random, with_limits
from socklat_gate.job.stored_rate import stored_rate
from socklat_gate.job.worktree import remove_abandoned_sources
from socklat_gate.measured.facts import Note
from socklat_gate.measured.result import GateResult, RunResult
from socklat_gate.probe.privilege import check_privilege
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.powers import Power
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.built_images import BuiltImages, sweep_images
from socklat_gate.service.client import connect, daemon_errors
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.sweep import sweep
from socklat_gate.wording.progress_lines import leftover_line

__all__ = ["docker_client", "gate_job", "ready_client", "run_job"]


def gate_job(
    path: str | Path,
    scenario: Scenario | None = None,
    *,
    baselines: str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    candidate_image: str | None = None,
    baseline_image: str | None = None,
    baseline_ref: str | None = None,
    max_pairs: int | None = None,
    max_minutes: float | None = None,
    allow_same_image: bool = False,
    gate_from: str | None = None,
    notes: tuple[Note, ...] = (),
    release: str | None = None,
    allowed: Collection[Power] | None = None,
) -> GateResult:
    """Reference and candidate measured side by side until the verdict is in.

    ``path`` is a socklat.toml; relative paths start at its directory.  ``gate_from`` is a commit or
    branch whose limits and waivers hold instead of its own (``scenario`` and ``notes``: what
    `planned_scenario` made of both already).  ``baselines`` is a location (None: ``baselines``
    beside the scenario), ``seed`` that of all coin flips (None: a fresh one).  Images, reference
    and limits replace those of the scenario; ``release`` is what `find_release` takes, in place of
    any other reference.  One image in both arms is inconclusive and not measured, unless
    ``allow_same_image``.  ``allowed`` is what a pull request's scenario may do to the machine
    (`require_allowed`).  Raises `UsageError` and `UnfitEnvironment`; what goes wrong later is the
    verdict.
    """
    path = Path(path)
    if scenario is None:
        scenario, notes = planned_scenario(path, gate_from)
    require_inputs(path, scenario, allowed)
    scenario = with_limits(scenario, max_pairs=max_pairs, max_minutes=max_minutes)
    progress = progress or Progress(quiet=True)
    directory = path.resolve().parent
    client = ready_client(progress)
    # What is built, and checked out of another commit, is there for as long as its arm may start.
    with (
        daemon_errors("measuring"),
        open_store(baselines_at(baselines, path), progress.line) as store,
        ExitStack() as keep,
    ):
        built = keep.enter_context(BuiltImages(client, partial(stored_images, store, scenario)))
        found: Callable[..., Reference] = find_reference
        named = {"image": baseline_image, "ref": baseline_ref}
        if release is not None:
            found, named = find_release, {"release": release}
        reference = partial(
            found,
            client,
            scenario,
            store,
            directory,
            progress.phase,
            file=path.resolve().name,
            keep=keep,
            built=built,
            **named,
        )
        job = GateJob(
            client=client,
            scenario=scenario,
            directory=directory,
            candidate=image_under_test(
                client, scenario, directory, candidate_image, progress.phase, built
            ),
            find_reference=reference,
            seed=seed_or_random(seed),
            progress=progress,
            allow_same_image=allow_same_image,
            path=path.resolve(),
            notes=notes,
        )
        result = job.run()
        if not result.pairs and result.campaign is None:
            built.keep_nothing()
        return result


def run_job(
    path: Path,
    scenario: Scenario,
    *,
    runs: int,
    seed: int,
    progress: Progress,
    image: str | None = None,
    baselines: str | None = None,
    allowed: Collection[Power] | None = None,
) -> RunResult:
    """One image measured alone in ``runs`` fresh containers; without a verdict.

    ``load.rate = "auto"`` is that of the campaigns in ``baselines``, or found; this and ``allowed``
    are as of `gate_job`.
    Raises `UsageError`, `UnfitEnvironment` and `InvalidMeasurement`.
    """
    started_s = time.monotonic()
    require_inputs(path, scenario, allowed)
    directory = path.resolve().parent
    client = ready_client(progress)
    with BuiltImages(client) as built:
        chosen = image_under_test(client, scenario, directory, image, progress.phase, built)
        spec = ArmSpec("baseline", chosen)
        known = _known_rate(path, scenario, baselines, progress)
        found = RateJob(client, scenario, directory, spec, seed, progress).announced(known)
        scenario = with_containers(found, 1)  # there is no arm beside it
        with daemon_errors("measuring"), Rig(client, scenario, directory, progress.phase) as rig:
            campaign = measure_campaign(
                rig, scenario, directory, chosen, runs=runs, seed=seed, progress=progress
            )
            hooks, missed = rig.hooks, rig.missed
    return RunResult(
        scenario_name=scenario.name,
        scenario_hash=campaign.scenario_hash,
        former_hashes=campaign.former_hashes,
        created=campaign.created,
        commit=campaign.commit,
        seed=seed,
        duration_s=time.monotonic() - started_s,
        candidate_image=chosen.reference,
        fingerprint=campaign.fingerprint,
        hooks=hooks,
        campaign=campaign,
        completeness=completeness_of(campaign.runs, missed),
        environment=environment_facts(campaign.fingerprint, campaign.noise),
        branch=campaign.branch,
    )


def _known_rate(
    path: Path, scenario: Scenario, baselines: str | None, progress: Progress
) -> float | None:
    """The stored rate; no place is opened for a scenario with a rate of its own."""
    if scenario.load.rate != "auto":
        return None
    with open_store(baselines_at(baselines, path), progress.line) as store:
        return stored_rate(store, scenario)


def ready_client(progress: Progress) -> DockerClient:
    """A client of the daemon, once this process may load BPF and leftovers are gone.

    Raises `UnfitEnvironment`.
    """
    client = connect()
    check_privilege()
    _sweep(client, progress)
    return client


def docker_client(progress: Progress) -> DockerClient:
    """The same for what loads no BPF."""
    client = connect()
    _sweep(client, progress)
    return client


def _sweep(client: DockerClient, progress: Progress) -> None:
    remove_abandoned_sources()
    for name in [*sweep(client), *sweep_images(client)]:
        progress.line(leftover_line(name))
