import json
import multiprocessing
from dataclasses import replace

import pytest

from socklat_gate.baseline.listing import summaries
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, write_document
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.campaign import Fingerprint
from tests.unit.factories import FINGERPRINT, make_campaign

HASH = "0123456789abcdef"


@pytest.fixture
def store(tmp_path):
    return BaselineStore.at(tmp_path / "baselines")


def saved(store, campaign):
    """The file of a campaign after saving it."""
    return store.place.root / store.save(campaign)


def unusable(store, reason, *, name="checkout", hash_=HASH, fingerprint=FINGERPRINT, mode="single"):
    with pytest.raises(NoUsableBaseline) as caught:
        store.usable(name, hash_, fingerprint, mode)
    assert caught.value.reason is reason
    assert caught.value.remedy
    return caught.value.message


def test_a_campaign_is_stored_under_its_scenario_time_and_checksum(store):
    path = saved(store, make_campaign())
    assert path.parent == store.place.root / "checkout"
    assert path.name.startswith("20260304T050607Z-")
    (stored,) = store.campaigns("checkout")
    assert store.place.root / stored.name == path
    assert to_body(stored.campaign) == to_body(make_campaign())


def test_saving_the_same_campaign_twice_keeps_one(store):
    assert store.save(make_campaign()) == store.save(make_campaign())
    assert len(store.campaigns("checkout")) == 1


def test_saving_over_a_damaged_file_of_the_same_name_is_refused(store):
    path = saved(store, make_campaign())
    path.write_text("{}")
    with pytest.raises(UsageError, match="exists already"):
        store.save(make_campaign())


def test_campaigns_come_in_the_order_of_time_whatever_their_zone(store):
    times = ["2026-03-04T06:00:00+02:00", "2026-03-04T05:00:00Z", "2026-03-04T05:30:00"]
    for created in reversed(times):
        store.save(make_campaign(1, created=created))
    assert [s.campaign.created for s in store.campaigns("checkout")] == times


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "A", "x\n", ".hidden", "x" * 64, "a\0b"])
def test_a_name_that_could_leave_the_store_is_refused(store, name):
    for call in (
        lambda: store.campaigns(name),
        lambda: store.save(make_campaign(1, scenario_name=name)),
        lambda: store.usable(name, HASH, FINGERPRINT, "single"),
    ):
        with pytest.raises(UsageError, match="not a scenario name"):
            call()
    assert not store.place.root.exists()


@pytest.mark.parametrize("created", ["yesterday", "", "../../x", "0001-01-01T00:00:00+23:00"])
def test_a_time_that_cannot_name_a_file_is_refused(store, created):
    with pytest.raises(UsageError, match="ISO 8601"):
        store.save(make_campaign(1, created=created))


def test_a_root_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot create"):
        BaselineStore.at(tmp_path / "file").save(make_campaign(1))


def test_usable_campaigns(store):
    store.save(make_campaign(1))
    store.save(make_campaign(2, mode="paired"))
    (single,) = store.usable("checkout", HASH, FINGERPRINT, "single")
    (paired,) = store.usable("checkout", HASH, FINGERPRINT, "paired")
    assert (len(single.runs), len(paired.runs)) == (1, 2)


def test_facts_need_not_match(store):
    store.save(make_campaign(1))
    other = replace(FINGERPRINT, facts={"docker": "another"})
    assert len(store.usable("checkout", HASH, other, "single")) == 1


def test_no_directory_is_a_missing_baseline(store):
    assert "checkout" in unusable(store, Reason.NO_BASELINE_YET)
    store.save(make_campaign(1))
    unusable(store, Reason.NO_BASELINE_YET, name="other")


def test_a_directory_without_campaigns_is_an_empty_baseline(store):
    (store.place.root / "checkout").mkdir(parents=True)
    (store.place.root / "checkout" / ".a.json.123.tmp").write_text("half")
    unusable(store, Reason.BASELINE_EMPTY)


def test_an_empty_file_is_an_empty_baseline(store):
    saved(store, make_campaign(1)).write_bytes(b"")
    unusable(store, Reason.BASELINE_EMPTY)


def test_one_corrupt_file_spoils_the_baseline(store):
    store.save(make_campaign(1))
    path = saved(store, make_campaign(2))
    path.write_bytes(path.read_bytes()[:-40])
    assert path.name in unusable(store, Reason.BASELINE_CORRUPT)


def test_another_scenario_hash_names_both(store):
    store.save(make_campaign(1))
    message = unusable(store, Reason.BASELINE_SCENARIO, hash_="feedfeedfeedfeed")
    assert HASH in message
    assert "feedfeedfeedfeed" in message


def test_a_baseline_of_the_other_mode_is_missing(store):
    store.save(make_campaign(1))
    assert "none of them measured paired" in unusable(store, Reason.BASELINE_MISSING, mode="paired")


def test_another_machine_names_the_fields_and_both_values(store):
    store.save(make_campaign(1))
    here = Fingerprint({**FINGERPRINT.must_match, "kernel": "6.12.1", "cgroup": "v2"})
    message = unusable(store, Reason.BASELINE_FINGERPRINT, fingerprint=here)
    assert "kernel is '6.12.1' here, '6.1.0-18-amd64' in the baseline" in message
    assert "cgroup is 'v2' here, 'absent' in the baseline" in message
    assert "cpu" not in message


def test_another_rate_that_was_found_is_no_other_machine(store):
    at = {rate: Fingerprint({**FINGERPRINT.must_match, "rate": rate}) for rate in ("47", "3300")}
    store.save(make_campaign(1, fingerprint=at["3300"]))
    with pytest.raises(NoUsableBaseline) as caught:
        store.usable("checkout", HASH, at["47"], "single")
    assert "measured at another rate: rate is '47' here, '3300' in the base" in caught.value.message
    assert "give load.rate a number" in caught.value.remedy


def test_verify_and_list_name_good_and_bad_files(store):
    good = saved(store, make_campaign(1))
    bad = saved(store, make_campaign(2))
    bad.write_text("junk")
    found = {store.place.root / name: problem for name, problem in store.verify()}
    assert found[good] == ""
    assert "not valid JSON" in found[bad]
    rows = {store.place.root / row.name: row for row in summaries(store.place)}
    assert (rows[good].scenario, rows[good].runs, rows[good].problem) == ("checkout", 1, "")
    assert rows[bad].problem


def test_an_empty_store_lists_nothing(store):
    assert summaries(store.place) == store.verify() == store.campaigns("checkout") == ()


def test_verify_notices_a_file_whose_content_was_exchanged(store):
    path = saved(store, make_campaign(1))
    write_document(path, CAMPAIGN_SCHEMA, to_body(make_campaign(2)), overwrite=True)
    ((_, problem),) = store.verify()
    assert "replaced" in problem


def test_a_campaign_in_the_directory_of_another_scenario_is_refused(store):
    path = saved(store, make_campaign(1))
    moved = store.place.root / "other" / path.name
    moved.parent.mkdir()
    path.rename(moved)
    assert "'checkout'" in unusable(store, Reason.BASELINE_CORRUPT, name="other")


def test_links_that_leave_the_store_are_refused(store, tmp_path):
    outside = BaselineStore.at(tmp_path / "outside")
    foreign = saved(outside, make_campaign(1))
    store.place.root.mkdir()
    (store.place.root / "checkout").symlink_to(foreign.parent)
    assert "outside the store" in unusable(store, Reason.BASELINE_CORRUPT)
    with pytest.raises(UsageError, match="outside"):
        store.save(make_campaign(2))
    assert len(outside.campaigns("checkout")) == 1


def test_a_linked_file_and_a_loop_of_links_are_refused(store, tmp_path):
    foreign = saved(BaselineStore.at(tmp_path / "outside"), make_campaign(1))
    directory = store.place.root / "checkout"
    directory.mkdir(parents=True)
    (directory / "a.json").symlink_to(foreign)
    (directory / "loop.json").symlink_to(directory / "loop.json")
    problems = [problem for _, problem in store.verify()]
    assert len(problems) == 2
    assert all(problems)


def test_an_unreadable_time_inside_an_intact_file_is_corrupt(store):
    directory = store.place.root / "checkout"
    directory.mkdir(parents=True)
    body = {**to_body(make_campaign(1)), "created": "soon"}
    write_document(directory / "a.json", CAMPAIGN_SCHEMA, body)
    assert "'soon'" in unusable(store, Reason.BASELINE_CORRUPT)


def save_some(root, offset):
    for number in range(5):
        # Every other campaign is the same in both processes.
        shared = f"shared {number}" if number % 2 else f"own {offset} {number}"
        BaselineStore.at(root).save(make_campaign(1, commit=shared))


def test_two_processes_that_save_at_once_lose_nothing(store):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=save_some, args=(store.place.root, at)) for at in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(store.campaigns("checkout")) == 2 * 3 + 2
    assert all(problem == "" for _, problem in store.verify())
    names = [p.name for p in (store.place.root / "checkout").iterdir()]
    assert not [name for name in names if name.startswith(".")]


def test_flipped_bytes_of_a_stored_campaign_never_raise_anything_else(store):
    path = saved(store, make_campaign(1))
    data = path.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 200)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :])
        with pytest.raises(NoUsableBaseline):
            store.usable("checkout", HASH, FINGERPRINT, "single")


def test_a_valid_envelope_around_a_hostile_body_is_corrupt(store):
    directory = store.place.root / "checkout"
    directory.mkdir(parents=True)
    body = json.loads(json.dumps(to_body(make_campaign(1))))
    body["runs"][0]["load"]["sent"] = -1
    write_document(directory / "a.json", CAMPAIGN_SCHEMA, body)
    assert "a.json: field runs[0].load.sent" in unusable(store, Reason.BASELINE_CORRUPT)
