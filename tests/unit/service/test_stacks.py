"""Which images the containers of an arm's stack run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.scenario import Service
from socklat_gate.service import stack
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.compose import StackReading
from socklat_gate.service.image import ImageRef
from socklat_gate.service.owner import OwnerTag
from socklat_gate.service.stack import Stacks
from tests.unit.service.test_stack_build import NAMED


def images_of(tested: str, image: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Any:
    """By service; what is built has the name of its service as its image."""
    written: list[Path] = []

    def take(_name: str, file: Path, *_rest: object) -> None:
        written.append(file)

    def named(_client: object, reference: str, _on_progress: object) -> ImageRef:
        return ImageRef(reference, f"id of {reference}", "")

    monkeypatch.setattr(stack, "Compose", take)
    monkeypatch.setattr(stack, "resolve_image", named)
    monkeypatch.setattr(stack, "checked_stack", lambda *_args, alone: StackReading(NAMED))
    monkeypatch.setattr(Stacks, "_built", lambda _self, _call, _file, _stack, name, _key: name)
    service = Service.model_validate({"compose": "compose.yml", "service": tested, "port": 80})
    stacks = Stacks(None, service, home, OwnerTag.current())  # type: ignore[arg-type]
    call: Callable[[Callable[[], Any]], Any] = lambda make: make()  # noqa: E731
    try:
        stacks._project(ArmSpec("candidate", ImageRef("x", image, "")), call)
        services = json.loads(written[0].read_text())["services"]
        return {name: definition["image"] for name, definition in services.items()}
    finally:
        stacks.close()


@pytest.mark.parametrize("tested", ["api", "worker"])
def test_one_image_by_one_name_is_one_in_an_arm(
    tested: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``worker`` runs what ``api`` builds: never what the daemon has of an earlier day."""
    assert images_of(tested, "sha256:arm", monkeypatch, tmp_path) == {
        "api": "sha256:arm",
        "worker": "sha256:arm",
        "tool": "id of tool",
        "cron": "id of tool",
        "cache": "id of redis:7",
        "own": "id of own",
    }


@pytest.mark.parametrize("alone", [False, True])
def test_what_the_arms_have_otherwise_than_the_file_says(
    alone: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    networks = {
        "proxy": {"external": True, "name": "traefik"},
        "back": {"ipam": {"config": [{"subnet": "172.30.5.0/24"}]}},
        "kept": {"external": True, "name": "lab"},
    }
    document = {"services": {"api": {"image": "x"}}, "networks": networks}
    monkeypatch.setattr(stack, "checked_stack", lambda *_args, alone: StackReading(document))
    keys = {"compose": "c.yml", "service": "api", "port": 80, "shared": ["networks.kept"]}
    service = Service.model_validate(keys)
    stacks = Stacks(None, service, tmp_path, OwnerTag.current(), alone=alone)  # type: ignore[arg-type]
    assert stacks.changed == []
    stacks._stack_of(service, None, lambda make: make())
    said = [line.partition(": each arm has ")[0] for line in stacks.changed]
    assert said == (["networks.proxy"] if alone else ["networks.back.ipam", "networks.proxy"])
    stacks.close()
