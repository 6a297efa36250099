"""A load tool reaches the service by no proxy, whatever its environment names."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.load.command import CommandLoad
from socklat_gate.load.no_proxy import without_proxy
from socklat_gate.load.process import Endpoint
from socklat_gate.scenario import Command, Load

HOST = "172.18.0.2"
PROXY = {"HTTP_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("given", "exceptions"),
    [
        ({}, None),
        ({"http_proxy": ""}, None),
        (PROXY, HOST),
        ({"https_proxy": "http://proxy:3128"}, HOST),
        ({"ALL_PROXY": "socks5://proxy"}, HOST),
        ({**PROXY, "NO_PROXY": "localhost, .corp"}, f"localhost,.corp,{HOST}"),
        ({**PROXY, "no_proxy": "b", "NO_PROXY": "a"}, f"a,b,{HOST}"),
        ({**PROXY, "NO_PROXY": HOST}, HOST),
        ({**PROXY, "no_proxy": "*"}, "*"),
    ],
)
def test_the_host_is_excepted_where_a_proxy_is_named(
    given: dict[str, str], exceptions: str | None
) -> None:
    found = without_proxy(given, HOST)
    kept = {name: value for name, value in given.items() if name.lower() != "no_proxy"}
    expected = {} if exceptions is None else dict.fromkeys(("NO_PROXY", "no_proxy"), exceptions)
    assert found == {**kept, **expected}


def test_an_ipv6_address_by_both_of_its_spellings() -> None:
    assert without_proxy(PROXY, "fd00::2")["no_proxy"] == "fd00::2,[fd00::2]"


def run(tmp_path: Path, host: str, code: str, *words: str, **command: Any) -> Any:
    argv = [sys.executable, "-c", code, str(tmp_path / "found"), *words]
    load = Load(
        driver="command",
        command=Command(argv=argv, **command),
        rate=1.0,
        duration_s=1.0,
        warmup_s=0.0,
    )
    with CommandLoad(load, [Endpoint(host, 80)], 1) as driver:
        driver.connect()
        driver.start(time.monotonic_ns())
        driver.wait()
    return json.loads((tmp_path / "found").read_text())


def test_a_tool_that_goes_by_the_environment_does_not_ask_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    code = (
        "import json, os, sys, requests.utils as u;"
        "url = f'http://{os.environ[\"SOCKLAT_HOST\"]}/';"
        "json.dump([u.get_environ_proxies(url), u.get_environ_proxies('http://else/')],"
        "open(sys.argv[1], 'w'))"
    )
    here, elsewhere = run(tmp_path, HOST, code)
    assert here == {}
    assert elsewhere["http"] == "http://127.0.0.1:9"


def test_what_the_scenario_sets_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    code = "import json, os, sys; json.dump(os.environ['NO_PROXY'], open(sys.argv[1], 'w'))"
    given = {"http_proxy": "http://p", "no_proxy": "db"}
    assert run(tmp_path, HOST, code, environment=given) == f"db,{HOST}"


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("http://{host}:{port}/", "http://[fd00::2]:80/"),
        ("https://{host}/x", "https://[fd00::2]/x"),
        ("http://me@{host}/x", "http://me@[fd00::2]/x"),
        ("{host}:{port}", "[fd00::2]:80"),
        ("{host}", "fd00::2"),
        ("--host={host}", "--host=fd00::2"),
    ],
)
def test_an_ipv6_address_has_brackets_in_a_url(tmp_path: Path, template: str, filled: str) -> None:
    code = "import json, sys; json.dump(sys.argv[2], open(sys.argv[1], 'w'))"
    assert run(tmp_path, "fd00::2", code, template) == filled
