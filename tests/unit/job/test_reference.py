from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from gate.baseline.store import BaselineStore
from gate.errors import NoUsableBaseline, Reason, UsageError
from gate.job.reference import Reference, find_reference, image_under_test
from tests.unit.job.fakes import BASE_IMAGE, MACHINE, scenario, stored


class Daemon:
    """Local images by name and by id; ``registry`` is what a pull brings."""

    def __init__(
        self, local: dict[str, str] | None = None, registry: dict[str, str] | None = None
    ) -> None:
        self._local = dict(local or {})
        self._registry = registry or {}
        self.pulled: list[str] = []
        self.images = SimpleNamespace(get=self.get)
        self.api = SimpleNamespace(pull=self.pull)

    def get(self, reference: str) -> Any:
        found = self._local.get(reference)
        if found is None and reference in self._local.values():
            found = reference
        if found is None:
            raise docker.errors.ImageNotFound("no such image")
        return SimpleNamespace(id=found, attrs={})

    def pull(self, repository: str, *, tag: str, **options: object) -> Any:
        name = f"{repository}:{tag}"
        self.pulled.append(name)
        if name in self._registry:
            self._local[name] = self._registry[name]
            return iter([])
        return iter([{"error": "not found"}])


def say(line: str) -> None:
    pass


def find(daemon: Any, store: BaselineStore, named: str | None = None, **changes: Any) -> Reference:
    wanted = scenario().model_copy(update=changes)
    # Its directory is in no repository.
    return find_reference(daemon, wanted, store, Path("/"), say, image=named)


def test_the_named_image_comes_first(tmp_path: Path) -> None:
    daemon = Daemon({"app:old": "sha256:7"})
    reference = find(daemon, stored(tmp_path, 1), "app:old")
    assert reference.image is not None
    assert (reference.image.id, reference.named, reference.stored) == ("sha256:7", True, True)
    assert reference.name == "app:old"


def test_a_named_image_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(Daemon(), stored(tmp_path, 1), "app:old")
    assert caught.value.reason is Reason.NO_SUCH_IMAGE


def test_the_stored_campaigns_image_is_told_by_its_id(tmp_path: Path) -> None:
    daemon = Daemon({"something:else": BASE_IMAGE.id})
    reference = find(daemon, stored(tmp_path, 2))
    assert reference.image == BASE_IMAGE
    assert not reference.named
    assert daemon.pulled == []


def test_a_tag_that_has_moved_on_is_not_the_reference(tmp_path: Path) -> None:
    daemon = Daemon({BASE_IMAGE.reference: "sha256:moved"})
    reference = find(daemon, stored(tmp_path, 2))
    assert (reference.image, reference.name) == (None, "stored campaigns")
    assert daemon.pulled == []  # a pull would take the tag away from the image under test


@pytest.mark.parametrize(
    ("registry", "found"),
    [
        ({BASE_IMAGE.reference: BASE_IMAGE.id}, True),
        ({BASE_IMAGE.reference: "sha256:moved"}, False),
        ({}, False),
    ],
)
def test_an_image_that_is_gone_is_pulled_if_it_is_the_same(
    tmp_path: Path, registry: dict[str, str], found: bool
) -> None:
    daemon = Daemon(registry=registry)
    reference = find(daemon, stored(tmp_path, 1))
    assert (reference.image is not None) is found
    assert daemon.pulled == [BASE_IMAGE.reference]


def test_nothing_named_and_nothing_stored(tmp_path: Path) -> None:
    with pytest.raises(NoUsableBaseline) as caught:
        find(Daemon(), BaselineStore.at(tmp_path))
    assert caught.value.reason is Reason.BASELINE_MISSING
    (tmp_path / "demo").mkdir()
    with pytest.raises(NoUsableBaseline) as caught:
        find(Daemon(), BaselineStore.at(tmp_path))
    assert caught.value.reason is Reason.BASELINE_EMPTY


def test_a_named_image_needs_nothing_stored_of_this_machine(tmp_path: Path) -> None:
    store = stored(tmp_path, 2, scenario_hash="f" * 16)
    named = Reference(BASE_IMAGE, store, named=True, stored=True)
    assert named.campaigns(scenario(), MACHINE) == ()
    unnamed = Reference(BASE_IMAGE, store, named=False, stored=True)
    with pytest.raises(NoUsableBaseline) as caught:
        unnamed.campaigns(scenario(), MACHINE)
    assert caught.value.reason is Reason.BASELINE_SCENARIO


def test_a_damaged_store_is_an_error_even_for_a_named_image(tmp_path: Path) -> None:
    store = stored(tmp_path, 2)
    next((tmp_path / "demo").iterdir()).write_text("{")
    reference = Reference(BASE_IMAGE, store, named=True, stored=True)
    with pytest.raises(NoUsableBaseline) as caught:
        reference.campaigns(scenario(), MACHINE)
    assert caught.value.reason is Reason.BASELINE_CORRUPT


def test_only_campaigns_of_the_same_mode_are_taken(tmp_path: Path) -> None:
    store = stored(tmp_path, 2)
    assert len(Reference(None, store, named=False, stored=True).campaigns(scenario(), MACHINE)) == 2
    paired = Reference(BASE_IMAGE, store, named=False, stored=True)
    assert paired.campaigns(scenario(), MACHINE) == ()


def test_the_image_under_test(tmp_path: Path) -> None:
    daemon: Any = Daemon({"demo:2": "sha256:2", "app:new": "sha256:9"})
    assert image_under_test(daemon, scenario(), tmp_path, None, say).id == "sha256:2"
    assert image_under_test(daemon, scenario(), tmp_path, "app:new", say).id == "sha256:9"
    service = scenario().service
    nothing = scenario().model_copy(update={"service": service.model_copy(update={"image": None})})
    with pytest.raises(UsageError, match="names no image"):
        image_under_test(daemon, nothing, tmp_path, None, say)
