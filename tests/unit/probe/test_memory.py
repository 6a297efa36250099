from __future__ import annotations

import inspect

import pytest

from socklat_gate.measured.bpf_layout import layout, structs
from socklat_gate.probe.kernel_source import flatten, map_names
from socklat_gate.probe.maps import possible_cpus
from socklat_gate.probe.probe import SocketProbe

CPUS = 64
BUDGET_BYTES = 64_000_000
# kernel/bpf/hashtab.c: struct htab_elem ahead of key and value, and struct bucket.
ELEMENT_BYTES, BUCKET_BYTES = 48, 16
PAGE_BYTES = 4096
LINE_BYTES, KEY_BYTES = 64, 8
NOTES_BYTES = 8 << 12
CONNECTION_BYTES = 136


def map_bytes(cpus: int, max_connections: int) -> dict[str, int]:
    """Bytes of each map as the kernel allocates it, from the structs of bpf/shared.h."""
    n = layout()
    size = {name: struct.itemsize for name, struct in structs().items()}
    targets = n["TARGET_MAX"]
    unshared = n["STAGE_COUNT"] - n["SHARED_STAGES"]

    def per_cpu(item_bytes: int, items: int = targets) -> int:
        return cpus * items * eight(item_bytes) + 8 * items

    return {
        "histograms": per_cpu(size["histogram"], targets * unshared),
        "shared_histograms": size["histogram"] * targets * n["SHARED_STAGES"],
        "internal_histograms": hashed(cpus, n["INTERNAL_PORTS"], 8, size["histogram"]),
        "empty_histogram": size["histogram"],
        "bands": per_cpu(size["bands"]),
        "warmups": per_cpu(size["warmup"]),
        "counters": per_cpu(size["counters"]),
        "statuses": per_cpu(size["statuses"]),
        "interims": per_cpu(n["INTERIM_BYTES"], 1),
        "drops": per_cpu(size["drops"]),
        "arrivals": per_cpu(24, 1),
        "segments_in_process": hashed(cpus, 4096, 8, 16),
        "watched": n["WATCHED_BITS"] // 8,
        "windows": size["window"] * targets,
        "connections": hashed(cpus, max_connections, 8, CONNECTION_BYTES),
        "targets": hashed(cpus, n["NAMESPACE_MAX"], 8, 8),
        "services": hashed(cpus, n["SERVICE_MAX"], 8, 8),
        "bridge_entries": hashed(cpus, 256, 4, 4),
        "sends_in_flight": hashed(cpus, 4096, 8, 8),
        "bridge_bits": size["device_bits"],
        "entered_bridge": NOTES_BYTES,
        "wakeups": NOTES_BYTES,
        "spikes": (64 + 3) * PAGE_BYTES,
        "exchange_log": (n["LOG_RING_PAGES"] + 3) * PAGE_BYTES,
        "stalls": (n["STALL_RING_PAGES"] + 3) * PAGE_BYTES,
        "cpu_watches": per_cpu(size["cpu_watch"], 1),
        "load_processes": hashed(cpus, 64, 4, 4),
    }


def hashed(cpus: int, entries: int, key_bytes: int, value_bytes: int) -> int:
    """A preallocated hash: elements, spare ones for replacing, and buckets in a power of two."""
    element = ELEMENT_BYTES + eight(key_bytes) + eight(value_bytes)
    return (entries + cpus) * element + BUCKET_BYTES * (1 << (entries - 1).bit_length())


def eight(size: int) -> int:
    return -(-size // 8) * 8


def default_connections() -> int:
    return int(inspect.signature(SocketProbe).parameters["max_connections"].default)


def test_the_maps_of_four_targets_on_64_cpus_stay_below_64_megabytes() -> None:
    assert layout()["TARGET_MAX"] == 4
    assert sum(map_bytes(CPUS, default_connections()).values()) < BUDGET_BYTES


def test_every_map_is_in_the_sum() -> None:
    assert set(map_names(flatten())) == set(map_bytes(1, 1))


def connection_offsets() -> dict[str, int]:
    """Offset of each field of ``struct connection``, and of its ``end``."""
    connection = structs()["connection"]
    assert connection.fields is not None
    return {name: offset for name, (_, offset) in connection.fields.items()} | {
        "end": connection.itemsize
    }


def test_a_connection_is_as_large_as_the_sum_says() -> None:
    assert connection_offsets()["end"] == CONNECTION_BYTES


def test_what_every_exchange_writes_is_one_line_of_memory() -> None:
    offsets = connection_offsets()
    value_at = ELEMENT_BYTES + KEY_BYTES
    assert (value_at + offsets["end"]) % LINE_BYTES == 0
    assert (value_at + offsets["rx_first_ns"]) % LINE_BYTES == 0
    assert offsets["send_wait_ns"] - offsets["rx_first_ns"] == LINE_BYTES


@pytest.mark.kernel
def test_the_kernel_accounts_for_what_was_computed() -> None:
    with SocketProbe(detail="full", stalls=True) as probe:
        accounted = probe.map_bytes()
        hooks = " ".join(probe.hooks.values())
    computed_of = map_bytes(possible_cpus(), default_connections())
    if "kretprobe" not in hooks:
        del computed_of["sends_in_flight"]  # only a probe with kretprobes is compiled with it
    computed = sum(computed_of.values())
    assert computed == pytest.approx(accounted, rel=0.05)


def test_a_probe_holds_as_many_targets_as_a_thread_s_tag_tells_apart() -> None:
    most = layout()["TARGET_LIMIT"]
    assert SocketProbe(targets=most).targets == most
    with pytest.raises(ValueError, match="at most 64 targets"):
        SocketProbe(targets=most + 1)
