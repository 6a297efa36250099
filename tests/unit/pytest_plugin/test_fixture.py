"""The plugin in pytest runs of its own, with results instead of measurements.

Where nothing depends on it, such a run is within this process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

# Whatever a run within this process imports first would be imported by each of them again.
import socklat_gate.pytest_plugin.fixture  # noqa: F401
import tests.unit.factories  # noqa: F401
from tests.xdist import XDIST

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[3]

PLUGINS = ("-p", "socklat_gate.pytest_plugin", "-p", "pytest_benchmark.plugin")

SCENARIO = """
name = "checkout"
[service]
image = "example/service:1.3"
port = 80
[load]
driver = "http"
rate = 2000
"""

CONFTEST = """
from dataclasses import replace
import pytest
from socklat_gate.errors import Exit, Interrupted, Reason, UnfitEnvironment
from socklat_gate.pytest_plugin import fixture
from socklat_gate.measured.verdict import Outcome, Verdict
from tests.unit.factories import make_result, worded_reasons

ERRORS = {{
    "unfit": UnfitEnvironment(Reason.NO_DOCKER, "no daemon", remedy="start it"),
    "interrupted": Interrupted(Exit.SIGTERM),
}}

def fake_job(path, scenario, **options):
    if {what!r} in ERRORS:
        raise ERRORS[{what!r}]
    if "runs" in options:
        return make_result("run")
    if {what!r} == "unjudged":
        verdict = Verdict(Outcome.INCONCLUSIVE, worded_reasons((Reason.NO_HOOK, "no hook")))
        return replace(make_result("gate"), verdict=verdict)
    return make_result("gate", Outcome({what!r}))

@pytest.fixture(autouse=True)
def instead(monkeypatch):
    monkeypatch.setattr(fixture, "gate_job", fake_job)
    monkeypatch.setattr(fixture, "run_job", fake_job)
"""
GATE = """
def test_shop(socklat):
    socklat.gate(candidate_image="x", max_pairs=3)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'gate'}:{ROOT}")
    for name in XDIST:
        monkeypatch.delenv(name, raising=False)
    # Other plugins that are installed here would take longer to start than the tests.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (pytester.path / "socklat.toml").write_text(SCENARIO)
    return pytester


def run(
    project: pytest.Pytester,
    what: str,
    *options: str,
    test: str = GATE,
    own_process: bool = False,
) -> pytest.RunResult:
    project.makeconftest(CONFTEST.format(what=what))
    project.makepyfile(test)
    start = project.runpytest_subprocess if own_process else project.runpytest_inprocess
    return start(*PLUGINS, "-ra", *options)


def test_without_the_option_such_tests_are_skipped_and_say_why(project: pytest.Pytester) -> None:
    done = run(project, "regression")
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*run with --socklat*"])
    assert not (project.path / "socklat-out").exists()


def test_a_pass_leaves_its_reports(project: pytest.Pytester) -> None:
    done = run(project, "pass", "--socklat", "--socklat-out", "reports", own_process=True)
    done.assert_outcomes(passed=1)
    assert done.ret == 0
    found = json.loads((project.path / "reports" / "test_shop" / "verdict.json").read_text())
    assert found["verdict"] == "pass"


def test_a_regression_fails_with_the_headline(project: pytest.Pytester) -> None:
    done = run(project, "regression", "--socklat")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["regression: *response_p99*31.0%*socklat-out/test_shop*"])
    assert "fixture.py" not in done.stdout.str()


@pytest.mark.parametrize("what", ["invalid", "no_baseline"])
def test_without_a_verdict_it_fails(project: pytest.Pytester, what: str) -> None:
    run(project, what, "--socklat").assert_outcomes(failed=1)


def test_undecided_is_skipped_or_fails_as_asked(project: pytest.Pytester) -> None:
    done = run(project, "inconclusive", "--socklat")
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*SKIPPED*inconclusive: *"])
    strict = run(project, "inconclusive", "--socklat", "--socklat-fail-on", "inconclusive")
    strict.assert_outcomes(failed=1)


def test_what_could_not_be_judged_fails_unless_asked_otherwise(project: pytest.Pytester) -> None:
    run(project, "unjudged", "--socklat").assert_outcomes(failed=1)
    lenient = run(project, "unjudged", "--socklat", "--socklat-fail-on", "regression-only")
    lenient.assert_outcomes(skipped=1)


def test_errors_say_what_and_what_to_do(project: pytest.Pytester) -> None:
    done = run(project, "unfit", "--socklat")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["no daemon [[]no_docker]", "try: start it"])
    missing = "def test_it(socklat):\n    socklat.gate('nowhere.toml')\n"
    lost = run(project, "pass", "--socklat", test=missing)
    lost.assert_outcomes(failed=1)
    lost.stdout.fnmatch_lines(["*nowhere.toml cannot be read*no_such_file*"])


def test_a_signal_ends_the_session_with_its_code(project: pytest.Pytester) -> None:
    done = run(project, "interrupted", "--socklat", own_process=True)
    assert done.ret == 143


def test_measuring_alone_gives_the_runs(project: pytest.Pytester) -> None:
    test = """
def test_alone(socklat):
    result = socklat.measure(runs=2)
    run = result.campaign.runs[0]
    assert run.histograms["service"].quantile_ns(0.5) > 0
"""
    run(project, "pass", "--socklat", test=test).assert_outcomes(passed=1)
    assert (project.path / "socklat-out" / "test_alone" / "result.json").exists()


def test_two_gates_of_a_test_have_reports_each(project: pytest.Pytester) -> None:
    test = """
import pytest
@pytest.mark.parametrize("size", ["a/b"])
def test_two(socklat, size):
    socklat.gate()
    socklat.gate()
"""
    run(project, "pass", "--socklat", test=test).assert_outcomes(passed=1)
    found = sorted(path.name for path in (project.path / "socklat-out").iterdir())
    assert found == ["test_two-a-b", "test_two-a-b-2"]


def test_pytest_benchmark_stores_and_compares_the_metrics(project: pytest.Pytester) -> None:
    for _ in range(2):
        done = run(project, "pass", "--socklat", "--benchmark-autosave")
        done.assert_outcomes(passed=1)
        done.stdout.fnmatch_lines(["*benchmark 'socklat'*"])
    stored = sorted(project.path.glob(".benchmarks/*/*.json"))
    assert len(stored) == 2
    found = json.loads(stored[0].read_text())["benchmarks"]
    names = [entry["name"] for entry in found]
    assert names[:2] == ["test_shop[response_p50]", "test_shop[response_p90]"]
    first = found[0]
    assert first["group"] == "socklat"
    assert first["stats"]["rounds"] == 2  # one of three pairs was excluded
    assert 1e-4 < first["stats"]["median"] < 1e-2
    assert first["extra_info"]["verdict"] == "pass"
    assert first["extra_info"]["change"] == pytest.approx(0.004)
    compared = project.run(Path(sys.executable).parent / "pytest-benchmark", "compare")
    compared.stdout.fnmatch_lines(["*test_shop[[]response_p50]*0001*"])


def test_disabled_benchmarks_store_nothing(project: pytest.Pytester) -> None:
    run(project, "pass", "--socklat", "--benchmark-disable").assert_outcomes(passed=1)
    assert not list(project.path.glob(".benchmarks/*/*.json"))


def test_the_example_in_the_docs_runs(project: pytest.Pytester) -> None:
    text = (ROOT / "docs" / "howto" / "pytest.md").read_text("utf-8")
    example = text.partition("```python\n")[2].partition("```")[0]
    run(project, "pass", "--socklat", test=example).assert_outcomes(passed=2)


def test_the_plugin_imports_nothing_heavy_until_the_fixture_is_used(
    project: pytest.Pytester,
) -> None:
    program = (
        "import sys, pytest\n"
        "code = pytest.main(['--co', '-q', *sys.argv[1:]])\n"
        "assert code in (0, 5), code\n"
        "print('\\nmodules', *sys.modules)\n"
    )
    project.makepyfile("def test_nothing():\n    pass\n")

    def modules(*options: str) -> set[str]:
        done = project.run(sys.executable, "-c", program, *options)
        return set(done.outlines[-1].split()[1:])

    with_plugin = modules("-p", "socklat_gate.pytest_plugin")
    ours = {"socklat_gate", "socklat_gate.version", "socklat_gate.pytest_plugin"}
    assert with_plugin - modules() == ours
