from __future__ import annotations

from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment, UsageError
from socklat_gate.service.stack_containers import find_tested
from socklat_gate.service.stack_errors import companion_states, up_error


def container(name: str, service: str, network: str = "", mode: str = "") -> dict[str, Any]:
    return {
        "Id": name,
        "Names": [f"/{name}"],
        "Labels": {"com.docker.compose.service": service},
        "NetworkSettings": {"Networks": {network: {}} if network else {}},
        "HostConfig": {"NetworkMode": mode or network},
    }


class Daemon:
    """Containers of one project, and what inspecting each of them says."""

    def __init__(self, *found: dict[str, Any], **details: dict[str, Any]) -> None:
        self.found, self.details = found, details
        self.api = self

    def containers(self, **_options: Any) -> list[dict[str, Any]]:
        return list(self.found)

    def inspect_container(self, name: str) -> dict[str, Any]:
        return {"State": {"Running": True}, **self.details.get(name, {})}

    def logs(self, name: str, **_options: Any) -> bytes:
        return f"log of {name}".encode()


def test_the_tested_one_and_those_beside_it() -> None:
    policy = {"HostConfig": {"RestartPolicy": {"Name": "on-failure"}}}
    daemon: Any = Daemon(
        container("p_web_2", "web", "p_net"),
        container("p_api_1", "api", "p_net"),
        container("p_web_1", "web", "p_net"),
        p_api_1=policy,
    )
    found = find_tested(daemon, "p", "api")
    assert (found.container_id, found.name, found.network) == ("p_api_1", "p_api_1", "p_net")
    # One name each: what they measure is kept by it.
    assert found.companions == (("web", "p_web_1"), ("web-2", "p_web_2"))
    assert found.may_restart
    assert found.address_of == ""


def test_one_in_anothers_network_has_that_ones_address() -> None:
    daemon: Any = Daemon(
        container("app", "app", "p_net"), container("proxy", "proxy", mode="container:app")
    )
    found = find_tested(daemon, "p", "proxy")
    assert (found.network, found.address_of, found.may_restart) == ("p_net", "app", False)


def test_one_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidMeasurement, match="no container of 'api'"):
        find_tested(Daemon(container("db", "db", "n")), "p", "api")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "error", "reason"),
    [
        ("Pool overlaps with other one", UsageError, Reason.BAD_SCENARIO),
        ("could not find an available address pool", UnfitEnvironment, Reason.NO_DOCKER),
        ('external volume "media" not found', UsageError, Reason.BAD_SCENARIO),
        ("network lab declared as external, but not found", UsageError, Reason.BAD_SCENARIO),
        ("dependency failed to start", InvalidMeasurement, Reason.SERVICE_DIED),
    ],
)
def test_why_a_stack_does_not_come_up(said: str, error: type, reason: Reason) -> None:
    ill = {"State": {"Running": True, "Health": {"Status": "unhealthy"}}}
    daemon: Any = Daemon(container("db", "db", "n"), container("api", "api", "n"), db=ill)
    made = up_error(daemon, "p", said)
    assert type(made) is error
    assert made.reason is reason
    assert said in made.message
    if reason is Reason.SERVICE_DIED:
        assert made.message.endswith("\ndb fails its health check")
        assert made.log == "log of db"


def test_what_has_become_of_a_container() -> None:
    states = {
        "runs": {"Running": True},
        "done": {"Running": False, "ExitCode": 0},
        "failed": {"Running": False, "ExitCode": 3},
        "again": {"Running": True, "Restarting": True, "ExitCode": 1},
        "slow": {"Running": True, "Health": {"Status": "starting"}},
    }
    daemon: Any = Daemon(**{name: {"State": state} for name, state in states.items()})
    assert companion_states(daemon, [(name, name) for name in states]) == [
        "failed exited with code 3",
        "again exits with code 1 and is restarted again and again",
        "slow has not passed its health check yet",
    ]
