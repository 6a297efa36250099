from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import docker.errors
import pytest
import requests

from socklat_gate.errors import UsageError
from socklat_gate.service.built_images import (
    MOST_EARLIER,
    REPOSITORY,
    UNUSED_S,
    BuiltImages,
    replacing,
    sweep_images,
)
from socklat_gate.service.image import ImageRef
from socklat_gate.service.owner import OwnerTag, owner_labels
from socklat_gate.service.sweep import LONGEST_S

KEY = "0123456789abcdef"


class Images:
    """The daemon's: tag -> id, when each was given, and which ids containers have."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.tagged_s: dict[str, float] = {}
        self.removed: list[str] = []
        self.in_use: set[str] = set()
        self.now_s = time.time()
        self.api = self

    @property
    def dangling(self) -> set[str]:
        return {*self.tagged_s} - {*self.tags.values()} - {*self.removed}

    def make(self, image: str) -> Callable[[str], None]:
        return lambda tag: self._set(tag, image)

    def _set(self, tag: str, image: str) -> None:
        self.now_s += 1
        self.tags[tag] = image
        self.tagged_s[image] = self.now_s

    # What the client has.

    @property
    def images(self) -> Any:
        return _Named(self)

    def tag(self, image: str, repository: str, tag: str) -> bool:
        self._set(f"{repository}:{tag}", image)
        return True

    def remove_image(self, tag: str) -> None:
        if tag not in self.tags:
            raise docker.errors.NotFound("no such image")
        image = self.tags[tag]
        last = list(self.tags.values()).count(image) == 1
        if last and image in self.in_use:
            raise docker.errors.APIError("conflict: a container has it")
        del self.tags[tag]
        if last:
            self.removed.append(image)

    def inspect_image(self, tag: str) -> Any:
        at = datetime.fromtimestamp(self.tagged_s[self.tags[tag]], timezone.utc)
        return {"Metadata": {"LastTagTime": f"{at:%Y-%m-%dT%H:%M:%S}.123456789Z"}}


class _Named:
    """Both ``client.images`` and the call ``client.api.images(name=...)``."""

    def __init__(self, of: Images) -> None:
        self._of = of

    def __call__(self, name: str) -> Any:
        return [{"RepoTags": [tag]} for tag in self._of.tags if tag.startswith(f"{name}:")]

    def get(self, name: str) -> Any:
        found = self._of.tags.get(name) or (name if name in self._of.tags.values() else None)
        if found is None:
            raise docker.errors.ImageNotFound("no such image")
        config = {"Healthcheck": {"Test": ["CMD", "/ok"]}}
        return type("Image", (), {"id": found, "attrs": {"Config": config}})


def job(images: Any, image: str, *needed: str, keep: bool = True) -> ImageRef:
    with BuiltImages(images, lambda: needed) as built:
        return built.made(KEY, images.make(image), keep=keep)


def test_twenty_jobs_leave_one_image_and_none_without_a_name() -> None:
    images: Any = Images()
    for at in range(20):
        found = job(images, f"sha256:{at:064x}")
        assert (found.reference, found.check) == (f"{REPOSITORY}:{KEY}", ("CMD", "/ok"))
    assert images.tags == {f"{REPOSITORY}:{KEY}": f"sha256:{19:064x}"}
    assert len(images.removed) == 19
    assert images.dangling == set()


def test_the_baselines_image_goes_with_its_job() -> None:
    images: Any = Images()
    job(images, "sha256:" + "a" * 64, keep=False)
    assert (images.tags, images.dangling) == ({}, set())


def test_an_image_that_stored_campaigns_name_stays_and_has_a_name() -> None:
    images: Any = Images()
    ids = [f"sha256:{at}{'0' * 63}" for at in range(9)]
    for image in ids:
        job(images, image, *ids)
    assert images.dangling == set()
    kept = sorted(images.tags.values())
    # Not for ever: the last used ones.
    assert kept == ids[-1 - MOST_EARLIER :]
    job(images, ids[-1])
    assert images.tags == {f"{REPOSITORY}:{KEY}": ids[-1]}


def test_what_is_compared_with_counts_as_used() -> None:
    images: Any = Images()
    ids = [f"sha256:{at}{'0' * 63}" for at in range(9)]
    job(images, ids[0], *ids)
    for image in ids[1:]:
        with BuiltImages(images, lambda: ids) as built:
            built.made(KEY, images.make(image))
            built.use(ImageRef("app", ids[0], ""))
    assert ids[0] in images.tags.values()
    assert images.dangling == set()


def test_without_a_look_at_the_store_nothing_that_it_may_name_is_removed() -> None:
    images: Any = Images()
    for image in ("sha256:" + "a" * 64, "sha256:" + "b" * 64):
        with BuiltImages(images) as built:
            built.made(KEY, images.make(image))
    assert sorted(images.tags.values()) == ["sha256:" + "a" * 64, "sha256:" + "b" * 64]
    assert images.dangling == set()


def test_two_jobs_of_one_path_at_once_have_an_image_each() -> None:
    images: Any = Images()
    one, other = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    with BuiltImages(images, tuple) as first:
        assert first.made(KEY, images.make(one)).id == one
        with BuiltImages(images, tuple) as second:
            assert second.made(KEY, images.make(other)).id == other
        # The second has ended, and the first still starts containers of its own.
        assert one in images.tags.values()
    assert images.tags == {f"{REPOSITORY}:{KEY}": one}
    assert images.dangling == set()


def test_an_image_that_a_container_has_is_left_and_goes_later() -> None:
    images: Any = Images()
    one, other, third = (f"sha256:{letter * 64}" for letter in "abc")
    job(images, one)
    images.in_use = {one}
    job(images, other)
    assert sorted(images.tags.values()) == [one, other]
    images.in_use = set()
    job(images, third)
    assert sorted(images.tags.values()) == [third]


def test_a_job_that_fails_leaves_nothing_and_the_last_one_stays() -> None:
    images: Any = Images()
    job(images, "sha256:" + "a" * 64)

    def fail() -> None:
        with BuiltImages(images, tuple) as built:
            built.made(KEY, images.make("sha256:" + "b" * 64))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert images.tags == {f"{REPOSITORY}:{KEY}": "sha256:" + "a" * 64}
    with pytest.raises(UsageError, match="no image of it"), BuiltImages(images) as built:
        built.made(KEY, lambda tag: None)


def test_a_job_that_measured_nothing_keeps_nothing_and_the_last_one_stays() -> None:
    images: Any = Images()
    for before in ({}, {f"{REPOSITORY}:{KEY}": "sha256:" + "b" * 64}):
        with BuiltImages(images, tuple) as built:
            built.made(KEY, images.make("sha256:" + "a" * 64))
            built.keep_nothing()
        assert images.tags == before
        job(images, "sha256:" + "b" * 64)
    assert images.dangling == set()


def test_a_connection_that_breaks_while_tags_go_leaves_none() -> None:
    images: Any = Images()
    remove, broken = images.remove_image, []

    def remove_image(tag: str) -> None:
        remove(tag)
        if not broken:
            broken.append(tag)
            raise requests.ConnectionError("the daemon restarts")

    images.remove_image = remove_image
    job(images, "sha256:" + "a" * 64)
    assert broken
    assert images.tags == {f"{REPOSITORY}:{KEY}": "sha256:" + "a" * 64}

    def refuse_once(tag: str) -> None:
        if broken:
            broken.clear()
            raise requests.ConnectionError("the daemon restarts")
        remove(tag)

    images.remove_image = refuse_once
    job(images, "sha256:" + "b" * 64, keep=False)
    assert images.tags == {f"{REPOSITORY}:{KEY}": "sha256:" + "a" * 64}


def test_a_store_that_cannot_be_read_removes_nothing() -> None:
    images: Any = Images()
    job(images, "sha256:" + "a" * 64)
    with BuiltImages(images, lambda: None) as built:
        built.made(KEY, images.make("sha256:" + "b" * 64))
    assert len(images.tags) == 2


def test_what_the_dead_have_held_is_swept_and_what_nobody_used_for_long() -> None:
    images: Any = Images()
    me = OwnerTag.current()
    dead = OwnerTag("0" * 12, me.pid, me.start - 1, me.boot, me.pid_ns)
    elsewhere = OwnerTag("1" * 12, me.pid, me.start - 1, me.boot, me.pid_ns + 1)
    for owner, image in ((me, "a"), (dead, "b"), (elsewhere, "c")):
        images.make(f"sha256:{image}")(f"{REPOSITORY}:{KEY}-{owner.text}")
    images.make("sha256:d")(f"{REPOSITORY}:{KEY}")
    images.make("sha256:e")("somebody/else:1")
    images.make("sha256:f")(f"{REPOSITORY}:not-ours")
    assert sweep_images(images) == [f"{REPOSITORY}:{KEY}-{dead.text}"]
    # Whether that one lives nobody knows from here, but no job takes longer than a day.
    for image, age_s in {"a": 30 * UNUSED_S, "c": LONGEST_S + 60, "d": UNUSED_S - 60}.items():
        images.tagged_s[f"sha256:{image}"] = time.time() - age_s
    assert sweep_images(images) == [f"{REPOSITORY}:{KEY}-{elsewhere.text}"]
    images.tagged_s["sha256:d"] -= 120
    assert sweep_images(images) == [f"{REPOSITORY}:{KEY}"]
    assert sorted(images.tags.values()) == ["sha256:a", "sha256:e", "sha256:f"]


def test_a_tag_says_as_much_of_its_owner_as_labels_do() -> None:
    me = OwnerTag.current()
    assert owner_labels(me.text) == me.labels()
    for text in ("", "sources", me.text[:-1], f"{me.text}0", me.text.replace(".", "-")):
        assert owner_labels(text) == {}
    assert set(me.text) <= set("0123456789abcdef.")  # Docker's tags may have it


def test_a_part_of_a_stack_is_replaced_at_once() -> None:
    images: Any = Images()
    for letter in "abc":
        assert replacing(images, KEY, images.make(f"sha256:{letter}")).id == f"sha256:{letter}"
    assert images.tags == {f"{REPOSITORY}:{KEY}": "sha256:c"}
    assert images.dangling == set()
