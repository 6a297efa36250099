from __future__ import annotations

import pytest

from socklat_gate.scenario.named_gate import default_gate_of, named_zone


@pytest.mark.parametrize(
    ("quantile", "requests", "zone"),
    [
        (0.5, 2000.0, (0.02, 0.05)),
        (0.5, 1999.0, (0.03, 0.08)),
        (0.5, 300.0, (0.03, 0.08)),
        (0.5, 299.0, (0.05, 0.15)),
        (0.9, 1e6, (0.03, 0.08)),
        (0.9, 1499.0, (0.05, 0.15)),
        (0.99, 1e6, (0.05, 0.15)),
        (0.95, 1e6, (0.02, 0.05)),  # of which the defaults say nothing
    ],
)
def test_the_fewer_come_of_a_name_the_wider_is_its_zone(
    quantile: float, requests: float, zone: tuple[float, float]
) -> None:
    assert named_zone(quantile, requests) == zone


def test_names_have_half_of_what_the_metrics_share() -> None:
    gate = default_gate_of({"cart": 400.0, "home": 9000.0})
    assert [m.name for m in gate.metrics[4:]] == [
        "response_p50[cart]",
        "response_p50[home]",
        "response_p90[home]",
        "response_p99[home]",
    ]
    parts = 4 * gate.alpha_metric + 4 * gate.alpha_named
    assert parts == pytest.approx(gate.alpha_metrics)
    assert gate.alpha_metric == gate.alpha_named == pytest.approx(0.0005)
    assert gate.alpha_stored(gate.metrics[0]) == pytest.approx(0.00125)
