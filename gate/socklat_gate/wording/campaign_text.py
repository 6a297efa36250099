"""A stored campaign as rows of text, for a terminal."""

from __future__ import annotations

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.run_values import latency_stage, metric_value
from socklat_gate.wording.units import count, ns, share

__all__ = ["campaign_rows"]

_QUANTILES = (0.5, 0.9, 0.99)


def campaign_rows(campaign: Campaign) -> list[tuple[str, ...]]:
    """Header and one row a run: exchanges, response quantiles as they are judged, steal."""
    rows: list[tuple[str, ...]] = [("run", "exchanges", "p50", "p90", "p99", "steal")]
    for number, (run, noise) in enumerate(zip(campaign.runs, campaign.noise, strict=True), 1):
        shown = [ns(metric_value(run, latency_stage([run]), quantile)) for quantile in _QUANTILES]
        exchanges = count(run.histograms[latency_stage([run])].total)
        rows.append((str(number), exchanges, *shown, share(noise.steal)))
    return rows
