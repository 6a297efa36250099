from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from socklat_gate.errors import (
    Exit,
    Interrupted,
    InvalidMeasurement,
    Reason,
    UnfitEnvironment,
    UsageError,
)
from socklat_gate.service.arm import ArmSpec, RunningArm
from socklat_gate.service.image import ImageRef
from socklat_gate.service.session import ServiceSession
from tests.services.ports import free_port

pytestmark = [pytest.mark.docker, pytest.mark.beside]

Open = Callable[..., ServiceSession]
Left = Callable[[str], list[str]]


def one(image: ImageRef, *options: str) -> list[ArmSpec]:
    return [ArmSpec("candidate", image, ["/echo", *options])]


def echoes(arm: RunningArm) -> bool:
    with socket.create_connection((arm.host, arm.port), timeout=60) as connection:
        connection.sendall(b"ping")
        return connection.recv(4) == b"ping"


def log_of(client: Any, arm: RunningArm) -> str:
    raw: bytes = client.api.logs(arm.container_id)
    return raw.decode()


def test_two_arms_run_at_once_in_namespaces_of_their_own(
    open_session: Open, echo: ImageRef, docker_client: Any, left_behind: Left
) -> None:
    with open_session() as session:
        arms = session.start([ArmSpec("candidate", echo), ArmSpec("baseline", echo)])
        assert [arm.arm for arm in arms] == ["candidate", "baseline"]
        assert all(echoes(arm) for arm in arms)
        assert len({arm.host for arm in arms}) == 2
        assert len({arm.netns_inode for arm in arms}) == 2
        for arm in arms:
            facts = docker_client.api.inspect_container(arm.container_id)
            assert facts["State"]["Pid"] == arm.pid
            assert os.stat(f"/proc/{arm.pid}/ns/net").st_ino == arm.netns_inode
            assert arm.netns_inode != os.stat("/proc/self/ns/net").st_ino
            assert arm.image == echo
            assert facts["Image"] == echo.id
            assert list(facts["NetworkSettings"]["Networks"]) == [session.network]
        started = [docker_client.api.inspect_container(a.container_id)["State"] for a in arms]
        assert started[0]["StartedAt"] < started[1]["StartedAt"]
        session.check_alive()
    assert left_behind(session.run_id) == []


def test_stop_makes_room_for_fresh_containers(
    open_session: Open, echo: ImageRef, left_behind: Left
) -> None:
    with open_session() as session:
        first = session.start(one(echo))
        session.stop()
        assert left_behind(session.run_id) == [session.network]
        session.check_alive()
        second = session.start(one(echo))
        assert second[0].container_id != first[0].container_id
        assert echoes(second[0])


def test_further_containers_run_beside_those_that_are_there(
    open_session: Open, echo: ImageRef, left_behind: Left
) -> None:
    two = [ArmSpec(arm, echo, replica=0, replicas=2) for arm in ("baseline", "candidate")]
    with open_session() as session:
        first = session.add([two])
        begun_s = time.monotonic()
        numbers = [[replace(spec, replica=replica) for spec in two] for replica in (1, 2)]
        looks: list[bool] = []
        more = session.add(numbers, apart_s=1.0, meanwhile=lambda: looks.append(True))
        assert time.monotonic() - begun_s > 1.0
        assert len(looks) >= 2
        assert [arm.label for arm in (*first, *more)] == [
            *("baseline-1", "candidate-1"),
            *("baseline-2", "candidate-2"),
            *("baseline-3", "candidate-3"),
        ]
        assert all(echoes(arm) for arm in (*first, *more))
        assert session.ended() is None
        os.kill(first[1].pid, signal.SIGKILL)
        while session.ended() is None:
            time.sleep(0.01)
        assert session.ended() == first[1].name
        with pytest.raises(InvalidMeasurement, match=r"-candidate-1-\d+ exited with code 137"):
            session.check_alive()
        session.stop()
        assert session.ended() is None
        assert left_behind(session.run_id) == [session.network]


def test_whoever_fails_beside_others_takes_them_with_it(
    open_session: Open, echo: ImageRef, left_behind: Left
) -> None:
    with open_session(ready={"timeout_s": 0.5}) as session:
        session.add([one(echo)])
        with pytest.raises(InvalidMeasurement, match=r"not ready within 0\.5 s"):
            session.add([one(echo, "--never-listen")])
        assert left_behind(session.run_id) == [session.network]

        def fails() -> None:
            raise InvalidMeasurement(Reason.SERVICE_DIED, "a replica beside it")

        with pytest.raises(InvalidMeasurement, match="a replica beside it"):
            session.start(one(echo), meanwhile=fails)
        assert left_behind(session.run_id) == [session.network]


def test_a_late_listener_is_waited_for(open_session: Open, echo: ImageRef) -> None:
    with open_session() as session:
        (arm,) = session.start(one(echo, "--listen-after", "400"))
        assert echoes(arm)


def test_ready_by_http_status(open_session: Open, echo: ImageRef) -> None:
    with open_session(ready={"http": "/health", "status": 204}) as session:
        (arm,) = session.start(one(echo, "--http", "204", "--http-warmup", "300"))
        assert arm.port == 7000


def test_an_other_http_status_is_not_ready(open_session: Open, echo: ImageRef) -> None:
    with open_session(ready={"http": "/health", "timeout_s": 0.5}) as session:
        with pytest.raises(InvalidMeasurement, match="responded 500, not 200") as caught:
            session.start(one(echo, "--http", "500", "--log", "starting"))
        assert caught.value.reason is Reason.SERVICE_NOT_READY
        assert "starting" in caught.value.log


def test_ready_by_log_line_needs_no_listener(open_session: Open, echo: ImageRef) -> None:
    with open_session(ready={"log": r"accepting \w+$"}) as session:
        (arm,) = session.start(one(echo, "--log", "accepting work", "--never-listen"))
        with pytest.raises(ConnectionRefusedError):
            echoes(arm)


def test_a_log_line_that_never_comes(open_session: Open, echo: ImageRef) -> None:
    with open_session(ready={"log": "^ready$", "timeout_s": 0.5}) as session:
        with pytest.raises(InvalidMeasurement, match=r"no log line matches '\^ready\$'") as caught:
            session.start(one(echo, "--log", "not ready"))
        assert caught.value.reason is Reason.SERVICE_NOT_READY


def test_never_listening_ends_at_the_time_limit(
    open_session: Open, echo: ImageRef, left_behind: Left
) -> None:
    with open_session(ready={"timeout_s": 0.5}) as session:
        with pytest.raises(InvalidMeasurement, match=r"not ready within 0\.5 s") as caught:
            session.start(one(echo, "--never-listen", "--log", "dozing"))
        assert caught.value.reason is Reason.SERVICE_NOT_READY
        assert "dozing" in caught.value.log
        assert left_behind(session.run_id) == [session.network]


def test_dying_at_once_is_told_with_code_and_log(open_session: Open, echo: ImageRef) -> None:
    with open_session() as session:
        with pytest.raises(InvalidMeasurement, match="exited with code 41") as caught:
            session.start(one(echo, "--log", "no config", "--exit-now", "--exit-code", "41"))
        assert caught.value.reason is Reason.SERVICE_DIED
        assert "no config" in caught.value.log


def test_dying_while_readiness_is_waited_for_does_not_wait_on(
    open_session: Open, echo: ImageRef
) -> None:
    options = ["--never-listen", "--exit-after-ms", "500", "--exit-code", "42"]
    with open_session(ready={"timeout_s": 120}) as session:
        specs = [ArmSpec("baseline", echo), ArmSpec("candidate", echo, ["/echo", *options])]
        with pytest.raises(InvalidMeasurement, match=r"candidate\S* exited with code 42") as caught:
            session.start(specs)
        assert caught.value.reason is Reason.SERVICE_DIED


def test_dying_later_is_found_by_check_alive(
    open_session: Open, echo: ImageRef, docker_client: Any
) -> None:
    lines = [text for number in range(12) for text in ("--log", f"line {number}")]
    with open_session() as session:
        (arm,) = session.start(one(echo, *lines, "--exit-after", "2", "--exit-code", "43"))
        session.check_alive()
        assert echoes(arm)
        docker_client.api.wait(arm.container_id, timeout=60)
        with pytest.raises(InvalidMeasurement, match="exited with code 43") as caught:
            session.check_alive()
        assert caught.value.reason is Reason.SERVICE_DIED
        assert caught.value.log.endswith("line 10\nline 11")
        assert "line 1\n" not in caught.value.log


def test_running_out_of_memory_is_named(open_session: Open, echo: ImageRef) -> None:
    with open_session(memory="16m") as session:
        with pytest.raises(InvalidMeasurement, match="ran out of memory") as caught:
            session.start(one(echo, "--never-listen", "--eat-memory", "300"))
        assert caught.value.reason is Reason.SERVICE_DIED


def test_removed_by_somebody_else(open_session: Open, echo: ImageRef, docker_client: Any) -> None:
    with open_session() as session:
        (arm,) = session.start(one(echo))
        docker_client.api.remove_container(arm.container_id, force=True)
        with pytest.raises(InvalidMeasurement, match="removed by somebody else"):
            session.check_alive()


def test_published_ports_of_both_arms(open_session: Open, echo: ImageRef) -> None:
    port = free_port(2)
    with open_session(publish=port) as session:
        arms = session.start([ArmSpec("baseline", echo), ArmSpec("candidate", echo)])
        assert [(arm.host, arm.port) for arm in arms] == [
            ("127.0.0.1", port),
            ("127.0.0.1", port + 1),
        ]
        assert all(echoes(arm) for arm in arms)


def test_readiness_does_not_trust_the_published_port(open_session: Open, echo: ImageRef) -> None:
    with open_session(publish=free_port(2), ready={"timeout_s": 0.5}) as session:
        with pytest.raises(InvalidMeasurement) as caught:
            session.start(one(echo, "--never-listen"))
        assert caught.value.reason is Reason.SERVICE_NOT_READY


def test_a_taken_port_is_named(open_session: Open, echo: ImageRef) -> None:
    port = free_port(2)
    with socket.socket() as rival, open_session(publish=port) as session:
        rival.bind(("127.0.0.1", port + 1))
        rival.listen()
        with pytest.raises(InvalidMeasurement, match=str(port + 1)) as caught:
            session.start(one(echo))
        assert caught.value.reason is Reason.PORT_TAKEN


def test_a_command_that_is_not_in_the_image(open_session: Open, echo: ImageRef) -> None:
    with open_session(command="/no/such/program --flag") as session:
        with pytest.raises(InvalidMeasurement, match="/no/such/program") as caught:
            session.start([ArmSpec("candidate", echo)])
        assert caught.value.reason is Reason.SERVICE_DIED


def test_options_reach_the_container(
    open_session: Open, echo: ImageRef, docker_client: Any, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "open").mkdir()
    session = open_session(
        command="/echo --print-env A --print-env B --write /ro/x --write /rw/x --write /memory/x",
        env={"A": "scenario", "B": "scenario"},
        volumes=["./data:/ro:ro", f"{tmp_path}/open:/rw"],
        tmpfs=["/memory:size=1m"],
        cpus=0.5,
        cpuset="0",
        memory="64m",
    )
    with session:
        (arm,) = session.start([ArmSpec("baseline", echo, env={"B": "arm"})])
        assert log_of(docker_client, arm).splitlines() == [
            "A=scenario",
            "B=arm",
            "write /ro/x: Read-only file system",
            "write /rw/x: ok",
            "write /memory/x: ok",
        ]
        host = docker_client.api.inspect_container(arm.container_id)["HostConfig"]
    assert [path.name for path in tmp_path.rglob("x")] == ["x"]
    assert (tmp_path / "open" / "x").exists()
    assert host["NanoCpus"] == 500_000_000
    assert host["CpusetCpus"] == "0"
    assert host["Memory"] == 64 << 20
    assert list(host["Tmpfs"]) == ["/memory"]
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    assert host["RestartPolicy"]["Name"] in ("", "no")


def test_limits_that_docker_refuses(open_session: Open, echo: ImageRef, left_behind: Left) -> None:
    with open_session(memory="1k") as session:
        with pytest.raises(UsageError, match="memory") as caught:
            session.start([ArmSpec("candidate", echo)])
        assert caught.value.reason is Reason.BAD_SCENARIO
        assert left_behind(session.run_id) == [session.network]


def test_an_image_that_was_removed_meanwhile(open_session: Open) -> None:
    gone = ImageRef("socklat-test/gone:1", "sha256:" + 64 * "0", "")
    with open_session() as session, pytest.raises(UsageError, match="socklat-test/gone:1"):
        session.start([ArmSpec("candidate", gone)])


def test_a_partial_start_leaves_no_container(
    open_session: Open, echo: ImageRef, left_behind: Left
) -> None:
    with open_session() as session:
        bad = ArmSpec("candidate", echo, ["/no/such/program"])
        with pytest.raises(InvalidMeasurement):
            session.start([ArmSpec("baseline", echo), bad])
        assert left_behind(session.run_id) == [session.network]
        session.start([ArmSpec("baseline", echo)])
    assert left_behind(session.run_id) == []


def test_an_exception_in_the_middle_leaves_nothing(
    open_session: Open, echo: ImageRef, left_behind: Left
) -> None:
    def break_off(session: ServiceSession) -> None:
        with session:
            session.start([ArmSpec("baseline", echo), ArmSpec("candidate", echo)])
            assert len(left_behind(session.run_id)) == 3
            raise RuntimeError("in the middle")

    session = open_session()
    with pytest.raises(RuntimeError, match="in the middle"):
        break_off(session)
    assert left_behind(session.run_id) == []
    session.close()


def test_closing_without_the_context_manager_removes_a_half_started_run(
    open_session: Open, echo: ImageRef, docker_client: Any, left_behind: Left
) -> None:
    session = open_session()
    session.__enter__()
    # A container that the session never heard about, as after an interrupted call.
    network = docker_client.api.inspect_network(session.network)
    docker_client.containers.create(echo.id, network=session.network, labels=network["Labels"])
    assert len(left_behind(session.run_id)) == 2
    session.close()
    assert left_behind(session.run_id) == []


@pytest.mark.parametrize(
    "delay_s", [0.02, 0.3, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.0, 0.1, 0.6))]
)
def test_a_signal_at_any_point_leaves_nothing(
    open_session: Open, echo: ImageRef, left_behind: Left, delay_s: float
) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted(Exit.SIGTERM)

    def run() -> None:
        timer.start()
        with session:
            session.start(one(echo, "--never-listen"))

    session = open_session(ready={"timeout_s": 60})
    before = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        with pytest.raises(Interrupted):
            run()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert left_behind(session.run_id) == []


def test_a_signal_during_the_removal_leaves_nothing(
    open_session: Open,
    echo: ImageRef,
    docker_client: Any,
    left_behind: Left,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks = docker_client.api.networks
    interruptions = [Interrupted(Exit.SIGINT)]

    def interrupted_once(**keywords: Any) -> Any:
        if interruptions:
            raise interruptions.pop()
        return networks(**keywords)

    session = open_session()
    session.__enter__()
    session.start(one(echo))
    monkeypatch.setattr(docker_client.api, "networks", interrupted_once)
    with pytest.raises(Interrupted):
        session.close()
    assert left_behind(session.run_id) == []


@pytest.mark.parametrize("made", [False, True])
def test_a_network_that_cannot_be_created_leaves_nothing(
    open_session: Open,
    docker_client: Any,
    left_behind: Left,
    monkeypatch: pytest.MonkeyPatch,
    made: bool,
) -> None:
    """Where only the response was lost, it is used like any other."""
    create = docker_client.api.create_network

    def create_and_fail(*args: Any, **keywords: Any) -> None:
        if made:
            create(*args, **keywords)
        raise docker.errors.APIError("it failed")

    session = open_session()
    monkeypatch.setattr(docker_client.api, "create_network", create_and_fail)
    if made:
        with session:
            assert left_behind(session.run_id) == [session.network]
    else:
        with pytest.raises(UnfitEnvironment, match="it failed") as caught:
            session.__enter__()
        assert caught.value.reason is Reason.NO_DOCKER
    assert left_behind(session.run_id) == []


def test_a_command_in_it_or_the_images_own_check_tells_when_it_is_ready(
    open_session: Open, echo: ImageRef, docker_client: Any
) -> None:
    with open_session(ready={"command": ["/echo", "--exit-now"]}) as session:
        [running] = session.start(one(echo))
        assert running.startup_ns > 0
    failing = {"command": "/echo --exit-now --exit-code 3", "timeout_s": 0.3}
    with open_session(ready=failing) as session:
        with pytest.raises(InvalidMeasurement, match="ended with exit code 3") as caught:
            session.start(one(echo))
        assert caught.value.reason is Reason.SERVICE_NOT_READY
    without = open_session(ready={"healthcheck": True})
    with without as session, pytest.raises(UsageError, match="has no health check"):
        session.start(one(echo))
    made = docker_client.api.create_container(echo.id, command=["/echo"])
    check = 'HEALTHCHECK --interval=1s CMD ["/echo", "--exit-now"]'
    image = docker_client.api.commit(made["Id"], changes=[check])["Id"]
    try:
        with open_session(ready={"healthcheck": True, "timeout_s": 20}) as session:
            [running] = session.start(one(ImageRef("checked", image, "")))
            state = docker_client.api.inspect_container(running.container_id)["State"]
            assert not state.get("Health")  # Docker watches none of its own
    finally:
        docker_client.api.remove_container(made["Id"])
        docker_client.api.remove_image(image)
