from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from socklat_gate.forge.github.api import GitHub
from tests.unit.forge.github.api_server import TOKEN, ApiServer


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        yield started


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Retries happen at once; how long they would have waited is tested apart."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
def api(server: ApiServer, no_waiting: None) -> Iterator[GitHub]:
    with GitHub(server.url, TOKEN, patience_s=20) as client:
        yield client
