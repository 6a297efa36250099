from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import s3fs

from socklat_gate.baseline.places.location import open_place
from socklat_gate.baseline.places.object_store import BATCH
from socklat_gate.baseline.places.place import MAX_BYTES, Place
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from tests.unit.factories import make_campaign

URL = "s3://perf/some/prefix"
WRITERS = 4


def opened() -> Place:
    return open_place(URL, show_line=lambda line: None)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield


def test_objects_are_where_other_tools_look(s3: s3fs.S3FileSystem) -> None:
    opened().add("checkout/a.json", b"x")
    assert s3.cat_file("perf/some/prefix/checkout/a.json") == b"x"


def test_writers_at_the_same_time_lose_nothing(s3: s3fs.S3FileSystem) -> None:
    def write(number: int) -> str:
        # Every other campaign is the same one twice.
        return BaselineStore(opened()).save(make_campaign(1, commit=f"{number // 2:040x}"))

    with ThreadPoolExecutor(WRITERS) as pool:
        names = list(pool.map(write, range(WRITERS)))
    stored = BaselineStore(opened())
    assert {one.name for one in stored.campaigns("checkout")} == set(names)
    assert len(set(names)) == WRITERS // 2
    assert {problem for _, problem in stored.verify()} == {""}


def test_one_of_two_that_write_the_same_name_is_told(s3: s3fs.S3FileSystem) -> None:
    def write(number: int) -> bool:
        try:
            opened().add("checkout/a.json", b"%d" % number)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sum(pool.map(write, range(WRITERS))) == 1


def test_more_documents_than_are_fetched_together(s3: s3fs.S3FileSystem) -> None:
    names = [f"checkout/{number:03d}.json" for number in range(2 * BATCH + 3)]
    place = opened()
    for name in names:
        place.add(name, name.encode())
    again = opened()
    assert again.names("checkout") == tuple(names)
    assert [again.read(name) for name in names] == [name.encode() for name in names]
    assert again.read(names[5]) == names[5].encode()


@pytest.mark.parametrize(
    "key",
    [
        "checkout/../a.json",
        "checkout/a b.json",
        "checkout/a\u202ejson.json",
        "checkout/a\\b.json",
        "checkout/" + "a" * 200 + ".json",
    ],
)
def test_a_hostile_key_is_refused(s3: s3fs.S3FileSystem, key: str) -> None:
    s3.pipe_file(f"perf/some/prefix/{key}", b"x")
    with pytest.raises(NoUsableBaseline, match="which is no name") as caught:
        opened().names("checkout")
    assert caught.value.reason is Reason.BASELINE_CORRUPT
    assert "\u202e" not in caught.value.message


def test_a_folder_that_leads_out_is_refused(s3: s3fs.S3FileSystem) -> None:
    s3.pipe_file("perf/some/prefix/../a.json", b"x")
    with pytest.raises(NoUsableBaseline, match="which is no name"):
        opened().folders()


def test_other_objects_are_left_alone(s3: s3fs.S3FileSystem) -> None:
    for key in ("README.md", "checkout/README.md", "checkout/", "Other/a.json", "checkout/.a.json"):
        s3.pipe_file(f"perf/some/prefix/{key}", b"x")
    assert opened().folders() == ("checkout",)
    assert opened().names("checkout") == ()


def test_an_object_that_grew_since_it_was_listed(s3: s3fs.S3FileSystem) -> None:
    place = opened()
    place.add("checkout/a.json", b"x" * MAX_BYTES)
    place.names("checkout")
    s3.pipe_file("perf/some/prefix/checkout/a.json", b"x" * (MAX_BYTES + 100))
    with pytest.raises(NoUsableBaseline, match="larger than"):
        place.read("checkout/a.json")


def test_a_bucket_that_is_not_there_holds_nothing(s3: s3fs.S3FileSystem) -> None:
    place = open_place("s3://perf-of-nobody/x", show_line=lambda line: None)
    assert place.folders() == ()
    with pytest.raises(UsageError, match="cannot write s3://perf-of-nobody") as caught:
        place.add("checkout/a.json", b"x")
    assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE


def test_a_server_that_does_not_respond(nowhere: None) -> None:
    with pytest.raises(NoUsableBaseline, match="listing s3://perf/some/prefix failed") as caught:
        opened().names("checkout")
    assert caught.value.reason is Reason.BASELINE_UNREACHABLE
    assert "credentials" in str(caught.value.remedy)
    with pytest.raises(UsageError, match="cannot write") as refused:
        opened().add("checkout/a.json", b"x")
    assert refused.value.reason is Reason.OUTPUT_NOT_WRITABLE


def test_no_credentials(
    s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    with pytest.raises(NoUsableBaseline, match="credentials") as caught:
        opened().names("checkout")
    assert caught.value.reason is Reason.BASELINE_UNREACHABLE


@pytest.mark.parametrize("missing", ["fsspec", "s3fs"])
def test_a_missing_extra_says_which(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "s3fs":
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(UsageError) as caught:
        opened()
    assert caught.value.reason is Reason.MISSING_EXTRA
    assert "pip install 'socklat-gate[stores]'" in str(caught.value.remedy)


def test_a_service_whose_client_is_another_package_names_it() -> None:
    with pytest.raises(UsageError) as caught:
        open_place("gs://perf/x", show_line=lambda line: None)
    assert caught.value.reason is Reason.MISSING_EXTRA
    assert "gcsfs" in str(caught.value.remedy)
