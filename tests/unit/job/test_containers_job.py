from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job import containers_job as module
from socklat_gate.job.container_use import ReadyUse
from socklat_gate.job.containers_job import ContainersJob, with_containers
from socklat_gate.job.progress import Progress
from socklat_gate.measured.facts import NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.service.arm import ArmSpec, RunningArm
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import BASE_IMAGE, quiet_progress, scenario

SPEC = ArmSpec("baseline", BASE_IMAGE)
MIB = 1 << 20


class Docker:
    """A session whose containers start, and what one of them uses."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.error: Exception | None = None

    def __call__(self, *arguments: object) -> Docker:
        del arguments
        return self

    def __enter__(self) -> Docker:
        return self

    def __exit__(self, *arguments: object) -> None:
        self.log.append("close")

    def start(self, specs: Sequence[ArmSpec]) -> tuple[RunningArm, ...]:
        self.log += [spec.name for spec in specs]
        if self.error is not None:
            raise self.error
        return tuple(RunningArm(spec.arm, "c", "n", 1, 1, "h", 80, spec.image) for spec in specs)

    def stop(self) -> None:
        self.log.append("stop")

    def check_alive(self) -> None:
        pass


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    found = Docker()
    monkeypatch.setattr(module, "ServiceSession", found)
    monkeypatch.setattr(module, "memory_left_bytes", lambda: 4000 * MIB)
    monkeypatch.setattr(module, "use_of", lambda _arms: ReadyUse(20 * MIB, 0.0))
    return found


def job(planned: Scenario, spec: ArmSpec | None = SPEC, progress: Any = None) -> ContainersJob:
    return ContainersJob(cast("Any", None), planned, Path(), spec, progress or quiet_progress())


def test_auto_weighs_one_container_of_the_baseline(docker: Docker) -> None:
    planned, (note,) = job(scenario(containers="auto")).planned()
    assert planned.gate.containers == 4
    assert docker.log == ["baseline", "stop", "close"]
    assert note.code is NoteCode.CONTAINERS
    assert note_text(note) == (
        '4 containers of each arm at the same time (gate.containers = "auto"): memory, CPUs and '
        "start-up time allow the most there can be"
    )


def test_memory_for_one_of_each_only_is_a_pair(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "memory_left_bytes", lambda: 200 * MIB)
    planned, (note,) = job(scenario(containers="auto")).planned()
    assert planned.gate.containers == 1
    assert "2 would need 168 MB of memory" in note_text(note)
    assert docker.log[-1] == "close"


def test_a_number_is_kept_as_it_is(docker: Docker) -> None:
    one = scenario(containers=1)
    assert job(one).planned() == (one, ())
    two = scenario(containers=2)
    planned, (note,) = job(two).planned()
    assert planned is two
    assert "each with 1/2 of its arm's load, as gate.containers has it" in note_text(note)
    assert docker.log == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gate": {"interleave": "slice"}}, "gate.interleave sends to one container at a time"),
        ({"load": {"driver": "command", "command": {"argv": ["x"]}}}, "driver = command"),
        (
            {"service": {"image": None, "compose": "c.yml", "service": "api"}},
            "with service.compose each arm is one stack",
        ),
        ({"service": {"publish": 65_529}}, "service.publish leaves no ports for more"),
    ],
)
def test_where_blocks_cannot_be_auto_says_why(
    docker: Docker, changes: dict[str, dict[str, Any]], why: str
) -> None:
    document = scenario(containers="auto").model_dump(exclude_unset=True)
    for table, values in changes.items():
        document[table] = {**document[table], **values}
    planned, (note,) = job(Scenario.model_validate(document)).planned()
    assert planned.gate.containers == 1
    assert why in note_text(note)
    assert docker.log == []


def test_the_last_ports_are_enough_for_the_largest_block(docker: Docker) -> None:
    document = scenario(containers="auto").model_dump(exclude_unset=True)
    document["service"] = {**document["service"], "publish": 65_528}
    planned, _ = job(Scenario.model_validate(document)).planned()
    assert planned.gate.containers == 4
    assert docker.log == ["baseline", "stop", "close"]


def test_without_an_image_to_pair_with_there_is_one_container(docker: Docker) -> None:
    planned, (note,) = job(scenario(containers="auto"), spec=None).planned()
    assert planned.gate.containers == 1
    assert "no image of the baseline" in note_text(note)
    planned, notes = job(scenario(containers=4), spec=None).planned()
    assert (planned.gate.containers, notes) == (1, ())
    assert docker.log == []


def test_a_baseline_that_does_not_start_is_that(docker: Docker) -> None:
    docker.error = InvalidMeasurement(Reason.SERVICE_NOT_READY, "not ready")
    with pytest.raises(InvalidMeasurement, match="not ready"):
        job(scenario(containers="auto")).planned()
    assert docker.log == ["baseline", "close"]


def test_a_line_of_progress_says_so_where_no_report_does(
    docker: Docker, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress() as progress:
        chosen = job(scenario(containers="auto"), progress=progress).announced()
    assert chosen.gate.containers == 4
    assert "4 containers of each arm" in capsys.readouterr().err
    assert docker.log


def test_nothing_but_the_number_changes() -> None:
    before = scenario(containers="auto")
    after = with_containers(before, 2)
    assert after.gate.containers == 2
    assert after.measured_hash() == before.measured_hash()
    assert with_containers(after, before.gate.containers) == before
