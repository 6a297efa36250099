from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.job import reference as module
from socklat_gate.job.images import BASE_CACHE, image_under_test
from socklat_gate.job.reference import Reference, StoredNumbers, find_reference
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.scenario import Ready, Scenario
from socklat_gate.scenario.build import Build
from socklat_gate.service.build_order import BuildOrder, OnLine
from socklat_gate.service.built_images import REPOSITORY
from socklat_gate.service.image import ImageRef
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import BASE_IMAGE, MACHINE, scenario, stored
from tests.unit.repositories import Repository, clone_of, new_repository

NOTHING_BUILT: Any = SimpleNamespace(use=lambda image: None)


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


def discard(line: str) -> None:
    pass


def find(daemon: Any, store: BaselineStore, named: str | None = None, **changes: Any) -> Reference:
    wanted = scenario().model_copy(update=changes)
    # Its directory is in no repository.
    return find_reference(
        daemon, wanted, store, Path("/"), discard, image=named, built=built_by(daemon)
    )


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
    assert caught.value.reason is Reason.NO_BASELINE_YET
    stored(tmp_path, 1, scenario_name="old-name")
    with pytest.raises(NoUsableBaseline, match=r"it has 'old-name'"):
        find(Daemon(), BaselineStore.at(tmp_path))
    (tmp_path / "demo").mkdir()
    with pytest.raises(NoUsableBaseline) as caught:
        find(Daemon(), BaselineStore.at(tmp_path))
    assert caught.value.reason is Reason.BASELINE_EMPTY


def test_a_named_image_needs_nothing_stored_of_this_machine(tmp_path: Path) -> None:
    store = stored(tmp_path, 2, scenario_hash="f" * 16)
    named = Reference(BASE_IMAGE, store, named=True, stored=True)
    assert named.numbers(scenario(), MACHINE) == StoredNumbers()
    unnamed = Reference(BASE_IMAGE, store, named=False, stored=True)
    with pytest.raises(NoUsableBaseline) as caught:
        unnamed.numbers(scenario(), MACHINE)
    assert caught.value.reason is Reason.BASELINE_SCENARIO


def test_a_damaged_store_is_an_error_even_for_a_named_image(tmp_path: Path) -> None:
    store = stored(tmp_path, 2)
    next((tmp_path / "demo").iterdir()).write_text("{")
    reference = Reference(BASE_IMAGE, store, named=True, stored=True)
    with pytest.raises(NoUsableBaseline) as caught:
        reference.numbers(scenario(), MACHINE)
    assert caught.value.reason is Reason.BASELINE_CORRUPT


def test_only_campaigns_of_the_same_mode_are_taken(tmp_path: Path) -> None:
    store = stored(tmp_path, 2)
    single = Reference(None, store, named=False, stored=True)
    assert len(single.numbers(scenario(), MACHINE).campaigns) == 2
    paired = Reference(BASE_IMAGE, store, named=False, stored=True)
    assert paired.numbers(scenario(), MACHINE) == StoredNumbers()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """ "main" with three commits; "feature", checked out, goes off after the second."""
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    made = new_repository(tmp_path / "repository")
    made.commit("FROM base", "app/Dockerfile")
    made.git("checkout", "--quiet", "-b", "feature")
    made.commit("FROM changed", "app/Dockerfile")
    made.git("checkout", "--quiet", "main")
    made.commit("FROM newer", "app/Dockerfile")
    made.git("checkout", "--quiet", "feature")
    return made


def measured(directory: Path, *commits: str) -> BaselineStore:
    """A store with a campaign of each commit, in that order of time, each with its own image."""
    store = BaselineStore.at(directory)
    for day, commit in enumerate(commits, 11):
        image_id = f"sha256:{commit[:7]}"
        created = f"2026-02-{day}T00:00:00+00:00"
        stored(directory, 1, commit=commit, image_id=image_id, created=created, branch="main")
    return store


def test_in_a_pull_request_the_merge_bases_image_is_the_reference(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, newer = (repository.git("rev-parse", ref) for ref in ("main~1", "main"))
    store = measured(tmp_path / "stored", base, newer)
    daemon: Any = Daemon({"a": f"sha256:{base[:7]}", "b": f"sha256:{newer[:7]}"})
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    reference = find_reference(
        daemon, scenario(), store, repository.path, discard, built=NOTHING_BUILT
    )
    assert reference.image is not None
    assert reference.image.id == f"sha256:{base[:7]}"
    assert (reference.commit, note_text(reference.why)) == (base, "the merge base of 'main'")
    assert reference.compared_with(()) == (base, reference.why)


def test_else_that_of_the_nearest_ancestor_and_its_numbers(
    tmp_path: Path, repository: Repository
) -> None:
    first, base, newer = (repository.git("rev-parse", r) for r in ("main~2", "main~1", "main"))
    store = measured(tmp_path / "stored", first, base, newer)
    reference = find_reference(
        Daemon(), scenario(), store, repository.path, discard, built=NOTHING_BUILT
    )
    numbers = reference.numbers(scenario(), MACHINE).campaigns
    assert [campaign.commit for campaign in numbers] == [first, base]
    assert reference.image is None
    commit, why = reference.compared_with(numbers)
    assert commit == base
    assert note_text(why) == "the nearest ancestor with a baseline, 1 commit before this commit"


def test_campaigns_of_another_load_or_machine_are_passed_over(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, base = (repository.git("rev-parse", ref) for ref in ("HEAD", "HEAD~1"))
    here = {"architecture": "a", "cpu_model": "b", "cpus": "2", "kernel": "6.1"}
    monkeypatch.setattr(module, "this_machine", lambda: here)
    store = BaselineStore.at(tmp_path)
    elsewhere = Fingerprint({**here, "kernel": "5.10"})
    stored(tmp_path, 1, commit=head, scenario_hash="f" * 16, fingerprint=Fingerprint(here))
    stored(tmp_path, 1, commit=head, fingerprint=elsewhere)
    stored(tmp_path, 1, commit=base, fingerprint=Fingerprint({**here, "hooks": "x"}))
    found = find_reference(
        Daemon(), scenario(), store, repository.path, discard, built=NOTHING_BUILT
    )
    assert found.commit == base


HOOKS = "data_queued=raw_tracepoint:sk_data_ready, rx_segment=raw_tracepoint:tcp_probe"
HERE = Fingerprint({"hooks": f"accept=tracepoint:sys_exit_accept, {HOOKS}", "kernel": "6.1"})


@pytest.mark.parametrize("mode", ["single", "paired"])
@pytest.mark.parametrize(
    ("elsewhere", "note"),
    [
        ({"kernel": "5.10"}, "kernel is '6.1' here, '5.10' in the baseline"),
        (
            {"hooks": HERE.must_match["hooks"].replace("raw_tracepoint:tcp_probe", "kprobe:x")},
            "hook of rx_segment is 'raw_tracepoint:tcp_probe' here, 'kprobe:x' in the baseline",
        ),
        (
            {"hooks": HOOKS},
            "hook of accept is 'tracepoint:sys_exit_accept' here, 'none' in the baseline",
        ),
        ({"definition": "7"}, "definition is 'absent' here, '7' in the baseline"),
    ],
)
def test_numbers_of_another_machine_are_not_used_but_their_image_is(
    tmp_path: Path, elsewhere: dict[str, str], note: str, mode: str
) -> None:
    machine = Fingerprint({**HERE.must_match, **elsewhere})
    store = stored(tmp_path, 6, fingerprint=machine, mode=mode)
    reference = find(Daemon({"app": BASE_IMAGE.id}), store)
    assert reference.image == BASE_IMAGE
    found = reference.numbers(scenario(), HERE)
    assert found.campaigns == ()
    (text,) = map(note_text, found.notes)
    assert f"({note})" in text
    # Without the image there is only what cannot be compared.
    with pytest.raises(NoUsableBaseline) as caught:
        find(Daemon(), store).numbers(scenario(), HERE)
    if mode == "single":
        assert caught.value.reason is Reason.BASELINE_FINGERPRINT
        assert note in caught.value.message
    else:
        assert caught.value.reason is Reason.BASELINE_MISSING


def with_ready(hash_of: Scenario, **ready: Any) -> Scenario:
    service = hash_of.service.model_copy(update={"ready": Ready(**ready)})
    return hash_of.model_copy(update={"service": service})


def test_when_a_container_counts_as_started_orphans_no_history(tmp_path: Path) -> None:
    # As 0.2 hashed a scenario whose [service.ready] had only a path.
    store = stored(tmp_path, 5, scenario_hash="ef8786524832ddc9")
    now = with_ready(scenario(), http="/health", timeout_s=90)
    found = Reference(None, store, named=False, stored=True).numbers(now, MACHINE)
    assert len(found.campaigns) == 5


@pytest.mark.parametrize("build", ["nothing", "later"])
def test_a_commit_with_nothing_to_build_is_no_baseline_yet(
    tmp_path: Path, repository: Repository, build: str
) -> None:
    repository.commit("FROM later", "later/Dockerfile")
    before = repository.state()
    daemon: Any = Builder()
    store = BaselineStore.at(tmp_path / "none")
    with pytest.raises(NoUsableBaseline) as caught:
        find_reference(
            daemon,
            buildable(build),
            store,
            repository.path,
            discard,
            ref="main",
            built=built_by(daemon),
        )
    assert caught.value.reason is Reason.NO_BASELINE_YET
    base = repository.git("rev-parse", "main~1")
    assert f"commit {base[:12]}, which" in caught.value.message
    assert f"has no {build}/Dockerfile" in caught.value.message
    assert "/tmp" not in caught.value.message
    assert daemon.tags == []
    assert repository.state() == before


class Builder(Daemon):
    """Also builds: the image's id is what the Dockerfile says."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.orders: list[BuildOrder] = []

    def build(self, order: BuildOrder) -> ImageRef:
        made = order.dockerfile.read_text(encoding="utf-8")
        name = f"{REPOSITORY}:{order.key}"
        self._local[name] = made
        self.tags.append(name)
        self.orders.append(order)
        return ImageRef(name, made, "")


class Built:
    """Stands for `BuiltImages`: what it was told to build, hold and keep."""

    def __init__(self, daemon: Any) -> None:
        self._daemon = daemon
        self.kept: list[bool] = []
        self.used: list[ImageRef] = []

    def build(self, order: BuildOrder, on_line: OnLine, *, keep: bool = True) -> ImageRef:
        self.kept.append(keep)
        found: ImageRef = self._daemon.build(order)
        return found

    def use(self, image: ImageRef) -> None:
        self.used.append(image)


def built_by(daemon: Any) -> Any:
    return Built(daemon)


def buildable(build: str | dict[str, Any] | None) -> Any:
    how = Build(**build) if isinstance(build, dict) else build
    service = scenario().service.model_copy(update={"image": None, "build": how})
    return scenario().model_copy(update={"service": service})


def test_a_commit_is_built_from_its_own_sources(tmp_path: Path, repository: Repository) -> None:
    daemon: Any = Builder()
    store = BaselineStore.at(tmp_path / "none")
    before = repository.state()
    wanted = buildable("app")
    built: Any = Built(daemon)
    found = [
        find_reference(daemon, wanted, store, repository.path, discard, ref=ref, built=built)
        for ref in ("main", "main~1")
    ]
    assert repository.state() == before
    candidate = image_under_test(daemon, wanted, repository.path, None, discard, built)
    # What one arm's build leaves in a cache that is mounted must not get into the other's image.
    assert [order.cache for order in daemon.orders] == [BASE_CACHE, BASE_CACHE, ""]
    assert built.kept == [False, False, True]
    for reference in found:
        assert reference.image is not None
        assert reference.image.id == "FROM base"
        assert reference.commit == repository.git("rev-parse", "main~1")
        assert (reference.named, reference.stored) == (True, False)
    assert note_text(found[0].why) == "the merge base of 'main'"
    assert candidate.id == "FROM changed"
    # Each build takes its tag over, and the reference never the candidate's.
    assert daemon.tags[0] == daemon.tags[1] != daemon.tags[2]


@pytest.mark.parametrize(
    ("build", "ref", "reason"),
    [
        (None, "main", Reason.BAD_SCENARIO),
        ("app", "nowhere", Reason.NO_SUCH_COMMIT),
    ],
)
def test_a_commit_that_cannot_be_built(
    tmp_path: Path, repository: Repository, build: str | None, ref: str, reason: Reason
) -> None:
    daemon: Any = Builder()
    store = BaselineStore.at(tmp_path / "none")
    with pytest.raises(UsageError) as caught:
        find_reference(
            daemon,
            buildable(build),
            store,
            repository.path,
            discard,
            ref=ref,
            built=built_by(daemon),
        )
    assert caught.value.reason is reason
    assert caught.value.remedy


def test_the_image_under_test(tmp_path: Path) -> None:
    daemon: Any = Daemon({"demo:2": "sha256:2", "app:new": "sha256:9"})
    given = scenario(), tmp_path
    built = built_by(daemon)
    assert image_under_test(daemon, *given, None, discard, built).id == "sha256:2"
    assert image_under_test(daemon, *given, "app:new", discard, built).id == "sha256:9"
    service = scenario().service
    nothing = scenario().model_copy(update={"service": service.model_copy(update={"image": None})})
    with pytest.raises(UsageError, match="names no image"):
        image_under_test(daemon, nothing, tmp_path, None, discard, built)


class GoneImages(Builder):
    """Stored images are gone; what is built is called by its Dockerfile."""


def gone(tmp_path: Path, repository: Repository, commit: str, **changes: Any) -> Reference:
    """The reference of a store whose one campaign is of ``commit``, its image gone."""
    store = BaselineStore.at(tmp_path / "kept")
    stored(tmp_path / "kept", 1, commit=commit, image_id="sha256:gone", branch="main")
    daemon: Any = GoneImages()
    wanted = changes.pop("wanted", buildable("app"))
    return find_reference(
        daemon, wanted, store, repository.path, discard, built=built_by(daemon), **changes
    )


def test_an_image_that_is_gone_is_built_from_its_commit(
    tmp_path: Path, repository: Repository
) -> None:
    base = repository.git("rev-parse", "main~1")
    before = repository.state()
    with ExitStack() as keep:
        reference = gone(tmp_path, repository, base, keep=keep)
        assert reference.image is not None
        assert reference.image.id == "FROM base"  # HEAD has "FROM changed"
        assert (reference.named, reference.stored, reference.commit) == (False, True, base)
        assert reference.arm is not None
        assert (reference.arm.directory / "app" / "Dockerfile").read_text() == "FROM base"
        (text,) = map(note_text, reference.notes)
        assert f"was built anew from its commit {base[:12]}, on what" in text
    assert repository.state() == before


@pytest.mark.parametrize(
    ("commit", "build", "why"),
    [
        ("main~1", None, "the scenario builds no image from its sources"),
        ("main~1-dirty", "app", "with changes that are in no commit"),
        ("unknown", "app", "its commit is not known"),
        ("f" * 40, "app", "is not in this repository"),
        ("main~2", "app", "has no app/Dockerfile to build the reference from"),
    ],
)
def test_why_it_could_not_be_is_said_and_numbers_are_left(
    tmp_path: Path, repository: Repository, commit: str, build: str | None, why: str
) -> None:
    ref, dash, dirty = commit.partition("-dirty")
    known = repository.git("rev-parse", ref) + dash if ref.startswith("main") else ref
    before = repository.state()
    wanted = buildable(build) if build else scenario()
    reference = gone(tmp_path, repository, known, wanted=wanted)
    assert (reference.image, reference.arm, dirty) == (None, None, "")
    assert reference.name == "stored campaigns"
    (text,) = map(note_text, reference.notes)
    assert why in text
    assert "only its stored numbers are left" in text
    assert repository.state() == before


def test_a_build_that_fails_is_said_too(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Any, order: BuildOrder) -> Any:
        raise UsageError(Reason.NO_SUCH_IMAGE, "building app failed: no such base")

    monkeypatch.setattr(Builder, "build", failing)
    before = repository.state()
    reference = gone(tmp_path, repository, repository.git("rev-parse", "main~1"))
    assert reference.image is None
    assert "cannot be built: no such base; only" in note_text(reference.notes[0])
    assert repository.state() == before


def test_a_shallow_clone_says_that_it_is(tmp_path: Path, repository: Repository) -> None:
    base = repository.git("rev-parse", "main~1")
    shallow = clone_of(repository, tmp_path / "shallow", "--depth=1")
    reference = gone(tmp_path, shallow, base)
    assert reference.image is None
    assert "this clone is shallow: fetch the whole history (fetch-depth: 0" in note_text(
        reference.notes[0]
    )


def test_nothing_is_rebuilt_while_the_image_is_here(tmp_path: Path, repository: Repository) -> None:
    base = repository.git("rev-parse", "main~1")
    store = measured(tmp_path / "stored", base)
    daemon: Any = Daemon({"a": f"sha256:{base[:7]}"})
    built: Any = Built(daemon)
    reference = find_reference(
        daemon, buildable("app"), store, repository.path, discard, built=built
    )
    assert built.used == [reference.image]  # no other job may remove it meanwhile
    assert (reference.image is not None, reference.arm, reference.notes) == (True, None, ())
