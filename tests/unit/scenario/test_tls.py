"""``load.tls``, ``load.keep_alive`` and ``service.ready.https`` in a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.scenario import Load, Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.tls import Tls

START = """\
name = "shop"

[service]
image = "shop:dev"
port = 8443
{ready}
[load]
driver = "http"
"""


def read(directory: Path, load: str, ready: str = "") -> Scenario:
    path = directory / "socklat.toml"
    path.write_text(START.format(ready=ready) + load)
    return load_scenario(path)


def test_true_is_a_table_of_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "tls = true\n").load.tls == Tls()
    assert read(tmp_path, "tls = {}\n").load.tls == Tls()
    assert read(tmp_path, "tls = false\n").load.tls is None


def test_files_are_beside_the_scenario(tmp_path: Path) -> None:
    text = '[load.tls]\nca_file = "pki/ca.pem"\ncert_file = "/etc/c.pem"\nkey_file = "c.key"\n'
    tls = read(tmp_path, text).load.tls
    assert tls is not None
    assert tls.ca_file == str(tmp_path / "pki/ca.pem")
    assert tls.cert_file == "/etc/c.pem"
    assert tls.key_file == str(tmp_path / "c.key")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("tls = 3\n", 9, "use true, or a table"),
        ('[load.tls]\ninsecure = true\nca_file = "ca.pem"\n', 9, "give one of them"),
        ('[load.tls]\nkey_file = "c.key"\n', 9, "cert_file, which is missing"),
        ('[load.tls]\nserver_name = "a b"\n', 10, "neither a host name nor an IP address"),
        ('[load.tls]\nmin_version = "1.1"\n', 10, "load.tls.min_version"),
        ('[load.tls]\nca_fil = "ca.pem"\n', 10, "did you mean 'ca_file'?"),
        ('keep_alive = false\nheaders = { connection = "close" }\n', 7, "leave it out"),
    ],
)
def test_a_problem_names_key_and_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.reason is Reason.BAD_SCENARIO
    assert f"socklat.toml:{line}: " in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("key", ["tls = true", "keep_alive = false"])
def test_a_command_has_settings_of_its_own(tmp_path: Path, key: str) -> None:
    path = tmp_path / "socklat.toml"
    text = START.format(ready="").replace('"http"', '"command"')
    path.write_text(f'{text}{key}\ncommand.argv = ["wrk"]\n')
    with pytest.raises(UsageError, match=r"tell load\.command's own tool"):
        load_scenario(path)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("localhost", True),
        ("shop.internal", True),
        ("10.0.0.1", True),
        ("fd00::1", True),
        ("_shop", True),
        ("", False),
        ("-x", False),
        ("a/b", False),
        ("x" * 254, False),
        ("x" * 64, False),
        ("a..b", False),
        (".:", False),
    ],
)
def test_names_of_servers(name: str, good: bool) -> None:
    if good:
        assert Tls(server_name=name).server_name == name
    else:
        with pytest.raises(ValueError, match="server_name"):
            Tls(server_name=name)


def test_a_connection_a_request_asks_the_service_to_close() -> None:
    load = Load.model_validate({"driver": "http", "keep_alive": False, "headers": {"a": "b"}})
    assert [request.headers for request in load.requests] == [{"Connection": "close", "a": "b"}]
    raw = Load.model_validate({"payload": "x", "keep_alive": False})
    assert [request.headers for request in raw.requests] == [{}]


def test_what_shapes_the_numbers(tmp_path: Path) -> None:
    def of(load: str) -> str:
        return read(tmp_path, load).measured_hash()

    assert of("") == of("keep_alive = true\ntls = false\n")
    tls = of("tls = true\n")
    assert tls == of("tls.insecure = true\n") == of('tls.ca_file = "ca.pem"\n')
    client = of('tls.cert_file = "c.pem"\n')
    assert (
        len({of(""), tls, client, of('tls.min_version = "1.3"\n'), of("keep_alive = false")}) == 5
    )


def test_ready_over_tls(tmp_path: Path) -> None:
    ready = read(tmp_path, "tls = true\n", 'ready.https = "/health"').service.ready
    assert (ready.http, ready.https, ready.status) == (None, "/health", 200)


@pytest.mark.parametrize("other", ['ready.http = "/"', 'ready.log = "up"'])
def test_there_is_one_way_to_be_ready(tmp_path: Path, other: str) -> None:
    with pytest.raises(UsageError, match="give one of http, https, log, command"):
        read(tmp_path, "", f'ready.https = "/"\n{other}')


def test_a_plain_readiness_of_a_port_with_tls_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"write service\.ready\.https"):
        read(tmp_path, "tls = true\n", 'ready.http = "/health"')
