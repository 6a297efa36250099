"""The rules of other gates on the same recorded pairs, beside this project's, as markdown.

    python -m tests.benchmarks.peers_page [--jobs 2000] [--pairs 20 40] [--seed 1]
                                          [--directory DIR] [--otava PYTHON]

``--otava`` is the interpreter of an environment that has apache-otava.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.markdown import head, row
from tests.benchmarks.peers import FALSE_ALARMS, Scored, ahead, rate, score_set, tuned
from tests.benchmarks.recorded import DIRECTORY, SUFFIX, Facts, names
from tests.benchmarks.rules.otava import otava_rule
from tests.benchmarks.rules.pooled import POOLED
from tests.benchmarks.rules.rule import Rule
from tests.benchmarks.rules.runs import RUNS

__all__ = ["preface", "section"]

OURS = "socklat-gate"


def section(sets: Sequence[Scored], rules: Sequence[Rule], pairs: int) -> list[str]:
    """The tables for one number of pairs."""
    same = [done for done in sets if done.facts.kind == "same"]
    effects = [done for done in sets if done.facts.kind == "effect"]
    minutes = sorted({round(done.facts.seconds_per_pair * pairs / 60, 1) for done in sets})
    titles = [done.facts.set for done in effects]
    better = ahead(sets, rules)
    lines = [
        f"## {pairs} pairs ({minutes[0]:g} to {minutes[-1]:g} minutes)",
        "",
        "As they come:",
        "",
        *head("rule", *(f"false: {done.facts.set}" for done in same), *titles),
        row(f"**{OURS}**", *(f"**{_percent(done.ours)}**" for done in [*same, *effects])),
        row(f"{OURS}, nothing tolerated", *(_percent(done.strict) for done in [*same, *effects])),
    ]
    for rule in rules:
        shares = [rate(done, rule, rule.default) for done in [*same, *effects]]
        lines.append(row(rule.peer, *map(_percent, shares)))
    lines += [
        "",
        f"Tuned to {FALSE_ALARMS:.0%} false alarms ({OURS} is not tuned):",
        "",
        *head("rule", "tuned to", *titles),
        row(f"**{OURS}**", "-", *(f"**{_percent(done.ours)}**" for done in effects)),
        row(f"{OURS}, nothing tolerated", "-", *(_percent(done.strict) for done in effects)),
    ]
    for rule in rules:
        limits = tuned(sets, rule)
        settings = ", ".join(
            f"{rule.shown(limit)} ({service})" for service, limit in limits.items() if service
        )
        shares = [rate(done, rule, limits.get(done.service, limits[""])) for done in effects]
        lines.append(row(rule.peer, f"{rule.knob} {settings}", *map(_percent, shares)))
    lines += [
        "",
        f"At {FALSE_ALARMS:.0%} false alarms ahead of {OURS} by more than 1%: "
        + ("; ".join(better) if better else "none")
        + ".",
        "",
    ]
    return lines


def preface(rules: Sequence[Rule], sets: Sequence[Facts], jobs: int) -> list[str]:
    """What was compared, and how."""
    return [
        f"{jobs} jobs a set, drawn from its recorded pairs with replacement: the same pairs, "
        "measured side by side, for every rule. What the peers do not have when they measure one "
        "version after the other, they have here. Only alarms about a slower candidate count, "
        "which halves the false alarms of two-sided tests. Where nothing changed, a coin gives the "
        f"arms of each pair the other names. {OURS} looks after every pair and judges corrected "
        "distributions; the others judge raw ones, once, at the end. It accepts changes up to its "
        "tolerances on purpose, which rules without a margin do not: one row has none.",
        "",
        *head("rule", "on"),
        *(row(rule.peer, rule.what) for rule in rules),
        "",
        *head("set", "what", "machine"),
        *(row(facts.set, facts.what, facts.machine) for facts in sets),
        "",
    ]


def _percent(share: float) -> str:
    return f"{share:.1%}"


def main() -> int:
    """Prints the page; exits with 1 when there is nothing to compare on."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--pairs", type=int, nargs="+", default=[20, 40])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    parser.add_argument("--otava", type=Path)
    options = parser.parse_args()
    rules = [*POOLED, *RUNS]
    if options.otava is not None:
        rules.append(otava_rule(options.otava))
    found = names(options.directory)
    if not found:
        print(f"no recorded sets in {options.directory}", file=sys.stderr)
        return 1
    by_set = [
        score_set(
            options.directory / f"{name}{SUFFIX}", rules, options.jobs, options.pairs, options.seed
        )
        for name in found
    ]
    lines = preface(rules, [scored[0].facts for scored in by_set], options.jobs)
    if options.otava is None:
        lines += ["Apache Otava was not installed and is left out.", ""]
    for column, pairs in enumerate(options.pairs):
        lines += section([scored[column] for scored in by_set], rules, pairs)
    print("\n".join(lines), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
