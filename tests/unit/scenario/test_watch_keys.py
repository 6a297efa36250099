"""``[gate.watch]``: bad values are exit 2 with key and line; when replicas are started at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.job.settings import with_limits
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.watch import has_watch

HEAD = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
driver = "http"

"""


def load(directory: Path, text: str) -> Scenario:
    path = directory / "socklat.toml"
    path.write_text(HEAD + text)
    return load_scenario(path)


def test_by_default_there_is_one_of_two_minutes(tmp_path: Path) -> None:
    scenario = load(tmp_path, "")
    watch = scenario.gate.watch
    assert (watch.replicas, watch.minutes, watch.age_s, watch.rate) == ("auto", 2.0, 0.0, 8.0)
    assert has_watch(scenario)


@pytest.mark.parametrize(
    "text",
    [
        "[gate.watch]\nminutes = 0\n",
        "[gate.spikes]\nenabled = false\n",
        '[gate]\ninterleave = "block"\n',
        '[[gate.metrics]]\nstage = "response"\nquantile = 0.5\nlimit_ms = 5.0\n',
    ],
    ids=["minutes", "spikes", "one-arm-at-a-time", "limits-alone"],
)
def test_where_there_is_none(tmp_path: Path, text: str) -> None:
    assert not has_watch(load(tmp_path, text))


def test_an_external_tool_is_no_load_of_replicas(tmp_path: Path) -> None:
    path = tmp_path / "socklat.toml"
    command = HEAD.replace('"http"', '"command"') + '[load.command]\nargv = ["wrk"]\n'
    path.write_text(command)
    assert not has_watch(load_scenario(path))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[gate.watch]\nreplicas = 1", 11, "gate.watch.replicas: input should be greater than or"),
        ("[gate.watch]\nreplicas = 33", 11, "gate.watch.replicas: input should be less than or"),
        (
            '[gate.watch]\nreplicas = "many"',
            11,
            'gate.watch.replicas: input should be a valid integer, or "auto"',
        ),
        ("[gate.watch]\nminutes = -1", 11, "gate.watch.minutes: input should be greater than or"),
        ("[gate.watch]\nminutes = 601", 11, "gate.watch.minutes: input should be less than or"),
        ("[gate.watch]\nage_s = -1", 11, "gate.watch.age_s: input should be greater than or"),
        ("[gate.watch]\nrate = 0.5", 11, "gate.watch.rate: input should be greater than or"),
        ("[gate.watch]\nminute = 1", 11, "did you mean 'minutes'?"),
        ("[gate]\nwatch = false", 11, "gate.watch: input should be a table (given: False)"),
        (
            "[gate.watch]\nminutes = 10",
            10,
            "gate.watch: a pass waits for 10 minutes of watch (gate.watch.minutes), and "
            "gate.max_minutes is 10: raise it, or watch for less (0: not at all)",
        ),
        (
            "[gate]\nmax_minutes = 2\n[gate.watch]\nminutes = 2",
            12,
            "gate.watch: a pass waits for 2 minutes of watch",
        ),
        (
            "[gate.watch]\nage_s = 600",
            11,
            "gate.watch.age_s: no replica gets 600 s old in gate.max_minutes, which is 10",
        ),
        (
            "[gate.watch]\nminutes = 0\nage_s = 60",
            12,
            "gate.watch.age_s: no replica gets any age with gate.watch.minutes = 0",
        ),
        (
            "[gate]\nmax_minutes = 30\n[gate.watch]\nrate = 1000\nreplicas = 8",
            13,
            "gate.watch.rate: 2.88e+07 requests to the replicas in gate.max_minutes, which is 30, "
            "are more than 2e+07: lower this",
        ),
    ],
)
def test_bad_values(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, f"{text}\n")
    assert (caught.value.exit_code, caught.value.reason) == (Exit.USAGE, Reason.BAD_SCENARIO)
    assert f"socklat.toml:{line}: " in caught.value.message
    assert said in caught.value.message


def test_minutes_of_the_command_line_that_leave_no_time_for_it(tmp_path: Path) -> None:
    scenario = load(tmp_path, "[gate.watch]\nminutes = 2\n")
    with pytest.raises(
        UsageError, match=r"--max-minutes 2: .*a pass waits for 2 minutes"
    ) as caught:
        with_limits(scenario, max_minutes=2.0)
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert "minutes = 0" in (caught.value.remedy or "")
    assert with_limits(scenario, max_minutes=3.0).gate.max_minutes == 3.0
    quick = load(tmp_path, "[gate.watch]\nminutes = 0\n")
    assert with_limits(quick, max_minutes=1.0).gate.max_minutes == 1.0


@pytest.mark.parametrize(("most", "minutes"), [(0.5, 0.25), (2, 1.0), (2.1, 2.0), (30, 2.0)])
def test_a_job_too_short_for_the_default_watches_for_half_of_it(
    tmp_path: Path, most: float, minutes: float
) -> None:
    """Jobs of two minutes were there before there was a watch."""
    assert load(tmp_path, f"[gate]\nmax_minutes = {most}\n").gate.watch.minutes == minutes
    given = with_limits(load(tmp_path, ""), max_minutes=float(most))
    assert given.gate.watch.minutes == minutes
    of_its_own = load(tmp_path, "[gate.watch]\nminutes = 0.1\nreplicas = 3\n")
    assert with_limits(of_its_own, max_minutes=float(most)).gate.watch.minutes == 0.1
    other = with_limits(load(tmp_path, "[gate.watch]\nreplicas = 3\n"), max_minutes=float(most))
    assert (other.gate.watch.minutes, other.gate.watch.replicas) == (minutes, 3)


def test_a_study_is_the_same_with_any_watch(tmp_path: Path) -> None:
    quick = load(tmp_path, "[gate.watch]\nminutes = 0\n")
    assert quick.gate_hash() == load(tmp_path, "").gate_hash()
    assert quick.measured_hash() == load(tmp_path, "").measured_hash()
