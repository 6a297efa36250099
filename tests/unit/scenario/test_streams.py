"""``load.streams``: which loads can have several, and by what they are judged then."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.job.scenario_notes import scenario_notes
from socklat_gate.load.bounds import max_connections_of
from socklat_gate.measured.facts import NoteCode
from socklat_gate.measured.names import REQUEST_STAGES
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.found_rate import with_rate
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.wording.notes import note_text

HEAD = 'name = "shop"\n[service]\nimage = "shop"\nport = 80\n[load]\n'
STREAMS = 'driver = "http"\nhttp = "2"\nstreams = 8\n'
NAMES = '[[load.request]]\nname = "cart"\npath = "/cart"\n[[load.request]]\nname = "buy"\n'
ZONE = "tolerance = 0.1\nregression_threshold = 0.2\n"


def loaded(directory: Path, text: str) -> Scenario:
    path = directory / "socklat.toml"
    path.write_text(HEAD + text, "utf-8")
    return load_scenario(path)


def refusal(directory: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as raised:
        loaded(directory, text)
    assert raised.value.exit_code is Exit.USAGE
    assert raised.value.reason is Reason.BAD_SCENARIO
    assert raised.value.remedy
    return raised.value


@pytest.mark.parametrize(
    ("load", "line", "said"),
    [
        ('driver = "http"\nstreams = 8\n', 7, "load.streams: HTTP/1.1 has one request in flight"),
        ('payload = "x"\nstreams = 8\n', 7, 'load.streams: driver "tcp" has one request'),
        (
            'driver = "websocket"\nbody = "x"\nstreams = 8\n',
            8,
            'load.streams: driver "websocket" has one request in flight',
        ),
        (
            'driver = "command"\nstreams = 8\n[load.command]\nargv = ["wrk"]\n',
            7,
            'load.streams: driver "command" has one request',
        ),
        (STREAMS + "keep_alive = false\n", 8, "load.keep_alive = false gives each request"),
        ('driver = "http"\nhttp = "2"\nstreams = 0\n', 8, "load.streams: "),
        ('driver = "http"\nhttp = "2"\nstreams = 1001\n', 8, "load.streams: "),
    ],
)
def test_what_has_no_streams_says_so(tmp_path: Path, load: str, line: int, said: str) -> None:
    error = refusal(tmp_path, load)
    assert f"socklat.toml:{line}: " in error.message
    assert said in error.message


@pytest.mark.parametrize("stage", REQUEST_STAGES)
def test_a_stage_of_the_kernels_exchanges_is_refused_by_name(tmp_path: Path, stage: str) -> None:
    gate = f'[probe]\ndetail = "full"\n[[gate.metrics]]\nstage = "{stage}"\nquantile = 0.5\n'
    error = refusal(tmp_path, STREAMS + gate + ZONE)
    assert "socklat.toml:12: gate.metrics.0.stage: with load.streams = 8" in error.message
    assert f'{stage} is not measured: use "client"' in error.message
    assert "leave streams out and raise load.connections" in error.message


def test_a_metric_without_a_stage_is_of_response_and_refused_too(tmp_path: Path) -> None:
    error = refusal(tmp_path, f"{STREAMS}[[gate.metrics]]\nquantile = 0.5\n{ZONE}")
    assert 'response is not measured: use "client"' in error.message


@pytest.mark.parametrize("stage", ["client", "accept_wait", "depend", "runq"])
def test_what_is_of_no_exchange_can_be_judged(tmp_path: Path, stage: str) -> None:
    gate = f'[probe]\ndetail = "full"\n[[gate.metrics]]\nstage = "{stage}"\nquantile = 0.5\n'
    scenario = loaded(tmp_path, STREAMS + gate + ZONE)
    assert [metric.name for metric in scenario.gate.metrics] == [f"{stage}_p50"]


def test_the_drivers_clock_is_no_stage_of_one_request_at_a_time(tmp_path: Path) -> None:
    gate = f'[[gate.metrics]]\nstage = "client"\nquantile = 0.5\n{ZONE}'
    error = refusal(tmp_path, 'driver = "http"\nhttp = "2"\n' + gate)
    assert "socklat.toml:9: gate.metrics.0.stage: " in error.message
    assert 'use "response"' in error.message


def test_default_metrics_follow_from_streams(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, STREAMS)
    assert [metric.name for metric in scenario.gate.metrics] == [
        "client_p50",
        "client_p90",
        "client_p99",
        "cpu_per_request",
    ]
    zones = [(one.tolerance, one.regression_threshold) for one in scenario.gate.metrics]
    plain = loaded(tmp_path, 'driver = "http"\nhttp = "2"\n')
    assert zones == [(one.tolerance, one.regression_threshold) for one in plain.gate.metrics]
    assert plain.gate.metrics[0].name == "response_p50"
    assert scenario.measured_hash() != plain.measured_hash()


def test_those_of_names_do_too_also_once_a_rate_was_found(tmp_path: Path) -> None:
    expected = [
        f"client_p{quantile}[{name}]" for name in ("cart", "buy") for quantile in ("50", "90")
    ]
    scenario = loaded(tmp_path, STREAMS + NAMES)
    assert [one.name for one in scenario.gate.metrics][4:] == expected
    found = with_rate(loaded(tmp_path, f'{STREAMS}rate = "auto"\n{NAMES}'), 1000.0)
    assert [one.name for one in found.gate.metrics][4:] == expected
    assert found.gate.metrics[0].name == "client_p50"


def test_a_metric_of_a_name_can_be_given(tmp_path: Path) -> None:
    gate = f'[[gate.metrics]]\nrequest = "buy"\nstage = "client"\nquantile = 0.9\n{ZONE}'
    scenario = loaded(tmp_path, STREAMS + NAMES + gate)
    assert [metric.name for metric in scenario.gate.metrics] == ["client_p90[buy]"]


def test_a_waiver_can_name_it(tmp_path: Path) -> None:
    waiver = (
        '[[waiver]]\nmetric = "client_p99"\nceiling = 0.3\nexpires = 2099-01-01\n'
        'link = "https://tracker.example/1"\nbaseline = "1f2e3d4c5b6a"\n'
    )
    assert loaded(tmp_path, STREAMS + waiver).waiver[0].metric == "client_p99"


def test_a_note_names_the_stages_and_nothing_is_left_out(tmp_path: Path) -> None:
    notes = scenario_notes(loaded(tmp_path, STREAMS))
    codes = {note.code: note for note in notes}
    text = note_text(codes[NoteCode.STAGES_NOT_MEASURED])
    assert all(stage in text for stage in REQUEST_STAGES)
    assert "up to 8 requests share a connection" in text
    left_out = codes.get(NoteCode.DEFAULTS_LEFT_OUT)
    assert left_out is None or "client" not in left_out.subject
    assert NoteCode.REQUESTS_LEFT_OUT not in codes


def test_connections_are_added_only_where_they_are_asked_for(tmp_path: Path) -> None:
    assert max_connections_of(loaded(tmp_path, STREAMS + "connections = 4\n").load) == 4
    more = loaded(tmp_path, STREAMS + "connections = 4\nmax_connections = 9\n").load
    assert max_connections_of(more) == 9
