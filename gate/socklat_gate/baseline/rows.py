"""The rows of a campaign in the table of `baseline.table`: one for each used bucket."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.histogram import Histogram, bucket_edges_ns
from socklat_gate.measured.names import OF_CONTAINER
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import container_value

__all__ = ["COLUMNS", "machine_of", "rows_of"]

Column = npt.NDArray[Any]

# Column and type, in order; those up to "machine" are the same in all rows of a campaign.
COLUMNS = {
    "scenario": "VARCHAR",
    "campaign": "VARCHAR",
    "created": "TIMESTAMP",
    "branch": "VARCHAR",
    "commit": "VARCHAR",
    "image": "VARCHAR",
    "mode": "VARCHAR",
    "scenario_hash": "VARCHAR",
    "machine": "VARCHAR",
    "run": "SMALLINT",
    "stage": "VARCHAR",
    "corrected": "BOOLEAN",
    "exchanges": "UBIGINT",
    "from_ns": "DOUBLE",
    "to_ns": "DOUBLE",
    "count": "UBIGINT",
}


def rows_of(campaign: Campaign) -> dict[str, Column]:
    """The rows of a campaign, a column of equal length each, from ``run`` on.

    A number of the container is a bucket that it fills alone; of stage ``memory`` its edges are
    bytes.
    """
    edges = bucket_edges_ns()
    parts: dict[str, list[Column]] = {}
    for number, run in enumerate(campaign.runs, 1):
        for stage, corrected, exchanges, histogram in _histograms(run):
            # A histogram without values has a row too: it was measured.
            used = np.flatnonzero(histogram.counts) if histogram.total else np.zeros(1, np.int64)
            part = {
                "run": np.full(used.size, number, np.int16),
                "stage": np.full(used.size, stage, object),
                "corrected": np.full(used.size, corrected),
                "exchanges": np.full(used.size, exchanges, np.uint64),
                "from_ns": edges[used].astype(np.float64),
                # Values are whole ns, so the last one of a bucket is 1 below the next edge.
                "to_ns": edges[used + 1].astype(np.float64) - 1,
                "count": histogram.counts[used],
            }
            for name, column in part.items():
                parts.setdefault(name, []).append(column)
        for stage in OF_CONTAINER:
            value = container_value(run, stage)
            if math.isnan(value):
                continue
            row = (number, stage, False, max(1, run.cpu_exchanges), value, value, 1)
            for name, one in zip(parts, row, strict=True):
                parts[name].append(np.array([one], dtype=parts[name][0].dtype))
    return {name: np.concatenate(columns) for name, columns in parts.items()}


def _histograms(run: Run) -> Iterator[tuple[str, bool, int, Histogram]]:
    """Stage, whether corrected for stalls, the exchanges that it rests on, histogram."""
    for stage, histogram in run.histograms.items():
        yield stage, False, histogram.total, histogram
    if run.corrected is not None:
        for stage, histogram in run.corrected.histograms.items():
            yield stage, True, run.corrected.used[stage].total, histogram


def machine_of(campaign: Campaign) -> str:
    """A short name for what must match between machines."""
    text = json.dumps(sorted(campaign.fingerprint.must_match.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
