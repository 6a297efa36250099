"""``socklat-gate compare``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from socklat_gate.baseline.campaigns import campaigns_at
from socklat_gate.baseline.comparable import comparable
from socklat_gate.baseline.open_store import opened
from socklat_gate.baseline.places.location import is_remote
from socklat_gate.commands.output import emit, emit_json
from socklat_gate.environment import environment_facts
from socklat_gate.job.completeness import completeness_of
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Verdict
from socklat_gate.report.formats.markdown import render_markdown
from socklat_gate.report.formats.verdict_json import verdict_document
from socklat_gate.report.writer import check_writable, write_reports
from socklat_gate.scenario.gating import Gate, Waiver
from socklat_gate.verdict.stored import compare as judge
from socklat_gate.wording.headline import headline
from socklat_gate.wording.sentence import plain

__all__ = ["compare"]


@click.command()
@click.argument("base")
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--scenario",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take metrics and error rates from this socklat.toml [the defaults].",
)
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Also write the reports there."
)
@click.option("--json", "as_json", is_flag=True, help="Print verdict.json instead of markdown.")
def compare(
    base: str, candidate: Path, scenario: Path | None, out: Path | None, as_json: bool
) -> int:
    """Compare stored results, anywhere: no root, no Docker, no BPF.

    BASE is a directory of campaigns (`baselines/NAME`), one file, or a location such as
    git+branch:NAME; CANDIDATE a campaign or a result.json.  At least 5 base campaigns are needed
    to know how much campaigns differ by themselves; with fewer the answer is "inconclusive".

    For instance:

        socklat-gate compare baselines/checkout socklat-out/result.json
    """
    started_s = time.monotonic()
    limits, waivers = _limits(scenario)
    if out is not None:
        check_writable(out)
    tested = campaigns_at(candidate)[-1]
    if is_remote(base):
        with opened(base) as store:
            stored = store.existing(tested.scenario_name)
    else:
        stored = campaigns_at(Path(base), as_base=True)
    usable = comparable(
        stored, tested.scenario_name, tested.scenario_hash, tested.fingerprint, tested.mode
    )
    verdict = judge(usable, tested, limits, waivers=waivers)
    result = _result(usable, tested, verdict, started_s)
    if out is not None:
        write_reports(result, out)
    if as_json:
        emit_json(verdict_document(result))
    else:
        emit(render_markdown(result))
        click.echo(plain(headline(result)), err=True)
    return int(verdict.outcome.exit_code)


def _result(
    stored: tuple[Campaign, ...], tested: Campaign, verdict: Verdict, started_s: float
) -> Result:
    return Result(
        kind="compare",
        scenario_name=tested.scenario_name,
        scenario_hash=tested.scenario_hash,
        created=tested.created,
        commit=tested.commit,
        seed=0,
        duration_s=time.monotonic() - started_s,
        baseline_image=stored[-1].image,
        candidate_image=tested.image,
        fingerprint=tested.fingerprint,
        hooks={},
        pairs=(),
        campaign=tested,
        completeness=completeness_of(tested.runs, missed=0),
        verdict=verdict,
        environment=environment_facts(tested.fingerprint, tested.noise),
        branch=tested.branch,
        baseline_commit=stored[-1].commit,
        baseline_choice="the newest of the campaigns given",
    )


def _limits(scenario: Path | None) -> tuple[Gate, Sequence[Waiver]]:
    if scenario is None:
        return Gate(), ()
    # Its models take a third of the time that a comparison has.
    from socklat_gate.scenario.loader import load_scenario  # noqa: PLC0415

    planned = load_scenario(scenario)
    return planned.gate, planned.waiver
