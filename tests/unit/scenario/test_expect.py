"""``load.expect`` and ``load.command.ok_exit_codes``: what makes no sense names key and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.scenario.loader import load_scenario

TOP = 'name = "api"\n[service]\nimage = "a:1"\nport = 80\n[load]\n'
DRIVERS = {
    "http": 'driver = "http"\n',
    "tcp": 'payload = "PING\\\\r\\\\n"\n',
    "command": 'driver = "command"\n',
}


def load_of(tmp_path: Path, driver: str, lines: str):
    path = tmp_path / "socklat.toml"
    path.write_text(TOP + DRIVERS[driver] + lines + "\n", encoding="utf-8")
    return load_scenario(path)


@pytest.mark.parametrize(
    ("driver", "lines"),
    [
        ("http", "expect = { status = [200, 404], min_bytes = 10, text = 'ok', regex = 'a|b' }"),
        ("tcp", "expect = { prefix = '+PONG', min_bytes = 7 }"),
        ("tcp", "response = 'until:END'\nexpect.prefix = 'xEND'"),
        ("command", "expect.status = [200]\ncommand.argv = ['wrk']"),
        ("command", "command = { argv = ['k6'], ok_exit_codes = [0, 99] }"),
    ],
)
def test_what_makes_sense_is_read_and_is_no_other_measurement(tmp_path, driver, lines):
    scenario = load_of(tmp_path, driver, lines)
    plain = scenario.load.model_copy(update={"expect": None})
    assert scenario.model_copy(update={"load": plain}).measured_hash() == scenario.measured_hash()


def test_exit_codes_are_no_other_measurement(tmp_path):
    one, two = (
        load_of(tmp_path, "command", f"command = {{ argv = ['k6'], ok_exit_codes = {codes} }}")
        for codes in ([0], [0, 99])
    )
    assert one.load != two.load
    assert one.measured_hash() == two.measured_hash()


@pytest.mark.parametrize(
    ("driver", "lines", "message"),
    [
        ("http", "expect = {}", ":7: load.expect: name at least one of status, min_bytes"),
        ("http", "expect = { status = [] }", ":7: load.expect.status: list should have at least 1"),
        ("http", "expect.status = [99]", ":7: load.expect.status: no response ends with status 99"),
        ("http", "expect.status = [200, 101]", ":7: load.expect.status: no response ends with"),
        ("http", "expect.status = [600]", "from 200 to 599"),
        ("http", "expect.status = 200", ":7: load.expect.status: input should be a valid list"),
        ("http", "[load.expect]\nregex = '('", ":8: load.expect.regex: not a regular expression"),
        (
            "http",
            f"expect.regex = 'a{{{10**12}}}'",
            ":7: load.expect.regex: not a regular expression",
        ),
        (
            "http",
            f"expect.regex = '{'(' * 2000}{')' * 2000}'",
            ":7: load.expect.regex: not a regular",
        ),
        ("http", "expect.text = ''", ":7: load.expect.text"),
        ("http", f"expect.text = '{'x' * 70_000}'", "load.expect.text: can never be met"),
        ("http", "expect.min_bytes = 0", ":7: load.expect.min_bytes: input should be greater"),
        (
            "http",
            "expect.prefix = '+PONG'",
            ':7: load.expect: prefix is nothing that driver "http"',
        ),
        ("http", "expect.txt = 'a'", ":7: unknown key 'load.expect.txt'; did you mean 'text'?"),
        (
            "http",
            "expect = { status = [204], text = 'a' }",
            "a response with status 204 has no body",
        ),
        ("http", "method = 'HEAD'\nexpect.min_bytes = 1", ":8: load.expect: min_bytes can never"),
        ("tcp", "expect.text = 'a'", ':7: load.expect: text is nothing that driver "tcp" can'),
        ("tcp", "expect.status = [200]", ':7: load.expect: status is nothing that driver "tcp"'),
        ("tcp", r"expect.prefix = '\q'", r":7: load.expect.prefix: unknown escape \q"),
        ("tcp", "expect.prefix = 'PONG'", ":7: load.expect: prefix can never be met: no RESP"),
        ("tcp", "response = 4\nexpect.min_bytes = 5", ":8: load.expect: min_bytes can never"),
        ("tcp", "response = 4\nexpect.prefix = 'abcde'", ":8: load.expect: prefix can never"),
        ("tcp", "response = 'until:;'\nexpect.prefix = 'a;b'", "the delimiter of load.response"),
        (
            "command",
            "expect.text = 'a'\ncommand.argv = ['wrk']",
            'text is nothing that driver "com',
        ),
        (
            "command",
            "[load.command]\nargv = ['k6']\nok_exit_codes = [0, 256]",
            ":9: load.command.ok_exit_codes: 256 is no exit code",
        ),
        (
            "command",
            "command.argv = ['k6']\ncommand.ok_exit_codes = [99]",
            ":8: load.command.ok_exit_codes: 0 is missing",
        ),
        (
            "command",
            "command = { argv = ['k6'], ok_exit_codes = [] }",
            "ok_exit_codes: list should",
        ),
        (
            "command",
            "command = { argv = ['k6'], ok_exit_codes = ['a'] }",
            ":7: load.command.ok_exit",
        ),
    ],
)
def test_what_can_never_be_met_is_refused_by_its_key_and_line(tmp_path, driver, lines, message):
    with pytest.raises(UsageError) as caught:
        load_of(tmp_path, driver, lines)
    assert message in caught.value.message
