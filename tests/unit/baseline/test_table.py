from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from socklat_gate.baseline.comparability import latest_kind
from socklat_gate.baseline.rows import COLUMNS
from socklat_gate.baseline.store import StoredCampaign
from socklat_gate.baseline.table import CampaignTable
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.scenario.gating import Metric, default_metrics
from socklat_gate.verdict.series import metric_history
from tests.unit.factories import make_campaign, make_corrected

MIDDLE = Metric(stage="recv_wait", quantile=0.731, tolerance=0.02, regression_threshold=0.05)

STARTUP, MEMORY = (Metric.model_validate({"stage": stage}) for stage in ("startup", "memory"))


def history(count: int = 5) -> list[Campaign]:
    """Campaigns a day apart whose runs are corrected, partly, and have CPU times."""
    made = []
    for day in range(1, count + 1):
        campaign = make_campaign(3, created=f"2026-03-{day:02d}T05:06:07.500+02:00", branch="main")
        runs = [
            replace(
                run,
                corrected=make_corrected(run, 0.9 - day / 100) if at else None,
                cpu_ns=80_000_001 + day * 77,
                cpu_exchanges=1999,
                startup_ns=500_000_000 + day * 1001,
                peak_memory_bytes=(100 << 20) + day * 4096,
            )
            for at, run in enumerate(campaign.runs)
        ]
        made.append(replace(campaign, runs=tuple(runs), commit=f"{day:040x}"))
    return made


def fill(table: CampaignTable, campaigns: list[Campaign]) -> None:
    for number, campaign in enumerate(campaigns):
        table.add(StoredCampaign(f"checkout/{number:03d}.json", campaign))


@pytest.fixture
def table() -> Iterator[CampaignTable]:
    with CampaignTable() as made:
        yield made


@pytest.mark.parametrize(
    "metric", [*default_metrics(), MIDDLE, STARTUP, MEMORY], ids=lambda metric: metric.name
)
def test_sql_takes_the_same_quantiles_as_the_verdict(table: CampaignTable, metric: Metric) -> None:
    campaigns = history()
    fill(table, campaigns)
    points = table.series("checkout", metric)
    expected = metric_history(campaigns, metric)
    # p99 of 2000 exchanges has too few beyond it: there is none to compare.
    assert len(points) == len(expected.values) == (0 if metric.quantile == 0.99 else 5)
    np.testing.assert_allclose([p.log_value for p in points], expected.values, rtol=1e-12)
    assert [p.commit for p in points] == [moment.commit for moment in expected.campaigns]
    assert {(p.branch, p.runs) for p in points} <= {("main", 3)}


def test_times_are_utc(table: CampaignTable) -> None:
    fill(table, history(1))
    (point,) = table.series("checkout", default_metrics()[0])
    assert point.created == "2026-03-01T03:06:07.500000Z"
    assert point.campaign == "000"


def test_a_stage_corrected_to_nothing_is_not_taken_from_the_raw_one(table: CampaignTable) -> None:
    campaign = history(1)[0]
    runs = [replace(run, corrected=make_corrected(run, 0.0001)) for run in campaign.runs]
    empty = replace(campaign, runs=tuple(runs))
    assert all(r.corrected and not r.corrected.histograms["service"].total for r in empty.runs)
    fill(table, [empty])
    assert table.series("checkout", default_metrics()[0]) == ()
    assert metric_history([empty], default_metrics()[0]).values.size == 0


def test_only_what_is_alike_to_the_newest_counts(table: CampaignTable) -> None:
    campaigns = history(8)
    campaigns[0] = replace(campaigns[0], mode="paired")
    campaigns[1] = replace(campaigns[1], scenario_hash="f" * 16)
    campaigns[2] = replace(campaigns[2], fingerprint=Fingerprint({"kernel": "5.10"}))
    campaigns[3] = replace(campaigns[3], branch="feature")
    campaigns[4] = replace(campaigns[4], branch="")
    fill(table, campaigns)
    for branch, scenario_hash in [("", ""), ("main", ""), ("feature", ""), ("", "f" * 16)]:
        points = table.series(
            "checkout", default_metrics()[0], scenario_hash=scenario_hash, branch=branch
        )
        alike = latest_kind(campaigns, scenario_hash, branch)
        assert [p.commit for p in points] == [campaign.commit for campaign in alike]
    assert table.series("other", default_metrics()[0]) == ()


def test_parquet_there_and_back(table: CampaignTable, tmp_path: Path) -> None:
    fill(table, history())
    path = tmp_path / "it's here.parquet"
    rows = table.write_parquet(path)
    assert table.write_parquet(path) == rows > 1000
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    names = duckdb.sql(f"SELECT * FROM read_parquet({str(path)!r}) LIMIT 0").columns
    assert names == list(COLUMNS)
    with CampaignTable() as again:
        again.read_parquet(path)
        for metric in default_metrics():
            assert again.series("checkout", metric) == table.series("checkout", metric)


def test_files_that_cannot_be_written_or_are_no_export(
    table: CampaignTable, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as unwritable:
        table.write_parquet(tmp_path / "nowhere" / "a.parquet")
    assert unwritable.value.reason is Reason.OUTPUT_NOT_WRITABLE
    with pytest.raises(NoUsableBaseline) as missing:
        table.read_parquet(tmp_path / "a.parquet")
    assert missing.value.reason is Reason.BASELINE_MISSING
    other = tmp_path / "other.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS x) TO {str(other)!r} (FORMAT parquet)")
    junk = tmp_path / "junk.parquet"
    junk.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    for path in (other, junk):
        with pytest.raises(NoUsableBaseline) as corrupt:
            table.read_parquet(path)
        assert corrupt.value.reason is Reason.BASELINE_CORRUPT


def test_without_duckdb_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError) as caught:
        CampaignTable()
    assert caught.value.reason is Reason.MISSING_EXTRA
    assert "socklat-gate[history]" in str(caught.value.remedy)
