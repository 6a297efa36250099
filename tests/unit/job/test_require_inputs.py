"""Files of a scenario that cannot be used are named with its line, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.job.require_inputs import require_inputs
from socklat_gate.scenario.loader import load_scenario
from tests.certificates import issue

START = 'name = "shop"\n[service]\nimage = "shop:dev"\nport = 8443\n[load]\ndriver = "http"\n'


def scenario_with(directory: Path, load: str) -> Path:
    path = directory / "socklat.toml"
    path.write_text(START + load)
    return path


def test_a_file_of_tls_that_is_missing(tmp_path: Path) -> None:
    path = scenario_with(tmp_path, '[load.tls]\nmin_version = "1.3"\nca_file = "none.pem"\n')
    with pytest.raises(UsageError) as caught:
        require_inputs(path, load_scenario(path))
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.reason is Reason.BAD_SCENARIO
    assert caught.value.message.startswith(f"{path}:9: load.tls.ca_file: {tmp_path}/none.pem")
    assert caught.value.remedy


def test_a_secret_comes_first(tmp_path: Path) -> None:
    text = 'headers = { A = { file = "no" } }\n[load.tls]\nca_file = "none.pem"\n'
    path = scenario_with(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        require_inputs(path, load_scenario(path))
    assert caught.value.reason is Reason.BAD_SECRET


def test_files_that_can_be_used(tmp_path: Path) -> None:
    issued = issue(tmp_path, "client")
    path = scenario_with(
        tmp_path, f'tls = {{ cert_file = "{issued.cert_file}", key_file = "{issued.key_file}" }}\n'
    )
    require_inputs(path, load_scenario(path))
    require_inputs(path, load_scenario(scenario_with(tmp_path, "")))
