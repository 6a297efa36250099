"""A scenario, an image and a rig for jobs that measure nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.job.no_fleet import NO_FLEET, Watching
from socklat_gate.job.progress import Progress
from socklat_gate.job.rig import Measurement
from socklat_gate.job.stall_labels import StallLabels
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.facts import Note
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run
from socklat_gate.scenario import Scenario
from socklat_gate.service.image import ImageRef
from tests.unit.factories import worded
from tests.unit.verdict.builders import QUIET, campaign_of, pair_of, scaled_run

MACHINE = Fingerprint({"kernel": "6.1"})
IMAGE = ImageRef("demo:2", "sha256:2", "")
BASE_IMAGE = ImageRef("demo:1", "sha256:1", "")
COUNTERS = {
    "seen": 6000,
    "recorded": 6000,
    "filtered": 0,
    "no_response": 0,
    "pending": 0,
    "dropped_map_full": 0,
    "overlapped": 0,
}

Step = float | str | Exception


def run(log_change: float = 0.0, **counters: int) -> Run:
    """A whole run whose quantiles are exp(log_change) times the reference's."""
    return scaled_run(log_change, {**COUNTERS, **counters})


def scenario(**limits: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "demo",
            "service": {"image": "demo:2", "port": 80},
            "load": {"driver": "http"},
            "gate": {
                "metrics": [{"quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05}],
                "watch": {"minutes": 0},
                **limits,
            },
        }
    )


def quiet_progress() -> Progress:
    return Progress(quiet=True)


class FakeRig:
    """Gives what a list says: a log change, why the measurement is excluded, or an error."""

    hooks = {"send": "raw_tracepoint:x"}  # noqa: RUF012 - never changed
    missed = 0
    notes: tuple[Note, ...] = ()
    cpu_notes: tuple[Note, ...] = ()

    def __init__(
        self, steps: Sequence[Step], unmeasured: tuple[str, ...] = (), containers: int = 1
    ) -> None:
        self.unmeasured = unmeasured
        self.containers = containers
        self._steps: Iterator[Step] = iter(steps)
        self.seeds: list[int] = []
        self.closed = False
        self.watching = NO_FLEET

    def __enter__(self) -> FakeRig:
        return self

    def __exit__(self, *args: object) -> None:
        self.closed = True

    def fingerprint(self, *, paired: bool = False) -> Fingerprint:
        return MACHINE

    def pairs(self, index: int, seed: int, specs: Sequence[Any]) -> list[Pair]:
        change, excluded = self._next(seed)
        assert [spec.arm for spec in specs] == ["baseline", "candidate"]
        pair = pair_of(run(), run(change), index, worded(excluded))
        if self.containers == 1:
            return [pair]
        return [
            replace(pair, index=index + replica, start=index, replica=replica)
            for replica in range(self.containers)
        ]

    @contextmanager
    def fleet(self, specs: Sequence[Any], seed: int, until_s: float) -> Iterator[Watching]:
        yield self.watching

    def single(self, seed: int, spec: Any) -> Measurement:
        change, excluded = self._next(seed)
        return Measurement((run(change),), QUIET, worded(excluded), StallLabels())

    def _next(self, seed: int) -> tuple[float, str]:
        self.seeds.append(seed)
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return (step, "") if isinstance(step, float) else (0.0, step)


SAME_IMAGE = ImageRef("demo:latest", IMAGE.id, "")


def opening(rig: FakeRig) -> Callable[..., FakeRig]:
    """Stands in for the class `Rig`."""
    return lambda client, scenario, directory, on_phase, watched=False: rig


def stored(directory: Path, count: int, **changes: Any) -> BaselineStore:
    """A store with campaigns of the fake scenario, about 0.1% apart."""
    store = BaselineStore.at(directory)
    for number in range(count):
        campaign = campaign_of([run(0.001 * number), run(0.001 * number)])
        campaign = replace(
            campaign,
            scenario_hash=scenario().measured_hash(),
            fingerprint=MACHINE,
            created=f"2026-01-0{number + 1}T00:00:00+00:00",
            image=BASE_IMAGE.reference,
            image_id=BASE_IMAGE.id,
        )
        store.save(replace(campaign, **changes))
    return store
