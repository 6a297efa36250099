"""What both arms would share: each arm has its own, or it is refused by its key."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.service.stack_isolation import (
    Replaced,
    check_isolation,
    isolated_stack,
    replaced_parts,
)

SUBNET = "172.30.5.0/24"


def stack(services: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    return {"services": {"api": {"image": "a"}, **(services or {})}, **parts}


def refused(document: dict[str, Any], *shared: str, alone: bool = False) -> str:
    """What is said of it, with the remedy; empty when nothing is."""
    try:
        check_isolation(document, "api", frozenset(shared), alone=alone)
    except UsageError as error:
        return f"{error.message}\n{error.remedy}"
    return ""


def isolated(document: dict[str, Any], *shared: str, alone: bool = False) -> dict[str, Any]:
    assert refused(document, *shared, alone=alone) == ""
    before = repr(document)
    made = isolated_stack(document, frozenset(shared), alone=alone)
    assert repr(document) == before
    return made


@pytest.mark.parametrize(
    ("service", "key"),
    [
        ({"network_mode": "host"}, "services.api.network_mode: "),
        ({"network_mode": "none"}, "services.api.network_mode: "),
        ({"network_mode": "container:other"}, "services.api.network_mode: "),
        ({"network_mode": "shopnet"}, "services.api.network_mode: "),
        ({"cgroup_parent": "/m"}, "services.api.cgroup_parent: "),
        ({"scale": 0}, "services.api.scale: "),
        (
            {"build": {"context": ".", "additional_contexts": {"base": "service:base"}}},
            "services.api.build.additional_contexts: ",
        ),
        ({"deploy": {"replicas": 0}}, "services.api.deploy.replicas: "),
        ({"ipc": "host"}, "services.api.ipc: "),
        ({"pid": "host"}, "services.api.pid: "),
        ({"ipc": "container:other"}, "services.api.ipc: "),
        ({"volumes_from": ["container:other:ro"]}, "services.api.volumes_from: "),
        ({"external_links": ["other:db"]}, "services.api.external_links: "),
        ({"scale": 3}, "services.api.scale: "),
        ({"deploy": {"replicas": 2}}, "services.api.deploy.replicas: "),
        ({"use_api_socket": True}, "services.api.use_api_socket: "),
        ({"provider": {"type": "model"}}, "services.api.provider: "),
    ],
)
def test_a_service_that_shares_is_refused(service: dict[str, Any], key: str) -> None:
    said = refused(stack({"api": service}))
    assert said.startswith(key)
    assert refused(stack({"api": service}), alone=True).startswith(key)


def test_every_key_is_named_at_once() -> None:
    said = refused(stack({"api": {"network_mode": "host"}, "b": {"external_links": ["x"]}}))
    assert [line.split(":")[0] for line in said.splitlines()[:2]] == [
        "services.api.network_mode",
        "services.b.external_links",
    ]
    assert "service.shared" not in said  # no word of a scenario makes two of these


@pytest.mark.parametrize(
    ("service", "shared"),
    [({"ipc": "host"}, "services.api.ipc"), ({"pid": "host"}, "services.api.pid")],
)
def test_the_scenario_may_let_them_share(service: dict[str, Any], shared: str) -> None:
    assert "service.shared" in refused(stack({"api": service}))
    assert refused(stack({"api": service}), shared) == ""


def test_other_services_may_have_no_network_and_many_containers() -> None:
    isolated(stack({"job": {"network_mode": "none", "scale": 3}, "api": {"scale": 1}}))


def test_a_containers_name_is_an_alias_on_each_of_its_networks() -> None:
    made = isolated(
        stack(
            {
                "db": {"container_name": "shop-db"},
                "cache": {"container_name": "c", "networks": ["back", "front"]},
                "queue": {"container_name": "q", "networks": {"back": {"aliases": ["jobs"]}}},
                "vpn": {"container_name": "v", "network_mode": "service:db"},
            },
            networks={"back": {}, "front": None},
        )
    )["services"]
    assert not any("container_name" in definition for definition in made.values())
    assert made["db"]["networks"] == {"default": {"aliases": ["shop-db"]}}
    assert made["cache"]["networks"] == {"back": {"aliases": ["c"]}, "front": {"aliases": ["c"]}}
    assert made["queue"]["networks"] == {"back": {"aliases": ["jobs", "q"]}}
    # A name of a container may have capitals, which names in a network do not tell apart.
    assert isolated(stack({"db": {"container_name": "Shop-DB"}}))["services"]["db"] == {
        "networks": {"default": {"aliases": ["Shop-DB"]}}
    }
    assert "networks" not in made["vpn"]  # which compose would refuse beside network_mode


def test_a_service_is_found_by_the_name_that_compose_gives_its_container() -> None:
    services = {
        "api": {"network_mode": "container:shop_vpn_1", "external_links": ["shop-db-1:database"]},
        "vpn": {},
        "db": {"container_name": "own", "networks": ["back"]},
        "web": {"scale": 2},
    }
    made = isolated(stack({**services, "db": {"networks": ["back"]}}, name="shop"))["services"]
    assert made["api"] == {"network_mode": "service:vpn", "links": ["db:database"]}
    assert made["db"]["networks"]["back"]["aliases"] == ["shop-db-1", "shop_db_1"]
    assert made["web"] == {"scale": 2}  # the first of several is none of them in particular
    assert "services.api.external_links" in refused(stack(services, name="shop"))


def test_a_container_of_the_stack_is_its_service() -> None:
    made = isolated(
        stack(
            {
                "api": {"network_mode": "container:vpn", "volumes_from": ["container:vpn:ro"]},
                "gluetun": {"container_name": "vpn"},
            }
        )
    )["services"]["api"]
    assert made == {"network_mode": "service:gluetun", "volumes_from": ["gluetun:ro"]}


def test_a_link_to_a_container_of_the_stack_is_one_to_its_service() -> None:
    links = ["shop-db", "shop-db:database", "elsewhere:x"]
    services = {"api": {"external_links": links[:2], "links": ["q"]}, "q": {}}
    database = {"db": {"container_name": "shop-db"}}
    made = isolated(stack({**services, **database}))["services"]["api"]
    assert made == {"links": ["q", "db:shop-db", "db:database"]}
    said = refused(stack({"api": {"external_links": links}, **database}))
    assert said.startswith("services.api.external_links: elsewhere:x: containers outside")


@pytest.mark.parametrize("mode", ["bridge", "default"])
def test_dockers_own_bridge_is_not_shared(mode: str) -> None:
    assert isolated(stack({"api": {"network_mode": mode}}))["services"]["api"] == {}


def test_nothing_is_published_and_what_is_named_is_the_arms_own() -> None:
    made = isolated(
        stack(
            {"api": {"ports": ["80:80"], "restart": "always"}},
            networks={
                "back": {
                    "name": "n",
                    "driver_opts": {"com.docker.network.bridge.name": "b", "x": 1},
                }
            },
            volumes={"data": {"name": "v"}, "bare": None},
        )
    )
    assert made["services"]["api"] == {"restart": "always"}
    assert made["networks"] == {"default": {}, "back": {"driver_opts": {"x": 1}}}
    assert made["volumes"] == {"data": {}, "bare": {}}


def test_an_external_network_is_another_one_for_each_arm() -> None:
    document = stack(networks={"proxy": {"external": True, "name": "traefik"}})
    assert isolated(document)["networks"]["proxy"] == {}
    found = list(replaced_parts(document, (), alone=False))
    assert found == [Replaced("networks.proxy", "network")]
    # Unless the scenario says that both arms may be on it.
    kept = isolated(document, "networks.proxy")["networks"]["proxy"]
    assert kept == {"external": True, "name": "traefik"}
    assert list(replaced_parts(document, ("networks.proxy",), alone=False)) == []
    host = stack(networks={"default": {"external": True, "name": "host"}})
    assert refused(host).startswith("networks.default: ")


def test_an_address_in_an_external_network_needs_that_one() -> None:
    fixed = {"networks": {"proxy": {"ipv4_address": "10.9.0.5"}, "default": None}}
    document = stack({"db": fixed}, networks={"proxy": {"external": True, "name": "traefik"}})
    said = refused(document, alone=True)
    assert said.startswith("networks.proxy: is external, and db asks for an address of it")
    assert "service.shared" in said
    kept = isolated(document, "networks.proxy", alone=True)
    assert kept["networks"]["proxy"] == {"external": True, "name": "traefik"}
    # Side by side two of them cannot have the address either.
    assert 'interleave = "block"' in refused(document, "networks.proxy")


@pytest.mark.parametrize(
    "networks", [{"default": {"external": True}}, {"lan": {"driver": "macvlan"}}]
)
def test_in_a_network_of_both_arms_no_service_finds_another(networks: dict[str, Any]) -> None:
    """By its name it would find that of the other arm half of the time."""
    (name,) = networks
    inside = {} if name == "default" else {"networks": {name: {}}}
    beside = {"network_mode": "service:api"}
    alone = stack({"api": inside, "vpn": beside, "db": {"networks": ["own"]}}, networks=networks)
    both = stack({"api": inside, "db": inside}, networks=networks)
    assert refused(alone, f"networks.{name}") == ""
    said = refused(both, f"networks.{name}")
    assert said.startswith(f"networks.{name}: both arms share it, and api, db are in it")
    assert 'interleave = "block"' in said
    assert refused(both, f"networks.{name}", alone=True) == ""


def test_two_networks_with_subnets_of_their_own_both_give_way() -> None:
    pools = {
        name: {"ipam": {"config": [{"subnet": f"172.30.{at}.0/24"}]}}
        for at, name in enumerate(("back", "front"))
    }
    document = stack({"api": {"networks": ["back", "front"]}}, networks=pools)
    made = isolated(document)["networks"]
    assert made == {"default": {}, "back": {}, "front": {}}
    assert [part.key for part in replaced_parts(document, (), alone=False)] == [
        "networks.back.ipam",
        "networks.front.ipam",
    ]
    inside = {"api": {"environment": {"DB": "172.30.1.7"}}}
    assert refused(stack(inside, networks=pools)).startswith("services.api.environment: 172.30.1.7")


@pytest.mark.parametrize("driver", ["overlay", "macvlan", "ipvlan"])
def test_a_network_that_may_connect_the_arms_is_refused(driver: str) -> None:
    document = stack(networks={"lan": {"driver": driver}})
    assert refused(document).startswith("networks.lan.driver: ")
    assert refused(document, "networks.lan") == ""


EXTERNAL = {"media": {"external": True, "name": "media"}}


@pytest.mark.parametrize(
    ("volume", "entry", "key"),
    [
        (EXTERNAL["media"], "media:/media", "volumes.media: "),
        (EXTERNAL["media"], {"type": "volume", "source": "media", "target": "/m"}, "volumes.media"),
        ({"driver": "rexray"}, "media:/media:rw", "volumes.media.driver: "),
        (
            {"driver_opts": {"type": "nfs", "device": ":/x"}},
            "media:/m",
            "volumes.media.driver_opts",
        ),
    ],
)
def test_a_volume_that_both_may_write_to_is_refused(
    volume: dict[str, Any], entry: Any, key: str
) -> None:
    document = stack({"api": {"volumes": [entry]}}, volumes={"media": volume})
    assert refused(document).startswith(key)
    assert refused(document, "volumes.media") == ""


@pytest.mark.parametrize(
    "entry",
    [
        "media:/media:ro",
        {"type": "volume", "source": "media", "target": "/m", "read_only": True},
        "/only/inside",
    ],
)
def test_an_external_volume_that_nobody_writes_to_stays(entry: Any) -> None:
    document = stack({"api": {"volumes": [entry]}}, volumes=EXTERNAL)
    assert isolated(document)["volumes"] == EXTERNAL


def test_a_volume_in_memory_is_each_arms_own() -> None:
    options = {"driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}
    made = isolated(stack({"api": {"volumes": ["t:/t"]}}, volumes={"t": options}))
    assert made["volumes"] == {"t": options}


def test_a_volume_that_is_a_directory_here_is_mounted_as_that(tmp_path: Path) -> None:
    options = {"driver_opts": {"type": "none", "o": "bind", "device": str(tmp_path)}}
    document = stack({"api": {"volumes": ["d:/d:ro", "e:/e"]}}, volumes={"d": options, "e": {}})
    made = isolated(document)
    bind = {"type": "bind", "source": str(tmp_path), "target": "/d", "read_only": True}
    assert made["services"]["api"]["volumes"] == [bind, "e:/e"]
    assert made["volumes"] == {"e": {}}


def test_a_fixed_subnet_gives_way_to_a_free_one() -> None:
    ipam = {"driver": "default", "config": [{"subnet": SUBNET, "gateway": "172.30.5.1"}]}
    document = stack(
        {"api": {"environment": {"TRUSTED": "0.0.0.0/0,172.16.0.0/12", "VERSION": "1.2.3"}}},
        networks={"default": {"ipam": ipam}},
    )
    assert isolated(document)["networks"]["default"] == {"ipam": {"driver": "default"}}
    assert list(replaced_parts(document, (), alone=False)) == [
        Replaced("networks.default.ipam", "subnet")
    ]
    # One arm at a time can have what the file says.
    assert isolated(document, alone=True)["networks"]["default"] == {"ipam": ipam}
    assert list(replaced_parts(document, (), alone=True)) == []


def test_each_arm_gets_an_ipv6_subnet_of_its_own() -> None:
    ipam = {"config": [{"subnet": "fd00:1::/64"}]}
    document = stack(networks={"six": {"enable_ipv6": True, "ipam": ipam}})
    made = [isolated(document)["networks"]["six"]["ipam"]["config"] for _ in range(2)]
    subnets = [ipaddress.ip_network(config[0]["subnet"]) for config in made]
    assert subnets[0] != subnets[1]
    assert all(subnet.prefixlen == 64 and subnet.is_private for subnet in subnets)


@pytest.mark.parametrize(
    ("service", "key"),
    [
        (
            {"networks": {"default": {"ipv4_address": "172.30.5.9"}}},
            "networks.default.ipv4_address",
        ),
        ({"networks": {"default": {"ipv6_address": "fd00::9"}}}, "networks.default.ipv6_address"),
        ({"environment": {"DB": "postgres://u:p@172.30.5.9:5432/x"}}, "environment"),
        ({"environment": ["DB=172.30.5.9"]}, "environment"),
        ({"extra_hosts": ["db:172.30.5.9"]}, "extra_hosts"),
        ({"command": ["serve", "--trust", "172.30.5.0/24"]}, "command"),
        ({"dns": "172.30.5.2"}, "dns"),
    ],
)
def test_an_address_in_it_is_refused_unless_one_arm_runs_at_a_time(
    service: dict[str, Any], key: str
) -> None:
    ipam = {"ipam": {"config": [{"subnet": SUBNET}]}}
    document = stack({"api": service}, networks={"default": ipam})
    said = refused(document)
    assert said.startswith(f"services.api.{key}: ")
    assert 'interleave = "block"' in said
    made = isolated(document, alone=True)
    assert made["networks"]["default"] == ipam
    assert made["services"]["api"] == service


def test_files_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("D", raising=False)
    (tmp_path / "there.txt").write_text("x")
    secrets = {
        "a": {"file": str(tmp_path / "there.txt")},
        "b": {"file": str(tmp_path / "gone.txt")},
        "c": {"external": True, "name": "c"},
        "unused": {"file": "/nowhere"},
        "d": {"environment": "D"},
    }
    used = [{"source": "a"}, {"source": "b"}, {"source": "c"}, "d"]
    said = refused(stack({"api": {"secrets": used}}, secrets=secrets)).splitlines()
    assert said[0] == f"secrets.b.file: there is no file {tmp_path}/gone.txt"
    assert said[1].startswith("secrets.c: ")
    assert said[2] == "secrets.d.environment: nothing sets D"
    monkeypatch.setenv("D", "")
    assert refused(stack({"api": {"secrets": ["a", "d"]}}, secrets=secrets)) == ""


def test_disks_are_refused_and_other_devices_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(stack({"api": {"devices": ["/dev/null:/dev/null", "/dev/none"]}})) == ""
    monkeypatch.setattr("socklat_gate.service.stack_isolation._is_disk", "/dev/sdz".__eq__)
    document = stack({"api": {"devices": [{"source": "/dev/sdz", "target": "/d"}]}})
    assert refused(document).startswith("services.api.devices: ")
