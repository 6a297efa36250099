from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from socklat_gate.job.pull_request import is_pull_request, variables_around

GATE = Path(__file__).resolve().parents[3] / "gate"


def test_what_sudo_dropped_is_found_around_it() -> None:
    """`env -i` stands for sudo: the child has none of the job's variables."""
    program = (
        "from socklat_gate.job.pull_request import is_pull_request, variables_around\n"
        "import os\n"
        "print(is_pull_request(os.environ), is_pull_request(variables_around()))\n"
    )
    child = f'env -i PYTHONPATH={GATE} {sys.executable} -c "$PROGRAM"; true'
    wrapped = child.replace('"$PROGRAM"', f"'{program}'")
    done = subprocess.run(
        ["/bin/sh", "-c", wrapped],
        env={"PATH": os.environ["PATH"], "GITHUB_EVENT_NAME": "pull_request"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "False True\n"


def test_a_process_that_may_not_be_read_ends_nothing(tmp_path: Path) -> None:
    parent = tmp_path / str(os.getppid())
    parent.mkdir()
    (parent / "status").write_text("Name:\tsudo\nPPid:\t41\n")
    (tmp_path / "41").mkdir()
    (tmp_path / "41" / "environ").write_bytes(b"CHANGE_ID=7\0PATH=/nowhere\0odd\0")
    (tmp_path / "41" / "status").write_text("Name:\tagent\nPPid:\t0\n")
    found = variables_around(tmp_path)
    assert is_pull_request(found)
    assert found["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("variables", "is_one"),
    [
        ({}, False),
        ({"GITHUB_REF": "refs/pull/7/merge"}, True),
        ({"GITHUB_REF": "refs/heads/main"}, False),
        ({"CODEBUILD_WEBHOOK_TRIGGER": "pr/7"}, True),
        ({"CODEBUILD_WEBHOOK_TRIGGER": "branch/main"}, False),
        ({"CODEBUILD_SOURCE_VERSION": "arn:aws:s3:::bucket/key"}, False),
        ({"CI_EXTERNAL_PULL_REQUEST_IID": "7"}, True),
        ({"BUILDKITE_PULL_REQUEST": "false"}, False),
        *(({name: "7"}, True) for name in ("APPVEYOR_PULL_REQUEST_NUMBER", "CIRRUS_PR")),
    ],
)
def test_which_variables_name_one(variables: dict[str, str], is_one: bool) -> None:
    assert is_pull_request(variables) is is_one
