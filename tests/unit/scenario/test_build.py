from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.build import Build
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.secret import secrets_in


def loaded(tmp_path: Path, service: str) -> Scenario:
    path = tmp_path / "socklat.toml"
    path.write_text(f'name = "shop"\n[load]\ndriver = "http"\n[service]\nport = 80\n{service}\n')
    return load_scenario(path)


WHOLE = """
[service.build]
context = ".."
dockerfile = "docker/api.Dockerfile"
target = "production"
args = { VERSION = "1.4" }
secrets = { npmrc = { file = "npmrc" } }
platform = "linux/amd64"
"""


def test_a_directory_or_a_table(tmp_path: Path) -> None:
    assert loaded(tmp_path, 'build = "app"').service.built == Build(context="app")
    assert loaded(tmp_path, 'image = "app:1"').service.built is None
    found = loaded(tmp_path, WHOLE)
    assert found.service.built == found.service.build
    assert found.service.built is not None
    assert found.service.built.args == {"VERSION": "1.4"}
    ((place, _),) = secrets_in(found)
    assert place == ("service", "build", "secrets", "npmrc")


def test_how_the_image_is_built_is_what_a_comparison_varies(tmp_path: Path) -> None:
    hashes = {
        loaded(tmp_path, text).measured_hash()
        for text in ('build = "app"', 'image = "app:1"', WHOLE)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ('build = "."\ntarget = "a"', "unknown key 'service.target'; did you mean 'build.target'?"),
        ('build = "."\nargs = {}', "unknown key 'service.args'; did you mean 'build.args'?"),
        (
            'build = "."\ndockerfile = "a"',
            "unknown key 'service.dockerfile'; did you mean 'build.dockerfile'?",
        ),
        (
            'build = { context = ".", dockerfil = "a" }',
            "unknown key 'service.build.dockerfil'; did you mean 'dockerfile'?",
        ),
        ('build = { target = "a" }', "service.build.context is missing: directory"),
        ("build = 3", "service.build: input should be a table"),
        ('build = { context = ".", dockerfile = "/a" }', "dockerfile: give it from context on"),
        ('build = { context = ".", args = { "A B" = "1" } }', "'A B' cannot be a build argument"),
        (
            'build = { context = ".", secrets = { "a,src=/etc" = { env = "A" } } }',
            "'a,src=/etc' cannot be a secret's id",
        ),
        ('build = { context = ".", secrets = { a = "x" } }', "secrets.a: input should be a table"),
        ('build = { context = ".", platform = "amd64" }', "platform: string should match"),
        ('build = { context = "." }\nimage = "a"', "give one of image, build and compose"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(tmp_path: Path, service: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, service)
    assert problem in caught.value.message
