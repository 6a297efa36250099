from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from socklat_gate.commands.root import cli
from socklat_gate.errors import Exit, InvalidMeasurement, UsageError
from socklat_gate.service.image import ImageRef
from tests.unit.job.climbing import Services

SCENARIO = """
name = "demo"
[service]
image = "demo:2"
port = 80
[load]
driver = "http"
rate = 200
[[gate.metrics]]
quantile = 0.5
tolerance = 0.02
regression_threshold = 0.05
"""
Climb = Callable[..., Result]


@pytest.fixture
def climb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Climb:
    """The command against services of known capacities with a noise of 3% in each step."""
    (tmp_path / "socklat.toml").write_text(SCENARIO)
    images = {
        "demo:1": ImageRef("demo:1", "sha256:1", ""),
        "demo:2": ImageRef("demo:2", "sha256:2", ""),
    }
    monkeypatch.setattr("socklat_gate.job.entry.docker_client", lambda progress: None)
    monkeypatch.setattr("socklat_gate.job.images.image_under_test", lambda *a: images["demo:2"])
    monkeypatch.setattr(
        "socklat_gate.service.image.resolve_image", lambda _client, name, *_, **__: images[name]
    )

    def run(
        baseline_rps: float,
        candidate_rps: float,
        *options: str,
        reference: str = "demo:1",
        **behaviour: Any,
    ) -> Result:
        capacity = {"baseline": baseline_rps, "candidate": candidate_rps}
        Services(capacity, **behaviour).install(monkeypatch)
        out = str(tmp_path / "out")
        words = ["capacity", str(tmp_path / "socklat.toml"), "--baseline-image", reference]
        words += ["--out", out, "--seed", "3", *options]
        return CliRunner().invoke(cli, words, standalone_mode=False)

    return run


def written(tmp_path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((tmp_path / "out" / "capacity.json").read_text())["body"]
    return body


def test_equal_capacities_pass(climb: Climb, tmp_path: Path) -> None:
    done = climb(5000.0, 5000.0)
    assert done.return_value == Exit.PASS, done.output
    assert "the candidate carries the same rate" in done.stdout
    body = written(tmp_path)
    assert body["verdict"]["outcome"] == "pass"
    assert body["verdict"]["baseline_rps"] == pytest.approx(5000, rel=0.05)
    assert body["limits"]["within_ns"] == 30_000_000  # 10 times the p99 without a queue


@pytest.mark.parametrize("part", [0.3, 0.8])
def test_less_capacity_fails(climb: Climb, tmp_path: Path, part: float) -> None:
    done = climb(5000.0, part * 5000.0)
    assert done.return_value == Exit.REGRESSION, done.output
    assert written(tmp_path)["verdict"]["change"] == pytest.approx(part - 1, abs=0.05)
    assert re.search(r"carries a lower rate, -\d+\.\d% \(-\d+\.\d% to -\d+\.\d%\)", done.stdout)
    assert "so far -" in done.stderr
    assert " (unbounded)\n" in done.stderr  # one round says nothing


def test_which_arm_is_first_is_a_coin(climb: Climb, tmp_path: Path) -> None:
    climb(5000.0, 4300.0)
    assert {one["first"] for one in written(tmp_path)["rounds"]} == {"baseline", "candidate"}


def test_a_driver_at_its_end_is_said_and_no_pass(climb: Climb) -> None:
    done = climb(5000.0, 5000.0, driver_late=frozenset({"baseline", "candidate"}))
    assert done.return_value == Exit.INCONCLUSIVE
    assert "load driver was at its end" in done.stdout


def test_only_the_baseline_beyond_the_driver_is_no_pass(climb: Climb) -> None:
    """The candidate may carry much less than a baseline of which the driver shows only a part."""
    done = climb(5000.0, 5000.0, driver_late=frozenset({"baseline"}))
    assert done.return_value == Exit.INCONCLUSIVE
    assert "load driver was at its end" in done.stdout


def test_a_candidate_that_fails_quickly_carries_nothing_by_it(climb: Climb) -> None:
    done = climb(5000.0, 3000.0, fast_errors=frozenset({"candidate"}))
    assert done.return_value == Exit.REGRESSION


@pytest.mark.parametrize(
    "behaviour", [{"status": {"candidate": "204"}}, {"size_bytes": {"candidate": 10}}]
)
def test_responses_of_another_kind_are_no_pass(climb: Climb, behaviour: Any) -> None:
    done = climb(5000.0, 9000.0, **behaviour)
    assert done.return_value == Exit.INCONCLUSIVE
    assert "other statuses or sizes" in done.stdout


def test_no_time_left_is_inconclusive(climb: Climb) -> None:
    done = climb(5000.0, 5000.0, "--minutes", "1e-9")
    assert done.return_value == Exit.INCONCLUSIVE
    assert "more --minutes" in done.stdout


def test_a_round_that_would_not_end_in_time_is_not_begun(
    climb: Climb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]

    def step(*_: object) -> None:
        now_s[0] += 4.0

    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    done = climb(5000.0, 5000.0, "--minutes", "4", on_step=step)
    assert done.return_value == Exit.INCONCLUSIVE
    body = written(tmp_path)
    took_s = [one["duration_s"] for one in body["rounds"]]
    assert len(took_s) > 1
    assert 240 - max(took_s) < sum(took_s) <= body["duration_s"] <= 240
    (said,) = re.findall(
        r"no further round: one may take (\d+) s, and (\d+) s are left", done.stderr
    )
    assert int(said[0]) == round(max(took_s[1:])) > int(said[1])


def test_a_service_that_carries_nothing_is_invalid(climb: Climb) -> None:
    done = climb(1.0, 1.0)
    assert isinstance(done.exception, InvalidMeasurement)
    assert "does not carry" in done.exception.message


def test_one_image_is_compared_with_itself_only_when_asked(climb: Climb) -> None:
    done = climb(5000.0, 5000.0, reference="demo:2")
    assert done.return_value == Exit.INCONCLUSIVE
    assert "same image in both arms" in done.stdout
    assert climb(5000.0, 5000.0, "--allow-same-image", reference="demo:2").return_value == Exit.PASS


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--threshold", "0.03"), "--threshold 0.03 is not above --tolerance 0.05"),
        (("--share", "2"), "--share"),
        (("--share", "nan"), "--share"),
        (("--threshold", "nan"), "--threshold"),
        (("--within-ms", "0"), "--within-ms"),
    ],
)
def test_limits_that_contradict_are_refused(
    climb: Climb, options: tuple[str, ...], said: str
) -> None:
    done = climb(5000.0, 5000.0, *options)
    assert isinstance(done.exception, (UsageError, click.UsageError))
    told = done.exception
    assert said in (told.format_message() if isinstance(told, click.UsageError) else str(told))
