from __future__ import annotations

from dataclasses import asdict

from socklat_gate.scenario.default_gate import DEFAULT_GATE
from socklat_gate.scenario.gating import Gate, Metric, Spikes
from socklat_gate.scenario.strict import StrictModel


def own_names(model: type[StrictModel]) -> set[str]:
    """What code can ask an object of this model for, pydantic's own methods left out."""
    names = {name for name in {*dir(model), *model.model_fields} if not name.startswith("_")}
    return names - set(dir(StrictModel))


def test_the_default_gate_has_the_members_of_the_model_and_their_defaults() -> None:
    found = asdict(DEFAULT_GATE)
    assert {**found, "metrics": list(found["metrics"])} == Gate().model_dump()


def test_the_default_gate_can_be_asked_for_all_that_the_model_can() -> None:
    assert own_names(Gate) <= set(dir(DEFAULT_GATE))
    assert own_names(Metric) <= set(dir(DEFAULT_GATE.metrics[0]))
    assert own_names(Spikes) <= set(dir(DEFAULT_GATE.spikes))


def test_alpha_is_shared_alike() -> None:
    shares = [(gate.alpha_spikes, gate.alpha_metric) for gate in (DEFAULT_GATE, Gate())]
    assert shares == [(0.005, 0.00125)] * 2
    assert [m.name for m in DEFAULT_GATE.metrics] == [m.name for m in Gate().metrics]
