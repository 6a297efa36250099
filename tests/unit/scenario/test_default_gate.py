from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.scenario.default_gate import (
    DEFAULT_GATE,
    DefaultSpikes,
)
from socklat_gate.scenario.gating import Gate, Metric, Spikes
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.strict import StrictModel


def own_names(model: type[StrictModel]) -> set[str]:
    """What code can ask an object of this model for, pydantic's own methods left out."""
    names = {name for name in {*dir(model), *model.model_fields} if not name.startswith("_")}
    return names - set(dir(StrictModel))


def test_the_default_gate_has_the_members_of_the_model_and_their_defaults() -> None:
    found = asdict(DEFAULT_GATE)
    for metric in found["metrics"]:
        for name in ("limit_ms", "limit_mib", "request", "within_ms", "share"):
            assert metric.pop(name) is None  # and is left out of a dump then
    lists = {name: list(found[name]) for name in ("metrics", "accept_answers")}
    assert {**found, **lists} == Gate().model_dump()


def test_the_default_gate_can_be_asked_for_all_that_the_model_can() -> None:
    assert own_names(Gate) <= set(dir(DEFAULT_GATE))
    assert own_names(Metric) <= set(dir(DEFAULT_GATE.metrics[0]))
    assert own_names(Spikes) <= set(dir(DEFAULT_GATE.spikes))


def test_alpha_is_shared_alike() -> None:
    for gate in (DEFAULT_GATE, Gate()):
        assert gate.alpha_spikes == 0.005
        assert gate.alpha_metric == pytest.approx(0.001)
        assert gate.alpha_count == pytest.approx(0.0005)


@pytest.mark.parametrize(("metrics", "spikes", "doublings"), [(4, True, 10), (1, False, 7)])
def test_what_counts_have_of_alpha_costs_a_metric_no_pair(
    metrics: int, spikes: bool, doublings: int
) -> None:
    gate = replace(
        DEFAULT_GATE, metrics=DEFAULT_GATE.metrics[:metrics], spikes=DefaultSpikes(enabled=spikes)
    )
    uncounted = replace(gate, errors=False, capacity=False)
    for one in (gate, uncounted):
        assert 2 ** (doublings - 1) < 1 / one.alpha_metric <= 2**doublings
    assert gate.alpha_metric < uncounted.alpha_metric


def test_the_defaults_have_the_same_names() -> None:
    assert [m.name for m in DEFAULT_GATE.metrics] == [m.name for m in Gate().metrics]


@pytest.mark.parametrize("named", ["", '[[load.request]]\nname = "all"\npath = "/"\n'])
def test_a_default_that_a_load_is_too_short_for_is_said_at_the_load(
    tmp_path: Path, named: str
) -> None:
    path = tmp_path / "socklat.toml"
    path.write_text(
        'name = "x"\n[service]\nimage = "x"\nport = 1\n[load]\ndriver = "http"\nrate = 300\n'
        f"duration_s = 4\n{named}"
    )
    with pytest.raises(UsageError) as caught:
        load_scenario(path)
    assert ":8: load.duration_s: by default response_p99 needs about" in caught.value.message
    assert "gate a lower quantile, in [[gate.metrics]]" in caught.value.message


def test_a_load_too_short_for_several_defaults_is_told_what_is_enough_for_all(
    tmp_path: Path,
) -> None:
    path = tmp_path / "socklat.toml"
    head = 'name = "x"\n[service]\nimage = "x"\nport = 1\n[load]\ndriver = "http"\nrate = 200\n'
    path.write_text(f"{head}duration_s = 2\n")
    with pytest.raises(UsageError) as caught:
        load_scenario(path)
    assert "by default response_p99 needs" in caught.value.message
    assert "set load.duration_s to 40 or more" in caught.value.message
    path.write_text(f"{head}duration_s = 40\n")
    load_scenario(path)
