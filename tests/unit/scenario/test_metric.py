"""``stage = "capacity"`` among [[gate.metrics]]."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.scenario.gating import Metric
from socklat_gate.scenario.loader import load_scenario

GOOD = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
driver = "http"
path = "/cart"

[[gate.metrics]]
stage = "capacity"
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "socklat.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_it_has_a_zone_and_a_share_without_any_being_given(tmp_path: Path) -> None:
    (metric,) = load_scenario(written(tmp_path, GOOD)).gate.metrics
    assert metric.name == "capacity_rps"
    assert (metric.tolerance, metric.regression_threshold, metric.share) == (0.05, 0.15, 0.99)
    assert metric.within_ms is None
    assert Metric.model_validate(metric.model_dump()) == metric


def test_all_of_it_can_be_given() -> None:
    given = {"tolerance": 0.1, "regression_threshold": 0.2, "within_ms": 80.0, "share": 0.95}
    metric = Metric.model_validate({"stage": "capacity", **given})
    assert metric.model_dump() == {"stage": "capacity", "quantile": None, **given}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("quantile = 0.5", "stage capacity has no quantile: leave it out"),
        ("limit_ms = 5.0", "stage capacity has no limit_ms: within_ms is how long"),
        ('request = "cart"', "stage capacity has no request"),
        ("tolerance = 0.1", "regression_threshold: field required"),
        ("tolerance = 0.2\nregression_threshold = 0.1", "must be larger than tolerance"),
        ("tolerance = 0.2\nregression_threshold = 1.5", "regression_threshold 0.9"),
        ("within_ms = 0", "within_ms"),
        ("share = 1.5", "share"),
        ("shares = 0.9", "did you mean 'share'?"),
    ],
)
def test_what_contradicts_is_refused_with_key_and_line(
    tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_scenario(written(tmp_path, f"{GOOD}{line}\n"))
    assert said in caught.value.message
    assert "gate.metrics.0" in caught.value.message
    assert "socklat.toml:1" in caught.value.message  # lines 11 to 14


def test_it_is_gated_once(tmp_path: Path) -> None:
    text = GOOD + '\n[[gate.metrics]]\nstage = "capacity"\nwithin_ms = 5.0\n'
    with pytest.raises(UsageError, match="gated twice"):
        load_scenario(written(tmp_path, text))


def test_keys_of_the_capacity_are_of_nothing_else() -> None:
    for key in ("within_ms", "share"):
        with pytest.raises(ValueError, match=f'{key} is of stage "capacity" alone'):
            Metric.model_validate(
                {"quantile": 0.5, "tolerance": 0.1, "regression_threshold": 0.2, key: 0.9}
            )


def test_a_command_cannot_be_sent_at_other_rates(tmp_path: Path) -> None:
    text = GOOD.replace(
        'driver = "http"\npath = "/cart"', 'driver = "command"\ncommand = { argv = ["x"] }'
    )
    with pytest.raises(UsageError) as caught:
        load_scenario(written(tmp_path, text))
    assert "cannot be sent at other rates" in caught.value.message
    assert ":12: gate.metrics.0.stage" in caught.value.message


WAIVER = """
[[waiver]]
metric = "capacity_rps"
ceiling = CEILING
expires = 2036-01-01
link = "https://example.org/17"
baseline = "1f2e3d4c5b6a"
"""


def test_a_loss_can_be_waived_up_to_nine_tenths(tmp_path: Path) -> None:
    load_scenario(written(tmp_path, GOOD + WAIVER.replace("CEILING", "0.3")))
    for ceiling, said in (("0.95", "above 0.9 of the baseline's capacity"), ("0.04", "accepted")):
        with pytest.raises(UsageError, match=said):
            load_scenario(written(tmp_path, GOOD + WAIVER.replace("CEILING", ceiling)))
    text = GOOD.replace('stage = "capacity"', "quantile = 0.5\ntolerance = 0.02\n") + (
        "regression_threshold = 0.05\n"
    )
    with pytest.raises(UsageError, match="'capacity_rps' is not gated"):
        load_scenario(written(tmp_path, text + WAIVER.replace("CEILING", "0.3")))
