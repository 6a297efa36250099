"""Stored campaigns as one long table: a row for every used bucket of every stage of every run.

The table lives in DuckDB, in memory, and is written to and read from Parquet.  Quantiles are taken
from the buckets in SQL, by the same rule as `measured.histogram.Histogram.quantiles_ns`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from socklat_gate.baseline.creation_time import creation_time
from socklat_gate.baseline.rows import COLUMNS, machine_of, rows_of
from socklat_gate.baseline.store import StoredCampaign
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.scenario.exceeding import MIN_EXCEEDING
from socklat_gate.scenario.gating import Metric
from socklat_gate.verdict.judged_values import LEAST_NS
from socklat_gate.wording.sanitise import describe_error

if TYPE_CHECKING:
    import duckdb

__all__ = ["CampaignTable", "Point"]

_CREATE = "CREATE TABLE buckets ({})".format(", ".join(f"{n} {t}" for n, t in COLUMNS.items()))

# Of the newest campaign's load, machine, mode and branch; a campaign of no branch is of every one.
_SERIES = """
WITH mine AS (
  SELECT * FROM buckets
  WHERE scenario = $scenario AND ($scenario_hash = '' OR list_contains($hashes, scenario_hash))
    AND ($branch IN ('', branch) OR branch = '')
), newest AS (
  SELECT scenario_hash, mode, machine, branch FROM mine
  ORDER BY created DESC, campaign DESC LIMIT 1
), alike AS (
  SELECT mine.* FROM mine JOIN newest USING (mode, machine)
  WHERE mine.stage = $stage
    AND ($scenario_hash <> '' OR mine.scenario_hash = newest.scenario_hash)
    AND mine.branch IN ('', CASE WHEN $branch = '' THEN newest.branch ELSE $branch END)
), judged AS (
  SELECT *, sum(count) OVER (PARTITION BY campaign, run) AS total,
    sum(count) OVER (PARTITION BY campaign, run ORDER BY from_ns) AS upto
  FROM (
    SELECT * FROM alike
    QUALIFY corrected = bool_or(corrected) OVER (PARTITION BY campaign, run)
  )
), of_runs AS (
  SELECT campaign, run, any_value(created) AS created, any_value(commit) AS commit,
    any_value(branch) AS branch, any_value(exchanges) AS exchanges,
    arg_min(from_ns + (to_ns - from_ns)
      * greatest(0, least(1, ($quantile * total - (upto - count)) / nullif(count, 0))), upto)
      FILTER (upto >= $quantile * total) AS value_ns
  FROM judged GROUP BY campaign, run
)
SELECT campaign, any_value(created), any_value(commit), any_value(branch), count(*),
  avg(ln(greatest(value_ns, $least_ns)) ORDER BY run)
FROM of_runs GROUP BY campaign
HAVING count(value_ns) = count(*) AND min(round(exchanges * $beyond, 6)) >= $enough
ORDER BY any_value(created), campaign
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One campaign's value in a history: ``log_value`` is the mean of ln(ns) over its runs.

    ``created`` is UTC, ISO 8601.
    """

    campaign: str
    created: str
    commit: str
    branch: str
    runs: int
    log_value: float


class CampaignTable:
    """Context manager.  Raises `UsageError` (missing_extra) without DuckDB."""

    def __init__(self) -> None:
        try:
            import duckdb  # noqa: PLC0415 - an extra
        except ImportError:
            raise UsageError(
                Reason.MISSING_EXTRA,
                "histories in Parquet need duckdb, which is not installed",
                remedy="install it: pip install 'socklat-gate[history]'",
            ) from None
        self._error: type[Exception] = duckdb.Error
        # Nothing is fetched from anywhere because a file asks for it.
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._database: duckdb.DuckDBPyConnection = duckdb.connect(":memory:", config=settings)
        self._database.execute(_CREATE)

    def __enter__(self) -> CampaignTable:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def add(self, stored: StoredCampaign) -> None:
        """Append a campaign's rows."""
        campaign = stored.campaign
        facts = [
            campaign.scenario_name,
            stored.name.rpartition("/")[2].removesuffix(".json"),
            creation_time(campaign.created).replace(tzinfo=None),
            campaign.branch,
            campaign.commit,
            campaign.image,
            campaign.mode,
            campaign.scenario_hash,
            machine_of(campaign),
        ]
        self._database.register("measured", rows_of(campaign))
        same = ", ".join("?" for _ in facts)
        self._database.execute(
            f"INSERT INTO buckets SELECT {same}, run, stage, corrected, exchanges, from_ns, to_ns, "  # noqa: S608 - question marks only
            "count FROM measured",
            facts,
        )
        self._database.unregister("measured")

    def write_parquet(self, path: Path) -> int:
        """Write all rows to a file in one step, replacing one; their number.

        Raises `UsageError` (output_not_writable).
        """
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        quoted = str(temporary).replace("'", "''")
        try:
            try:
                self._database.execute(
                    f"COPY (FROM buckets ORDER BY scenario, created, campaign, run, stage, "
                    f"corrected, from_ns) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)"
                )
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except (self._error, OSError) as error:
            raise UsageError(
                Reason.OUTPUT_NOT_WRITABLE,
                f"cannot write {path}: {describe_error(error)}",
                remedy="choose a directory that this user may write to, with space left on it",
            ) from error
        (rows,) = self._database.execute("SELECT count(*) FROM buckets").fetchone() or (0,)
        return int(rows)

    def read_parquet(self, path: Path) -> None:
        """Append the rows of a file that `write_parquet` wrote.

        Raises `NoUsableBaseline`: baseline_missing without such a file, baseline_corrupt when it
        holds something else.
        """
        if not path.is_file():
            raise NoUsableBaseline(
                Reason.BASELINE_MISSING,
                f"there is no file {path}",
                remedy="write it with `socklat-gate baseline export --parquet FILE`",
            )
        names = ", ".join(COLUMNS)
        try:
            self._database.execute(
                f"INSERT INTO buckets SELECT {names} FROM read_parquet(?)",  # noqa: S608 - our names
                [str(path.resolve())],
            )
        except self._error as error:
            raise NoUsableBaseline(
                Reason.BASELINE_CORRUPT,
                f"{path} holds no exported campaigns: {describe_error(error)}",
                remedy="write it again with `socklat-gate baseline export --parquet FILE`",
            ) from error

    def series(
        self,
        scenario_name: str,
        metric: Metric,
        *,
        scenario_hash: str = "",
        former_hashes: Sequence[str] = (),
        branch: str = "",
    ) -> tuple[Point, ...]:
        """A metric over the campaigns that are alike to the newest one, oldest first.

        "Alike" as in `baseline.comparability.latest_kind`.  Campaigns with a run that has too few
        exchanges for the quantile are left out.
        """
        quantile = metric.quantile
        rows = self._database.execute(
            _SERIES,
            {
                "scenario": scenario_name,
                "scenario_hash": scenario_hash,
                "hashes": [scenario_hash, *former_hashes],
                "branch": branch,
                "stage": metric.stage,
                "quantile": 1.0 if quantile is None else quantile,
                "least_ns": LEAST_NS,
                "beyond": 1.0 if quantile is None else 1.0 - quantile,
                "enough": 1.0 if quantile is None else float(MIN_EXCEEDING),
            },
        ).fetchall()
        return tuple(
            Point(name, f"{created.isoformat()}Z", commit, of_branch, int(runs), float(value))
            for name, created, commit, of_branch, runs, value in rows
        )
