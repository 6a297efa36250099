"""``stage = "startup"`` and ``stage = "memory"`` among [[gate.metrics]]."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, UsageError
from socklat_gate.scenario.gating import Metric
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.service import Service

SCENARIO = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
driver = "http"

[[load.request]]
name = "cart"
path = "/cart"

[[gate.metrics]]
stage = "STAGE"
"""


def written(directory: Path, stage: str, more: str = "") -> Path:
    path = directory / "socklat.toml"
    path.write_text(SCENARIO.replace("STAGE", stage) + more, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("stage", "name", "zone"),
    [("startup", "startup", (0.05, 0.15)), ("memory", "peak_memory", (0.03, 0.1))],
)
def test_it_has_a_name_and_a_zone_without_any_being_given(
    tmp_path: Path, stage: str, name: str, zone: tuple[float, float]
) -> None:
    (metric,) = load_scenario(written(tmp_path, stage)).gate.metrics
    assert metric.name == name
    assert (metric.tolerance, metric.regression_threshold) == zone
    assert metric.limit is None
    assert Metric.model_validate(metric.model_dump()) == metric
    (other,) = load_scenario(
        written(tmp_path, stage, "tolerance = 0.2\nregression_threshold = 0.4\n")
    ).gate.metrics
    assert (other.tolerance, other.regression_threshold) == (0.2, 0.4)


@pytest.mark.parametrize(
    ("stage", "line", "limit"),
    [("startup", "limit_ms = 2500.0", 2.5e9), ("memory", "limit_mib = 1.5", 1.5 * 1024 * 1024)],
)
def test_a_limit_alone_compares_nothing(
    tmp_path: Path, stage: str, line: str, limit: float
) -> None:
    gate = load_scenario(written(tmp_path, stage, f"{line}\n")).gate
    (metric,) = gate.limited
    assert (metric.limit, metric.tolerance) == (limit, 0.0)
    assert gate.compared == ()
    assert not gate.needs_baseline
    assert Metric.model_validate(metric.model_dump()) == metric


@pytest.mark.parametrize(
    ("stage", "line", "said"),
    [
        ("startup", "quantile = 0.5", "stage startup has no quantile: leave it out"),
        ("memory", "quantile = 0.5", "stage memory has no quantile: leave it out"),
        ("memory", "limit_ms = 5.0", "stage memory has no limit_ms: it is no time, use limit_mib"),
        ("startup", "limit_mib = 5.0", 'limit_mib is of stage "memory" alone'),
        ("startup", 'request = "cart"', "the start-up time of a container is not known by request"),
        ("memory", 'request = "cart"', "stage memory has no request: the memory of a container"),
        ("startup", "within_ms = 5.0", 'within_ms is of stage "capacity" alone'),
        ("memory", "tolerance = 0.1", "regression_threshold: field required (only limit_mib does"),
        ("startup", "tolerance = 0.1", "regression_threshold: field required (only limit_ms does"),
        ("startup", "limit_ms = 30000.0", "a start ends after service.ready.timeout_s, 30000 ms"),
        ("memory", "limit_mib = 0", "limit_mib: input should be greater than 0"),
        ("memory", "limit_mb = 5", "unknown key 'gate.metrics.0.limit_mb'"),
    ],
)
def test_what_contradicts_is_refused_with_its_key(
    tmp_path: Path, stage: str, line: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_scenario(written(tmp_path, stage, f"{line}\n"))
    assert said in caught.value.message
    assert "gate" in caught.value.message
    assert "socklat.toml:1" in caught.value.message  # lines 11 to 17
    assert caught.value.exit_code is Exit.USAGE


@pytest.mark.parametrize("memory", ["5m", "5120k", "5242880", "1m"])
def test_a_limit_of_memory_that_the_container_cannot_reach_is_refused(
    tmp_path: Path, memory: str
) -> None:
    path = written(tmp_path, "memory", "limit_mib = 5.0\n")
    text = path.read_text("utf-8")
    path.write_text(text.replace("port = 8080", f'port = 8080\nmemory = "{memory}"'), "utf-8")
    with pytest.raises(UsageError) as caught:
        load_scenario(path)
    assert "gate.metrics.0.limit_mib: 5 MiB can never be exceeded: a container ends at " in (
        caught.value.message
    )
    for more in ("6m", "5121k", "1g", "0"):
        path.write_text(text.replace("port = 8080", f'port = 8080\nmemory = "{more}"'), "utf-8")
        assert load_scenario(path).gate.metrics[0].limit_mib == 5.0


@pytest.mark.parametrize(
    ("text", "found"),
    [(None, None), ("1024", 1024), ("5b", 5), ("2k", 2048), ("512m", 512 << 20), ("1g", 1 << 30)],
)
def test_a_memory_limit_in_bytes(text: str | None, found: int | None) -> None:
    service = Service.model_validate({"image": "shop", "port": 80, "memory": text})
    assert service.memory_bytes == found


def test_it_is_gated_once(tmp_path: Path) -> None:
    more = '\n[[gate.metrics]]\nstage = "memory"\nlimit_mib = 5.0\n'
    with pytest.raises(UsageError, match="gated twice"):
        load_scenario(written(tmp_path, "memory", more))


WAIVER = """
[[waiver]]
metric = "NAME"
ceiling = 0.5
expires = 2036-01-01
link = "https://example.org/17"
baseline = "1f2e3d4c5b6a"
"""


def test_more_of_it_can_be_waived(tmp_path: Path) -> None:
    load_scenario(written(tmp_path, "memory", WAIVER.replace("NAME", "peak_memory")))
    with pytest.raises(UsageError, match="did you mean 'peak_memory'"):
        load_scenario(written(tmp_path, "memory", WAIVER.replace("NAME", "memory")))
