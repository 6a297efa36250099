from __future__ import annotations

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.probe import btf
from socklat_gate.probe.btf import KernelTypes, kernel_types
from socklat_gate.probe.libbpf import libbpf


def test_a_machine_without_libbpf(monkeypatch: pytest.MonkeyPatch) -> None:
    def cdll(name: str, **options: object) -> None:
        raise OSError(name)

    libbpf.cache_clear()
    monkeypatch.setattr(btf.ctypes, "CDLL", cdll)
    with pytest.raises(UnfitEnvironment, match=r"libbpf\.so was not found") as caught:
        KernelTypes()
    assert caught.value.reason is Reason.NO_BCC


@pytest.mark.kernel
def test_this_kernels_fields() -> None:
    types = kernel_types()
    # A struct's own member, one within a nested struct, one within an anonymous union.
    assert types.offset("sk_buff", "next") == 0
    assert types.offset("sock", "__sk_common") == 0
    assert types.offset("sock_common", "skc_family") == 16
    assert types.offset("sock_common", "skc_num") == 14


@pytest.mark.kernel
def test_what_this_kernel_does_not_have() -> None:
    types = kernel_types()
    for struct, field in [("sock_common", "no_such_field"), ("no_such_struct", "x")]:
        with pytest.raises(UnfitEnvironment, match=f"struct {struct} has no field {field}"):
            types.offset(struct, field)
    assert not types.has_tracepoint("no_such_tracepoint")
    assert not types.has_function("no_such_function")


@pytest.mark.kernel
def test_symbols_that_every_kernel_has() -> None:
    types = kernel_types()
    assert types.has_tracepoint("inet_sock_set_state")
    assert types.has_function("tcp_sendmsg")
