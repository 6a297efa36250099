from __future__ import annotations

import json
import re
from typing import Any

import pytest

from socklat_gate.forge.github.key import key_of
from tests.unit.hostile_texts import TEXTS


def of_matrix(*values: Any) -> str:
    return key_of("auto", json.dumps({str(at): value for at, value in enumerate(values)}))


@pytest.mark.parametrize("matrix", ["", "null", "{}", '{"a": ""}', "[", "[" * 100_000])
def test_a_job_without_a_matrix_has_none(matrix: str) -> None:
    assert key_of("auto", matrix) == ""


def test_the_values_of_the_matrix_in_its_order() -> None:
    assert of_matrix("ubuntu-24.04", "arm64") == "ubuntu-24.04_arm64"
    assert of_matrix(3, True, ["self-hosted", "x86"]) == "3_true_self-hosted_x86"


def test_what_the_workflow_says_comes_first() -> None:
    assert key_of("x86", '{"a": "b"}') == "x86"
    assert key_of("off", '{"a": "b"}') == ""


def test_two_jobs_never_have_one_key() -> None:
    jobs = [("a_b", "c"), ("a", "b_c"), ("a", "b", "c"), ("a b", "c"), ("a-b", "c"), ("x" * 90,)]
    jobs += [("x" * 91,), ("é",), ("ü",), ("",), ("a", "b c"), *((text,) for text in TEXTS)]
    jobs += [("x", ""), ("", "x"), ("x",), ("", "x", "y"), ("x", "", "y"), ("x", "y", "")]
    keys = [of_matrix(*job) for job in jobs]
    assert len(set(keys)) == len(set(jobs))


@pytest.mark.parametrize("text", TEXTS)
def test_a_key_is_a_word_that_artifacts_and_markers_take(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]{0,80}", key_of(text, ""))
