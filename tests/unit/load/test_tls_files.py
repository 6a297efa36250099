"""The files that ``load.tls`` names: what is wrong with one is said by its key."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.load.tls_files import make_context
from socklat_gate.scenario.tls import Tls
from tests.certificates import issue


def refusal(files: Mapping[str, object]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        make_context(Tls(**{name: str(path) for name, path in files.items()}))
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.reason is Reason.BAD_SCENARIO
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_a_file_that_is_missing(tmp_path: Path, key: str) -> None:
    error = refusal({key: tmp_path / "none.pem"})
    assert f"load.tls.{key}: {tmp_path / 'none.pem'} cannot be used: No such file" in error.message


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_a_path_that_cannot_be(key: str) -> None:
    assert f"load.tls.{key}: a\0b cannot be used" in refusal({key: "a\0b"}).message


@pytest.mark.parametrize("text", ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_without_a_certificate(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.pem").write_text(text)
    assert "holds no certificate" in refusal({"ca_file": tmp_path / "bad.pem"}).message
    assert "one is missing" in refusal({"cert_file": tmp_path / "bad.pem"}).message


def test_a_file_with_a_key_alone_is_no_ca(tmp_path: Path) -> None:
    key_file = issue(tmp_path, "client").key_file
    assert "holds no certificate" in refusal({"ca_file": key_file}).message


def test_a_directory(tmp_path: Path) -> None:
    assert "load.tls.ca_file" in refusal({"ca_file": tmp_path}).message


def test_a_certificate_without_its_key(tmp_path: Path) -> None:
    one = issue(tmp_path, "one")
    message = refusal({"cert_file": one.cert_file}).message
    assert message.startswith("load.tls.cert_file")
    assert "one is missing" in message


def test_the_key_of_another_certificate(tmp_path: Path) -> None:
    one, other = issue(tmp_path, "one"), issue(tmp_path, "other")
    message = refusal({"cert_file": one.cert_file, "key_file": other.key_file}).message
    assert message.startswith("load.tls.key_file")
    assert f"not that of cert_file {one.cert_file}" in message


def test_an_encrypted_key_asks_nobody_for_its_password(tmp_path: Path) -> None:
    one = issue(tmp_path, "one", password=b"secret")
    message = refusal({"cert_file": one.cert_file, "key_file": one.key_file}).message
    assert "its key is encrypted" in message


def test_what_is_checked_and_offered(tmp_path: Path) -> None:
    one = issue(tmp_path, "one")
    strict = make_context(Tls(ca_file=str(one.cert_file), min_version="1.3"), ["h2"])
    assert strict.check_hostname
    assert strict.verify_mode is ssl.CERT_REQUIRED
    assert strict.minimum_version is ssl.TLSVersion.TLSv1_3
    any_of_them = make_context(Tls(insecure=True))
    assert any_of_them.verify_mode is ssl.CERT_NONE
    assert any_of_them.minimum_version is ssl.TLSVersion.TLSv1_2
