from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.job.settings import with_limits
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.gating import Gate
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.problems import line_of
from socklat_gate.scenario.tables import tomllib

ROOT = Path(__file__).resolve().parents[3]
GOOD = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
driver = "http"
path = "/cart"

[[gate.metrics]]
quantile = 0.5
tolerance = 0.02
regression_threshold = 0.05

[[gate.metrics]]
quantile = 0.9
tolerance = 0.03
regression_threshold = 0.08
"""


def written(directory: Path, text: str, name: str = "socklat.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(directory: Path, text: str, name: str = "socklat.toml") -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_scenario(written(directory, text, name))
    return caught.value


def test_a_scenario_is_read(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, GOOD))
    assert scenario.name == "shop"
    assert scenario.load.path == "/cart"
    assert [metric.name for metric in scenario.gate.metrics] == ["response_p50", "response_p90"]


def test_a_pyproject_table_is_read(tmp_path: Path) -> None:
    text = GOOD.replace("[service]", "[tool.socklat-gate.service]")
    text = text.replace("[load]", "[tool.socklat-gate.load]")
    text = text.replace("[[gate.metrics]]", "[[tool.socklat-gate.gate.metrics]]")
    path = written(tmp_path, "[tool.socklat-gate]\n" + text, "pyproject.toml")
    assert load_scenario(path) == load_scenario(written(tmp_path, GOOD))


@pytest.mark.parametrize("text", ["", "tool = 3", "[tool]\nsocklat-gate = 3", "[tool.other]"])
def test_a_pyproject_without_the_table(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text, "pyproject.toml")
    assert error.reason is Reason.BAD_SCENARIO
    assert "has no table [tool.socklat-gate]" in error.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('path = "/cart"', 'pth = "/cart"', ":9: unknown key 'load.pth'; did you mean 'path'?"),
        ("[load]", "[laod]", ":7: unknown key 'laod'; did you mean 'load'?"),
        ("port = 8080", "port = 80800", ":5: service.port: input should be less than or equal"),
        ("port = 8080", 'port = "80"', "input should be a valid integer (given: '80')"),
        ("port = 8080", "", ":3: service.port is missing: port the service listens on"),
        ("quantile = 0.9", "quantile = 1.9", ":17: gate.metrics.1.quantile: input should be less"),
        (
            "regression_threshold = 0.08",
            "regression_threshold = inf",
            ":19: gate.metrics.1.regression_threshold: input should be a fin",
        ),
        ("quantile = 0.9", "quantile = 0.5", "the same stage and quantile is gated twice"),
        ("quantile = 0.9", "zzz = 1", "unknown key 'gate.metrics.1.zzz'; known here: limit_mib, "),
        (
            "tolerance = 0.03",
            "tolerance = 1.5",
            ":18: gate.metrics.1.tolerance: input should be less than or equal to 1",
        ),
        (
            "regression_threshold = 0.08",
            "regression_threshold = 5.0",
            ":19: gate.metrics.1.regression_threshold: input should be less than or equal to 2",
        ),
        (
            "tolerance = 0.03\n",
            "",
            ":16: gate.metrics.1: tolerance: field required (only limit_ms does without a zone)",
        ),
        (
            "tolerance = 0.03",
            "tolerance = 0.03\nlimit_ms = -1",
            ":19: gate.metrics.1.limit_ms: input should be greater than 0",
        ),
        (
            "tolerance = 0.03",
            "tolerance = 0.03\nlimit_ms = 10000.0",
            ":11: gate: limit_ms of response_p90, 10000, can never be exceeded",
        ),
        (
            "[service]",
            "[gate]\nalpha_pass = 0.2\n[service]",
            ":4: gate.alpha_pass: input should be less than or equal to 0.1",
        ),
        ('path = "/cart"', 'path = "cart"', ":9: load.path: string should match pattern"),
        ('name = "shop"', 'name = "Shop!"', ":1: name: string should match pattern"),
        ('driver = "http"', 'driver = "tcp"', "load: driver tcp needs a payload"),
    ],
)
def test_a_problem_names_the_line_and_the_key(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    error = refused(tmp_path, GOOD.replace(old, new))
    assert error.reason is Reason.BAD_SCENARIO
    assert said in error.message


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ('"many"', "load.rate: input should be a valid number, or \"auto\" (given: 'many')"),
        ("true", 'load.rate: input should be a valid number, or "auto" (given: True)'),
        ("0", "load.rate: input should be greater than 0 (given: 0)"),
    ],
)
def test_what_is_no_rate(tmp_path: Path, rate: str, said: str) -> None:
    error = refused(tmp_path, GOOD.replace("path =", f"rate = {rate}\npath ="))
    assert f"socklat.toml:9: {said}" in error.message


def test_a_command_cannot_be_told_which_slice_is_whose(tmp_path: Path) -> None:
    text = GOOD.replace('driver = "http"\npath = "/cart"', 'driver = "command"')
    text = text.replace("[[gate.metrics]]", "[load.command]\nargv = ['wrk']\n[[gate.metrics]]", 1)
    assert load_scenario(written(tmp_path, text)).load.driver == "command"
    error = refused(tmp_path, text + '[gate]\ninterleave = "slice"\n')
    assert error.reason is Reason.BAD_SCENARIO
    assert 'interleave = "slice" needs the http or tcp driver' in error.message


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('interleave = "slice"\ncontainers = 2', "gate.containers", "sends to all containers"),
        ('interleave = "block"\ncontainers = 4', "gate.containers", "sends to all containers"),
        ("containers = 3", "gate.containers", "'auto', 1, 2 or 4"),
        ('containers = "2"', "gate.containers", "'auto', 1, 2 or 4"),
        ("containers = true", "gate.containers", "'auto', 1, 2 or 4 (given: True)"),
        ("containers = 2.0", "gate.containers", "'auto', 1, 2 or 4 (given: 2.0)"),
    ],
)
def test_blocks_that_cannot_be_measured_are_refused_by_key_and_line(
    tmp_path: Path, text: str, key: str, said: str
) -> None:
    lines = f"{GOOD}\n[gate]\n{text}\n"
    error = refused(tmp_path, lines)
    assert (error.reason, error.exit_code) == (Reason.BAD_SCENARIO, Exit.USAGE)
    assert f"socklat.toml:{len(lines.splitlines())}: {key}" in error.message
    assert said in error.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'image = "shop:dev"',
            'compose = "c.yml"\nservice = "api"',
            "gate.containers: with service.compose each arm is one stack: set gate.containers to 1",
        ),
        (
            'driver = "http"\npath = "/cart"',
            'driver = "command"\ncommand = {argv = ["wrk"]}',
            'gate.containers: a load of driver = "command" is not split over containers',
        ),
        ("port = 8080", "port = 8080\npublish = 65530", "takes 8 ports from service.publish"),
    ],
)
def test_blocks_of_what_has_one_container_an_arm_are_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Auto takes one container there, and a limit without a baseline has no arm beside it."""
    text = GOOD.replace(old, new) + "[gate]\ncontainers = "
    assert said in refused(tmp_path, f"{text}4\n").message
    assert load_scenario(written(tmp_path, f'{text}"auto"\n')).gate.containers == "auto"


def test_a_study_from_before_there_were_blocks_keeps_its_hash() -> None:
    document = tomllib.loads(GOOD)
    plain = Scenario.model_validate(document)
    hashes = set()
    for containers in (1, 2, 4, "auto"):
        gate = {**document["gate"], "containers": containers}
        hashes.add(Scenario.model_validate({**document, "gate": gate}).gate_hash())
    assert plain.gate_hash() in hashes
    assert len(hashes) == 4


def test_what_cannot_be_watched_within_the_budget_is_refused(tmp_path: Path) -> None:
    text = GOOD + "[gate]\nmax_pairs = 20\n[gate.spikes]\nwatch_s = {}\n"
    most_s = 20 * load_scenario(written(tmp_path, GOOD)).load.duration_s
    assert load_scenario(written(tmp_path, text.format(most_s))).gate.spikes.watch_s == most_s
    error = refused(tmp_path, text.format(most_s + 1))
    assert error.reason is Reason.BAD_SCENARIO
    assert "gate.spikes.watch_s" in error.message


WAIVER = """
[[waiver]]
metric = "response_p90"
ceiling = 0.30
expires = 2026-12-31
link = "https://example.org/decisions/7"
baseline = "1f2e3d4c5b6a"
"""


def test_a_waiver_without_its_baseline_is_refused_with_key_line_and_what_to_write(
    tmp_path: Path,
) -> None:
    unbound = WAIVER.replace('baseline = "1f2e3d4c5b6a"\n', "")
    error = refused(tmp_path, GOOD + unbound)
    assert error.exit_code == 2
    line = len((GOOD + unbound).splitlines()) - 4
    assert f":{line}: waiver.0.baseline is missing: commit (of `git merge-base HEAD main`)" in (
        error.message
    )


@pytest.mark.parametrize("key", ["release", "image"])
@pytest.mark.parametrize("name", ["", " ", "v1 .4", "v1.4\\n"])
def test_a_baseline_has_a_name_without_spaces(tmp_path: Path, key: str, name: str) -> None:
    error = refused(tmp_path, GOOD + f'\n[baseline]\n{key} = "{name}"\n')
    assert f"baseline.{key}" in error.message


@pytest.mark.parametrize("baseline", ["main", "1f2e3d", "sha256:1f", "HEAD~1", "1F2E3D4C5B6A", ""])
def test_a_baseline_is_named_by_what_never_moves(tmp_path: Path, baseline: str) -> None:
    error = refused(tmp_path, GOOD + WAIVER.replace("1f2e3d4c5b6a", baseline))
    assert "waiver.0.baseline" in error.message


def test_a_waiver_holds_through_its_last_day(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + WAIVER)
    (waiver,) = load_scenario(path, today=date(2026, 12, 31)).waiver
    assert (waiver.metric, waiver.ceiling) == ("response_p90", 0.3)
    assert waiver.expires == date(2026, 12, 31)


def test_an_expired_waiver_fails_loudly(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + WAIVER + WAIVER.replace("response_p90", "spikes"))
    with pytest.raises(UsageError) as caught:
        load_scenario(path, today=date(2027, 1, 1))
    error = caught.value
    assert error.reason is Reason.WAIVER_EXPIRED
    assert error.exit_code is Exit.USAGE
    first, second = error.message.splitlines()
    assert "response_p90" in first
    assert "2026-12-31" in first
    assert "https://example.org/decisions/7" in first
    assert "spikes" in second
    assert error.remedy


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "response_p90",
            "response_p99",
            "'response_p99' is not gated; did you mean 'response_p90'?",
        ),
        ("response_p90", "cpu", "'cpu' is not gated; did you mean"),
        ("response_p90", "spike", "'spike' is not gated; did you mean 'spikes'?"),
        ("response_p90", "stops", "'stops' is not gated; did you mean 'spikes'?"),
        ("response_p90", "memory", "'memory' is not gated; did you mean 'peak_memory'?"),
        ("response_p90", "peak_memory", "it can be waived where gate.metrics has it"),
        ("response_p90", "growth_mem", "is not gated; did you mean 'growth_memory'?"),
        ("0.30", "0.03", "the ceiling 0.03 of response_p90 is not above what is accepted"),
        ("0.30", "0.0", "waiver.0.ceiling: input should be greater than 0"),
        ("2026-12-31", '"2026-12-31"', "waiver.0.expires: input should be a valid date"),
        ("2026-12-31", "2026-13-31", "is not TOML"),
        ("https://", "see ", "waiver.0.link: string should match pattern"),
        ("link", "lnk", "unknown key 'waiver.0.lnk'; did you mean 'link'?"),
    ],
)
def test_a_wrong_waiver_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    error = refused(tmp_path, GOOD + WAIVER.replace(old, new))
    assert error.reason is Reason.BAD_SCENARIO
    assert said in error.message


def test_counts_are_waived_like_metrics_within_bounds(tmp_path: Path) -> None:
    errors = WAIVER.replace("response_p90", "errors")
    small = errors.replace("0.30", "0.002")
    (waiver,) = load_scenario(written(tmp_path, GOOD + small)).waiver
    assert (waiver.metric, waiver.ceiling) == ("errors", 0.002)
    assert "the ceiling 0.3 of errors is above 0.1" in refused(tmp_path, GOOD + errors).message
    grown = WAIVER.replace("response_p90", "growth_memory")
    assert load_scenario(written(tmp_path, GOOD + grown)).waiver[0].metric == "growth_memory"
    assert (
        "is above 1 for each minute"
        in refused(tmp_path, GOOD + grown.replace("0.30", "1.5")).message
    )
    quick = grown + "[gate.watch]\nminutes = 0\n"
    assert "'growth_memory' is not gated" in refused(tmp_path, GOOD + quick).message
    connections = WAIVER.replace("response_p90", "connections")
    assert "'connections' is not gated" in refused(tmp_path, GOOD + connections).message


def test_a_metric_is_waived_once_and_spikes_only_where_they_are_judged(tmp_path: Path) -> None:
    assert "response_p90 is waived twice" in refused(tmp_path, GOOD + WAIVER + WAIVER).message
    off = "[gate.spikes]\nenabled = false\n" + WAIVER.replace("response_p90", "spikes")
    assert "'spikes' is not gated" in refused(tmp_path, GOOD + off).message


def test_without_metrics_cpu_time_is_gated_too_and_can_be_left_out(tmp_path: Path) -> None:
    short = GOOD[: GOOD.index("[[gate.metrics]]")]
    names = [metric.name for metric in load_scenario(written(tmp_path, short)).gate.metrics]
    assert names == ["response_p50", "response_p90", "response_p99", "cpu_per_request"]
    cpu = '[[gate.metrics]]\nstage = "cpu"\ntolerance = 0.01\nregression_threshold = 0.03\n'
    (metric,) = load_scenario(written(tmp_path, short + cpu)).gate.metrics
    assert (metric.name, metric.quantile) == ("cpu_per_request", None)
    assert "stage cpu has no quantile" in refused(tmp_path, short + cpu + "quantile = 0.5").message


def test_the_parts_of_alpha_sum_to_alpha(tmp_path: Path) -> None:
    gate = load_scenario(written(tmp_path, GOOD)).gate
    assert gate.counted == ("errors", "capacity")
    parts = gate.alpha_spikes + 2 * gate.alpha_metric + 2 * gate.alpha_count
    assert parts == pytest.approx(gate.alpha)
    off = GOOD + "[gate.spikes]\nenabled = false\n"
    gate = load_scenario(written(tmp_path, off)).gate
    assert gate.alpha_spikes == 0
    assert 2 * gate.alpha_metric + 2 * gate.alpha_count == pytest.approx(gate.alpha)
    none = gate.model_copy(update={"errors": False, "capacity": False})
    assert none.counted == ()
    assert 2 * none.alpha_metric == pytest.approx(gate.alpha)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("port = 8080", "port = 0").replace("path =", "paht =")
    assert len(refused(tmp_path, text).message.splitlines()) == 2


def test_a_bad_escape_is_a_bad_payload(tmp_path: Path) -> None:
    text = GOOD.replace('driver = "http"', r"payload = 'PING\q'")
    error = refused(tmp_path, text)
    assert error.reason is Reason.BAD_PAYLOAD
    assert r"socklat.toml:8: load.payload: unknown escape \q at character 4" in error.message


@pytest.mark.parametrize("text", ["a = [", "a = 1\na = 2", "\ufeff\ufeff", "a = " + "[" * 20_000])
def test_what_is_not_toml(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert error.reason is Reason.BAD_SCENARIO
    assert "is not TOML" in error.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file.toml").touch()
    for name in ("none.toml", ".", "file.toml/below"):
        with pytest.raises(UsageError, match="cannot be read") as caught:
            load_scenario(tmp_path / name)
        assert caught.value.reason is Reason.NO_SUCH_FILE


def test_one_that_is_not_utf_8_has_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'# one\nname = "caf\xe9"\n')
    with pytest.raises(UsageError, match=r"latin.toml:2: not UTF-8") as caught:
        load_scenario(path)
    assert caught.value.reason is Reason.BAD_SCENARIO
    assert "save the file as UTF-8" in (caught.value.remedy or "")


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "socklat.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_scenario(path).name


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("name",), 1),
        (("service", "port"), 5),
        (("service", "absent"), 3),
        (("gate", "metrics", 0, "regression_threshold"), 14),
        (("gate", "metrics", 1, "regression_threshold"), 19),
        (("absent",), None),
    ],
)
def test_line_of(where: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(GOOD, where) == line


def test_the_schema_describes_the_example() -> None:
    schema: Any = Scenario.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in [*(ROOT / "ci" / "scenarios").glob("*.toml")]:
        example = tomllib.loads(path.read_text("utf-8"))
        jsonschema.validate(example, schema)
        load_scenario(path)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**example, "no_such_key": 1}, schema)


def limited(**limits_ms: float) -> str:
    """The scenario with limits of its metrics, which are held to nothing else."""
    text = GOOD[: GOOD.index("[[gate.metrics]]")]
    for quantile, limit_ms in limits_ms.items():
        text += f"[[gate.metrics]]\nquantile = 0.{quantile[1:]}\nlimit_ms = {limit_ms}\n"
    return text


def test_a_limit_needs_no_zone(tmp_path: Path) -> None:
    gate = load_scenario(written(tmp_path, limited(p5=20.0, p9=50.0))).gate
    assert gate.compared == ()
    assert [metric.limit_ms for metric in gate.limited] == [20.0, 50.0]
    both = load_scenario(
        written(tmp_path, GOOD.replace("quantile = 0.9", "quantile = 0.9\nlimit_ms = 5.0"))
    )
    assert [len(both.gate.compared), len(both.gate.limited)] == [2, 1]
    share = both.gate.alpha_metric * 3 + both.gate.alpha_count * len(both.gate.counted)
    assert share + both.gate.alpha_spikes == pytest.approx(both.gate.alpha)


def test_a_lower_limit_of_a_higher_quantile_contradicts(tmp_path: Path) -> None:
    error = refused(tmp_path, limited(p5=50.0, p9=20.0))
    assert error.reason is Reason.BAD_SCENARIO
    assert "limit_ms of response_p90, 20, is below that of response_p50, 50" in error.message
    assert ":11: gate.metrics" in error.message


@pytest.mark.parametrize("text", [GOOD, limited(p5=20.0, p9=50.0)], ids=["zones", "limits"])
def test_a_gate_can_be_dumped_and_read_again(tmp_path: Path, text: str) -> None:
    scenario = load_scenario(written(tmp_path, text))
    assert Gate.model_validate(scenario.gate.model_dump()) == scenario.gate
    assert with_limits(scenario, max_pairs=3).gate.metrics == scenario.gate.metrics


def test_a_limit_leaves_the_hash_of_a_gate_without_one(tmp_path: Path) -> None:
    plain = load_scenario(written(tmp_path, GOOD))
    limit = load_scenario(
        written(tmp_path, GOOD.replace("quantile = 0.9", "quantile = 0.9\nlimit_ms = 5.0"))
    )
    assert plain.measured_hash() == limit.measured_hash()
    assert plain.gate_hash() != limit.gate_hash()
