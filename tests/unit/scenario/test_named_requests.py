"""Metrics of named requests: which a scenario may have, and which it has by default."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.scenario_notes import scenario_notes
from socklat_gate.measured.facts import NoteCode
from socklat_gate.measured.names import REQUEST_STAGES
from socklat_gate.measured.records import EXCHANGE_STAGES
from socklat_gate.scenario import Gate, Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.wording.notes import note_text

HEAD = """name = "shop"
[service]
image = "shop"
port = 80
[load]
driver = "http"
"""
NAMES = """[[load.request]]
name = "cart"
path = "/cart"
[[load.request]]
name = "search"
weight = 0.03
path = "/search"
"""
COMMAND = '[load.command]\nargv = ["wrk"]\n'


def metric(**keys: object) -> str:
    lines = {"quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05, **keys}
    text = "[[gate.metrics]]\n"
    for key, value in lines.items():
        text += f"{key} = {value!r}\n".replace("'", '"') if value is not None else ""
    return text


def loaded(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "socklat.toml"
    path.write_text(text, "utf-8")
    return load_scenario(path)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, text)
    assert caught.value.reason is Reason.BAD_SCENARIO
    return caught.value.message


def test_the_default_is_the_whole_and_what_of_each_name_comes_often_enough(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, HEAD + NAMES)
    names = [one.name for one in scenario.gate.metrics]
    # 7767 and 233 in 8 s at 1000 a second; p99 takes 8000, p90 800 and p50 160.
    assert names[4:] == ["response_p50[cart]", "response_p90[cart]", "response_p50[search]"]
    (note,) = scenario_notes(scenario)
    assert note.code is NoteCode.REQUESTS_LEFT_OUT
    assert note.subject == "cart p99, search p90 p99"
    assert "cart p99, search p90 p99" in note_text(note)


def test_a_gate_table_without_metrics_has_the_default_ones_too(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, HEAD + NAMES + "[gate]\nmax_pairs = 20\n")
    assert len(scenario.gate.metrics) == 7
    assert Gate.model_validate(scenario.gate.model_dump()) == scenario.gate


def test_metrics_that_are_given_are_all_there_are(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, HEAD + NAMES + metric(request="search"))
    assert [one.name for one in scenario.gate.metrics] == ["response_p50[search]"]
    assert scenario.gate.alpha_named == pytest.approx(0.004)
    notes = {note.code: note.subject for note in scenario_notes(scenario)}
    assert notes[NoteCode.REQUESTS_LEFT_OUT] == "cart p50 p90 p99, search p90 p99"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + NAMES + metric() + metric(request="serch"),
            ":22: gate.metrics.1.request: no [[load.request]] is called 'serch'; did you mean "
            "'search'?",
        ),
        (
            HEAD + metric(request="cart"),
            ":11: gate.metrics.0.request: there is no [[load.request]]",
        ),
        (
            HEAD.replace("http", "command") + COMMAND + metric(request="cart"),
            'with driver "command" it is not known which request is which',
        ),
        (
            HEAD + NAMES + metric(request="search", quantile=0.9),
            "gate.metrics.0.quantile: response_p90[search] needs about 80 requests beyond it in "
            "each run, of which 233 come: set load.duration_s to 27.5 or more",
        ),
        (
            HEAD + NAMES + metric(request="cart", stage="accept_wait"),
            "stage accept_wait is not known by request: use response, service",
        ),
        (
            HEAD + NAMES + metric(request="cart", stage="cpu", quantile=None),
            "stage cpu has no request",
        ),
        (HEAD + NAMES + metric(request="cart") * 2, "the same stage and quantile is gated twice"),
        (HEAD + NAMES + metric(request=""), "gate.metrics.0.request"),
    ],
)
def test_what_no_request_can_be_judged_by(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path, text)


def test_the_same_quantile_of_two_requests_are_two_metrics(tmp_path: Path) -> None:
    text = HEAD + NAMES + metric(request="cart") + metric(request="search") + metric()
    gate = loaded(tmp_path, text).gate
    assert gate.alpha_metric == pytest.approx(0.002)
    assert gate.alpha_named == pytest.approx(0.001)
    parts = gate.alpha_metric + 2 * gate.alpha_named + gate.alpha_spikes + 2 * gate.alpha_count
    assert parts == pytest.approx(gate.alpha)


def test_limits_of_different_requests_do_not_contradict(tmp_path: Path) -> None:
    zone = {"tolerance": None, "regression_threshold": None}
    text = HEAD + NAMES + metric(limit_ms=9.0, request="cart", **zone)
    text += metric(limit_ms=5.0, quantile=0.9, **zone)
    assert len(loaded(tmp_path, text).gate.limited) == 2
    same = text + metric(limit_ms=5.0, quantile=0.9, request="cart", **zone)
    assert "is below that of response_p50[cart], 9" in refused(tmp_path, same)


def test_waivers_name_metrics_and_errors_of_a_request(tmp_path: Path) -> None:
    waiver = """[[waiver]]
metric = "NAME"
ceiling = 0.08
expires = 2999-01-01
link = "https://example.org/1"
baseline = "1f2e3d4c5b6a"
"""
    for name in ("response_p50[cart]", "errors[cart]"):
        assert loaded(tmp_path, HEAD + NAMES + waiver.replace("NAME", name)).waiver
    for name, near in (
        ("response_p50[card]", "response_p50[cart]"),
        ("errors[card]", "errors[cart]"),
    ):
        found = refused(tmp_path, HEAD + NAMES + waiver.replace("NAME", name))
        assert f"{name!r} is not gated; did you mean {near!r}?" in found


def test_the_stages_that_are_known_by_request_are_those_of_the_log() -> None:
    assert REQUEST_STAGES == EXCHANGE_STAGES
