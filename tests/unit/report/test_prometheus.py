"""metrics.txt: what Prometheus' own tools read, with the samples that OpenMetrics has."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.report import report_of
from tests.unit.factories import make_result
from tests.unit.named_results import make_named_result
from tests.unit.poisoned import full_result
from tests.unit.watches import make_growth, watched_result

RESULTS = {
    "gate": make_result(),
    "run": make_result("run", Outcome.PASS),
    "compare": make_result("compare", Outcome.INCONCLUSIVE),
    "full": full_result(),
    "named": make_named_result(),
    "watched": watched_result(growth=make_growth(failed=True)),
}
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
"""All that the format has."""
each = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)


def rendered(result: Result, form: str = "prometheus") -> str:
    return FORMATS[form].render(report_of(result))


@each
def test_it_has_no_type_that_the_format_does_not_have(result: Result) -> None:
    text = rendered(result)
    assert set(re.findall(r"^# TYPE \S+ (\S+)$", text, re.MULTILINE)) <= TYPES
    assert set(re.findall(r"^# ([A-Z]+)", text, re.MULTILINE)) == {"HELP", "TYPE"}
    assert text.endswith("\n")
    assert " NaN" not in text


@each
def test_the_samples_are_those_of_openmetrics(result: Result) -> None:
    def samples(families: object) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        return {
            (one.name, tuple(sorted(one.labels.items()))): one.value
            for family in families  # type: ignore[attr-defined]
            for one in family.samples
        }

    ours = samples(prometheus(rendered(result)))
    assert ours == samples(openmetrics(rendered(result, "openmetrics")))
    assert len(ours) > 50


@each
def test_quantiles_are_in_summaries_and_edges_in_histograms(result: Result) -> None:
    for family in prometheus(rendered(result)):
        names = {label for sample in family.samples for label in sample.labels}
        assert ("quantile" in names) == (family.type == "summary"), family.name
        assert ("le" in names) == (family.type == "histogram"), family.name
        assert family.documentation


def test_files_of_two_scenarios_can_lie_side_by_side() -> None:
    """A textfile collector refuses all files where a sample is in two of them."""
    one = make_result()
    other = replace(one, scenario_name="cart")
    lines = [set(re.findall(r"^[a-z].*(?= )", rendered(x), re.MULTILINE)) for x in (one, other)]
    assert len(lines[0]) == len(lines[1])
    assert lines[0] & lines[1] == set()


def test_a_name_has_one_type_and_one_help_in_all_files() -> None:
    """Pushgateway and the textfile collector refuse a second one, whatever file it comes in."""
    seen: dict[tuple[str, str], set[str]] = {}
    for result in RESULTS.values():
        for word, name, rest in re.findall(r"(?m)^# (\w+) (\S+) (.*)$", rendered(result)):
            seen.setdefault((word, name), set()).add(rest)
    assert len(seen) > 20
    assert [key for key, found in seen.items() if len(found) > 1] == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@each
def test_promtool_finds_nothing(result: Result) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=rendered(result),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
