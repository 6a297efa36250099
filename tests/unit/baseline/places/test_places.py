"""What every kind of place does alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from socklat_gate.baseline.listing import summaries
from socklat_gate.baseline.places.place import MAX_BYTES, Place
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from tests.unit.factories import FINGERPRINT, make_campaign

NAME = "checkout/20260304T050607Z-0123456789ab.json"
OTHER = "checkout/20260304T050608Z-0123456789ab.json"
STUDY = "_calibrations/checkout/0123456789abcdef.json"

Reopen = Callable[[], Place]


def test_an_empty_place_holds_nothing(place: Place) -> None:
    assert place.folders() == ()
    assert place.names("checkout") == ()
    assert not place.has("checkout")
    with pytest.raises(NoUsableBaseline) as caught:
        place.read(NAME)
    assert caught.value.reason is Reason.BASELINE_MISSING


def test_what_was_added_is_there_now_and_for_the_next_command(place: Place, reopen: Reopen) -> None:
    place.add(OTHER, b"second")
    place.add(NAME, b"first")
    place.add("shop/a.json", b"third")
    for one in (place, reopen()):
        assert one.folders() == ("checkout", "shop")
        assert one.names("checkout") == (NAME, OTHER)
        assert one.has("checkout")
        assert [one.read(name) for name in (NAME, OTHER, NAME)] == [b"first", b"second", b"first"]
        assert NAME in one.display_name(NAME)
        assert one.absent() == ""


def test_nothing_is_written_over(place: Place, reopen: Reopen) -> None:
    place.add(NAME, b"first")
    for one in (place, reopen()):
        with pytest.raises(FileExistsError):
            one.add(NAME, b"another")
    assert reopen().read(NAME) == b"first"


def test_a_calibration_is_replaced_and_is_no_scenario(place: Place, reopen: Reopen) -> None:
    place.replace(STUDY, b"first")
    place.replace(STUDY, b"second")
    for one in (place, reopen()):
        assert one.read(STUDY) == b"second"
        assert one.names("_calibrations/checkout") == (STUDY,)
        assert one.folders() == ()


def test_what_was_removed_is_gone_and_others_stay(place: Place, reopen: Reopen) -> None:
    for name in (NAME, OTHER):
        place.add(name, b"x")
    place.remove([NAME, "checkout/never-there.json"])
    place.remove([NAME])
    for one in (place, reopen()):
        assert one.names("checkout") == (OTHER,)


def test_an_empty_document_is_given_as_it_is(place: Place) -> None:
    place.add(NAME, b"")
    assert place.read(NAME) == b""


def test_more_bytes_than_any_campaign_has_are_refused(place: Place, reopen: Reopen) -> None:
    place.add(NAME, b"x" * (MAX_BYTES + 1))
    place.add(OTHER, b"x" * MAX_BYTES)
    with pytest.raises(NoUsableBaseline, match=f"larger than {MAX_BYTES}") as caught:
        reopen().read(NAME)
    assert caught.value.reason is Reason.BASELINE_CORRUPT
    assert len(reopen().read(OTHER)) == MAX_BYTES


OUTSIDE = ("../outside.json", "checkout/../../outside.json", "/etc/passwd")
NO_NAMES = (
    *OUTSIDE,
    "checkout/.hidden.json",
    "checkout/a b.json",
    "checkout/a\n.json",
    "checkout/sub/a.json",
    "checkout\\a.json",
    "checkout/a.json\0",
    "checkout/" + "a" * 300 + ".json",
    "Checkout/a.json",
    "checkout/a.txt",
    "a.json",
    "",
)


def test_names_that_could_lead_elsewhere_are_refused(place: Place) -> None:
    for name in NO_NAMES:
        for write in (place.add, place.replace):
            with pytest.raises(UsageError) as caught:
                write(name, b"x")
            assert caught.value.reason is Reason.BAD_ARGUMENT, name
    assert place.folders() == ()


def test_nothing_outside_is_read(place: Place) -> None:
    for name in OUTSIDE:
        with pytest.raises((UsageError, NoUsableBaseline)) as caught:
            place.read(name)
        assert caught.value.reason in (Reason.BAD_ARGUMENT, Reason.BASELINE_CORRUPT), name


def test_campaigns_come_back_from_every_place(place: Place, reopen: Reopen) -> None:
    store = BaselineStore(place)
    times = [f"2026-03-0{day}T05:06:07Z" for day in (1, 2, 3)]
    names = [store.save(make_campaign(1, created=created, branch="main")) for created in times]
    assert store.save(make_campaign(1, created=times[0], branch="main")) == names[0]
    again = BaselineStore(reopen())
    assert [one.name for one in again.campaigns("checkout")] == names
    usable = again.usable("checkout", make_campaign(1).scenario_hash, FINGERPRINT, "single")
    assert [campaign.created for campaign in usable] == times
    assert {campaign.branch for campaign in usable} == {"main"}
    assert [problem for _, problem in again.verify()] == [""] * 3
    assert [row.branch for row in summaries(again.place)] == ["main"] * 3
