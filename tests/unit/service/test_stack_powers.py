"""Which keys of a compose file reach beyond its containers, as compose v1 and v2 print them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.scenario.powers import Power
from socklat_gate.service.stack_powers import asked_by_stack

CHECKOUT = Path("/src/shop")
MOUNTS, FILES, COMMANDS = Power.MOUNTS, Power.FILES, Power.COMMANDS
PRIVILEGED, DOCKER, HOST = Power.PRIVILEGED, Power.DOCKER, Power.HOST


def asked(service: dict[str, Any], **tables: Any) -> list[tuple[str, Power]]:
    stack = {"services": {"api": service, "db": {"image": "db"}}, **tables}
    return [(".".join(one.where), one.power) for one in asked_by_stack(stack, CHECKOUT)]


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"volumes": ["/etc:/x:ro"]}, [("volumes", MOUNTS)]),
        ({"volumes": [{"type": "bind", "source": "/src/shop/data"}]}, [("volumes", MOUNTS)]),
        ({"volumes": ["/:/host"]}, [("volumes", MOUNTS), ("volumes", DOCKER)]),
        (
            {"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/x"}]},
            [("volumes", MOUNTS), ("volumes", DOCKER)],
        ),
        ({"volumes": ["data:/data", "/cache", {"type": "tmpfs", "target": "/t"}]}, []),
        ({"volumes": ["away:/data"]}, [("volumes", MOUNTS)]),
        ({"volumes": [{"type": "volume", "source": "others"}]}, [("volumes", MOUNTS)]),
        ({"volumes": ["share:/data"]}, [("volumes", MOUNTS)]),
        ({"volumes": ["memory:/data"]}, []),
        # The kernel binds the directory, whatever the type is called.
        ({"volumes": ["disguised:/data"]}, [("volumes", MOUNTS), ("volumes", DOCKER)]),
        ({"volumes_from": ["db", "container:other:ro"]}, [("volumes_from", MOUNTS)]),
        ({"privileged": True}, [("privileged", PRIVILEGED)]),
        ({"cap_add": ["SYS_ADMIN"]}, [("cap_add", PRIVILEGED)]),
        ({"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}, []),
        ({"security_opt": ["seccomp:unconfined"]}, [("security_opt", PRIVILEGED)]),
        ({"devices": ["/dev/sda:/dev/sda"]}, [("devices", PRIVILEGED)]),
        ({"device_cgroup_rules": ["a *:* rwm"]}, [("device_cgroup_rules", PRIVILEGED)]),
        ({"cgroup_parent": "/"}, [("cgroup_parent", PRIVILEGED)]),
        (
            {"deploy": {"resources": {"reservations": {"devices": [{"count": 1}]}}}},
            [("deploy", PRIVILEGED)],
        ),
        ({"post_start": [{"command": "x", "privileged": True}]}, [("post_start", PRIVILEGED)]),
        ({"network_mode": "host"}, [("network_mode", HOST)]),
        ({"network_mode": "service:db", "ipc": "shareable", "pid": "service:db"}, []),
        ({"pid": "host"}, [("pid", HOST)]),
        ({"ipc": "container:other"}, [("ipc", HOST)]),
        ({"uts": "host"}, [("uts", HOST)]),
        ({"userns_mode": "host"}, [("userns_mode", HOST)]),
        ({"cgroup": "host"}, [("cgroup", HOST)]),
        ({"runtime": "unconfined"}, [("runtime", PRIVILEGED)]),
        ({"oom_score_adj": -1000}, [("oom_score_adj", PRIVILEGED)]),
        ({"oom_kill_disable": True}, [("oom_kill_disable", PRIVILEGED)]),
        ({"logging": {"driver": "json-file", "options": {"max-size": "1m"}}}, []),
        ({"logging": {"options": {"max-size": "1m"}}}, []),
        # What Docker reaches from the host, a socket there included.
        ({"logging": {"driver": "syslog"}}, [("logging", HOST)]),
        ({"provider": {"type": "x"}}, [("provider", COMMANDS)]),
        ({"use_api_socket": True}, [("use_api_socket", DOCKER)]),
        ({"build": {"context": "/src/shop/api"}}, []),
        ({"build": "/src/shop/api"}, []),
        ({"build": {"context": "https://example.org/x.git"}}, []),
        ({"build": {"context": "/root"}}, [("build.context", FILES)]),
        (
            {"build": {"context": "/src/shop", "dockerfile": "../../etc/passwd"}},
            [("build.dockerfile", FILES)],
        ),
        (
            {"build": {"context": "/src/shop", "additional_contexts": {"a": "/etc"}}},
            [("build.additional_contexts", FILES)],
        ),
        (
            {
                "build": {
                    "context": "/src/shop",
                    "additional_contexts": ["a=/etc", "b=docker-image://b"],
                }
            },
            [("build.additional_contexts", FILES)],
        ),
        (
            {
                "build": {
                    "context": "/src/shop",
                    "additional_contexts": {"a": "oci-layout:///srv/images"},
                }
            },
            [("build.additional_contexts", FILES)],
        ),
        (
            {"build": {"context": "/src/shop", "network": "container:other"}},
            [("build.network", HOST)],
        ),
        ({"build": {"context": "/src/shop", "ssh": ["default"]}}, [("build.ssh", FILES)]),
        (
            {"build": {"context": "/src/shop", "cache_to": ["type=local,dest=/root/x"]}},
            [("build.cache_to", FILES)],
        ),
        ({"build": {"context": "/src/shop", "cache_from": ["type=registry,ref=a"]}}, []),
        ({"build": {"context": "/src/shop", "network": "host"}}, [("build.network", HOST)]),
        (
            {"build": {"context": "/src/shop", "entitlements": ["security.insecure"]}},
            [("build.entitlements", PRIVILEGED)],
        ),
        ({"image": "x", "restart": "always", "ports": ["80:80"], "environment": {"A": "1"}}, []),
    ],
)
def test_keys_of_a_service(service: dict[str, Any], expected: list[tuple[str, Power]]) -> None:
    volumes = {
        "data": None,
        "away": {"driver_opts": {"type": "none", "o": "bind", "device": "/srv"}},
        "others": {"external": True},
        "share": {"driver": "sshfs"},
        "memory": {"driver": "local", "driver_opts": {"type": "tmpfs", "device": "tmpfs"}},
        "disguised": {"driver_opts": {"type": "tmpfs", "o": "size=1m,bind", "device": "/"}},
    }
    found = asked(service, volumes=volumes)
    assert found == [(f"services.api.{key}", power) for key, power in expected]


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"secrets": {"a": {"file": "/src/shop/a.txt"}, "b": {"environment": "B"}}}, []),
        ({"secrets": {"a": {"file": "/etc/shadow"}}}, [("secrets.a.file", FILES)]),
        ({"configs": {"a": {"file": "/work/other"}}}, [("configs.a.file", FILES)]),
        ({"networks": {"default": None, "a": {"driver": "bridge"}, "b": {"external": True}}}, []),
        ({"networks": {"a": {"driver": "macvlan"}}}, [("networks.a.driver", HOST)]),
        (
            {"networks": {"a": {"driver_opts": {"com.docker.network.bridge.name": "docker0"}}}},
            [("networks.a.driver_opts", HOST)],
        ),
        ({"networks": {"a": {"driver_opts": {"com.docker.network.driver.mtu": "1400"}}}}, []),
        ({"models": {"llm": {"model": "ai/x"}}}, [("models.llm", COMMANDS)]),
        ({"networks": {"a": {"external": True, "name": "host"}}}, [("networks.a", HOST)]),
    ],
)
def test_tables(tables: dict[str, Any], expected: list[tuple[str, Power]]) -> None:
    assert asked({"image": "x"}, **tables) == expected
