"""``socklat-gate baseline show``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.baseline_place import location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.named_scenario import ScenarioChoice, branch_option, chosen_scenario
from socklat_gate.commands.output import align, emit
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.wording.sanitise import strip_control_characters

if TYPE_CHECKING:
    from socklat_gate.measured.campaign import Campaign

__all__ = ["show"]


@command()
@click.argument("scenario", metavar="SCENARIO|FILE")
@location_option
@branch_option
def show(scenario: str, baselines: str, branch: str) -> None:
    """Show the stored history of SCENARIO, or what one stored file holds.

    SCENARIO is a socklat.toml or only its name; each gated metric has a line of small bars, a bar a
    campaign. Of a FILE: image, commit, machine, quantiles a run.

    For instance:

        socklat-gate baseline show socklat.toml
        socklat-gate baseline show baselines/api/20260304T050607Z-0123456789ab.json
    """
    from socklat_gate.baseline.comparability import SAVE, latest_kind
    from socklat_gate.baseline.open_store import open_store

    wanted = (
        None
        if Path(scenario).is_file() and scenario.endswith(".json")
        else chosen_scenario(scenario)
    )
    if wanted is None:
        _show_file(Path(scenario))
        return
    with open_store(baselines) as store:
        stored = [one.campaign for one in store.campaigns(wanted.name)]
        campaigns = latest_kind(stored, wanted.measured_hash, branch, wanted.former_hashes)
        if not campaigns:
            raise NoUsableBaseline(
                Reason.BASELINE_EMPTY,
                f"no campaign of {wanted.name!r} with this load and branch in {baselines}",
                remedy=SAVE,
            )
    _show_history(wanted, campaigns, others=len(stored) - len(campaigns))


def _show_file(path: Path) -> None:
    from socklat_gate.documents.files import read_campaign
    from socklat_gate.wording.campaign_text import campaign_rows

    campaign = read_campaign(path)
    emit(_facts(campaign, machine=True))
    emit("\n" + align(campaign_rows(campaign)))


def _show_history(wanted: ScenarioChoice, campaigns: list[Campaign], others: int) -> None:
    # It imports scipy, which a file does not need.
    from socklat_gate.verdict.series import metric_history
    from socklat_gate.wording.container_metrics import value_text
    from socklat_gate.wording.sparkline import sparkline
    from socklat_gate.wording.units import change

    emit(_facts(campaigns[-1], machine=False))
    rows: list[tuple[str, ...]] = [
        ("metric", "history", "campaigns", "lowest", "highest", "newest", "since the first")
    ]
    for metric in wanted.metrics:
        values = [math.exp(value) for value in metric_history(campaigns, metric).values]
        if values:
            chosen = (min(values), max(values), values[-1])
            numbers = (value_text(value, metric.stage) for value in chosen)
            since = change(values[-1] / values[0] - 1)
            rows.append((metric.name, sparkline(values), str(len(values)), *numbers, since))
        else:
            rows.append((metric.name, "", "0", *["n/a"] * 4))
    emit("\n" + align(rows))
    if others:
        emit(f"\nleft out: {others} of another load, machine, mode or branch")


def _facts(campaign: Campaign, *, machine: bool) -> str:
    facts = {
        "scenario": campaign.scenario_name,
        "scenario hash": campaign.scenario_hash,
        "created": campaign.created,
        "mode": campaign.mode,
        "branch": campaign.branch or "unknown",
        "commit": campaign.commit,
        "image": campaign.image,
        "image id": campaign.image_id,
    }
    if machine:
        facts |= dict(sorted(campaign.fingerprint.must_match.items()))
    return align([(f"{name}:", strip_control_characters(value)) for name, value in facts.items()])
