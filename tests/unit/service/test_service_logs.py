from __future__ import annotations

from types import SimpleNamespace

import docker.errors

from socklat_gate import masking
from socklat_gate.service.logs import TAIL_BYTES, TAIL_LINES, clip, tail


def client_with(logs: object, *env: str) -> SimpleNamespace:
    return SimpleNamespace(
        api=SimpleNamespace(logs=logs, inspect_container=lambda name: {"Config": {"Env": env}})
    )


def test_asks_for_the_last_lines_only() -> None:
    asked: dict[str, object] = {}

    def logs(container: str, **options: object) -> bytes:
        asked.update(options)
        return b"one\ntwo\n"

    assert tail(client_with(logs), "id") == "one\ntwo"
    assert asked["tail"] == TAIL_LINES


def test_long_lines_are_cut_at_the_front() -> None:
    text = clip(b"x" * 10_000 + b"end")
    assert text.startswith("... x")
    assert text.endswith("end")
    assert len(text) <= TAIL_BYTES + len("... ")


def test_terminal_sequences_do_not_pass() -> None:
    assert clip(b"\x1b[31mred\x1b[0m\r\nbell\x07 \x1b]0;title") == "red\nbell� �]0;title"


def test_each_way_to_begin_a_line_is_a_line() -> None:
    assert clip(b"a\r\nb\n10%\r100%\rdone\tok\n") == "a\nb\n10%\n100%\ndone\tok"


def test_bytes_that_are_no_text() -> None:
    assert clip(b"\xff\xfe ok") == "�� ok"


def test_an_empty_log_is_said_to_be_empty() -> None:
    assert tail(client_with(lambda *args, **options: b""), "id") == "(it logged nothing)"


def test_a_log_that_cannot_be_read_does_not_hide_the_error_it_describes() -> None:
    def logs(*args: object, **options: object) -> bytes:
        raise docker.errors.APIError("no such driver")

    assert "no such driver" in tail(client_with(logs), "id")


def test_values_of_the_containers_variables_that_look_secret_are_masked() -> None:
    client = client_with(
        lambda *_, **__: b"env: DB_PASSWORD=hunter2hunter2 MODE=production\n",
        "DB_PASSWORD=hunter2hunter2",
        "MODE=production",
    )
    assert tail(client, "id") == "env: DB_PASSWORD=*** MODE=production"


def test_a_secret_is_masked_before_the_log_is_cut() -> None:
    value = "canary-" + "v" * 40
    masking.register(value)
    after = b"x" * (TAIL_BYTES - 20)
    text = clip(b"y" * TAIL_BYTES + value.encode() + after)
    assert "vvvv" not in text
    # The daemon cut it already: its end alone is left.
    assert clip(value[12:].encode() + b" end") == "*** end"
