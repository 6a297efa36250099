# shellcheck shell=bash
# Boots one kernel on the root image, waits for it, brings its results back.  Sourced.

VM_CPUS=2
VM_MEMORY_MB=1500
BOOT_LIMIT_S=${SOCKLAT_VM_LIMIT_S:-600} # a hung guest is killed after this time
RESULTS_MB=8
KERNEL_ARGUMENTS=(
  console=ttyS0 panic=-1 oops=panic quiet loglevel=4 mitigations=off
  tsc=reliable     # the emulated counter is steady; the watchdog would doubt it
  clearcpuid=141   # cx16: QEMU 7.2 emulates it wrongly, 6.12's allocator panics within seconds
)

compile_python() { # compile_python CHECKOUT: what an emulated CPU imports is bytecode already
  "$VM_PYTHON" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$ROOT_PYTHON')" || return 0
  "$VM_PYTHON" -m compileall -q --invalidation-mode unchecked-hash "$1"/gate/socklat_gate/*.py \
    "$1"/gate/socklat_gate/{measured,probe} "$1"/tests/*.py "$1"/tests/{conformance,services}
}

pack_checkout() { # pack_checkout TAR: tracked and new files, run.env and the compiled services
  local tar=$1 staging service
  staging=$(mktemp -d "$VM_CACHE/checkout.XXXXXX")
  VM_SCRATCH+=("$staging")
  tar -c --exclude=.git --exclude=.venv --exclude='.*_cache' --exclude=__pycache__ \
    --exclude='*.egg-info' --exclude=socklat-out --exclude=./dist --exclude=./build \
    --exclude=./docs --exclude=./tests/unit . |
    tar -x -C "$staging"
  compile_python "$staging"
  mkdir -p "$staging/services"
  for service in delay stages churn; do
    gcc -static -O2 -Wall -pthread -o "$staging/services/$service" "tests/services/$service.c" ||
      die "tests/services/$service.c does not compile"
  done
  {
    printf 'HOOK_SETS=%q\nSHELL_ONLY=%q\nPYTEST_ARGUMENTS=(' "$HOOK_SETS" "$SHELL_ONLY"
    [ "${#PYTEST_ARGUMENTS[@]}" -eq 0 ] || printf '%q ' "${PYTEST_ARGUMENTS[@]}"
    printf ')\n'
  } >"$staging/run.env"
  tar -c -C "$staging" -f "$tar" .
  rm -rf "$staging"
}

qemu_pid=
end_qemu() {
  [ -n "$qemu_pid" ] || return 0
  kill -9 "$qemu_pid" 2>/dev/null
  wait "$qemu_pid" 2>/dev/null
  qemu_pid=
}

boot() { # boot KERNEL_DIR ROOT_IMAGE CHECKOUT_TAR OUTPUT_DIR: 0 when it switched itself off in time
  local kernel=$1 root=$2 checkout=$3 out=$4 console=$4/console.log
  local serial="file:$console"
  [ "$SHELL_ONLY" = no ] || serial=mon:stdio
  truncate -s "${RESULTS_MB}M" "$out/results.disk"
  # The root image is shared and stays as it was: what the machine writes goes to a temporary file.
  local qemu=(
    qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$VM_CPUS" -m "$VM_MEMORY_MB"
    -display none -nodefaults -no-reboot -serial "$serial"
    -kernel "$kernel/vmlinuz" -initrd "$kernel/initrd"
    -append "${KERNEL_ARGUMENTS[*]}"
    -drive "file=$root,format=raw,if=virtio,snapshot=on"
    -drive "file=$checkout,format=raw,if=virtio,readonly=on"
    -drive "file=$out/results.disk,format=raw,if=virtio"
  )
  if [ "$SHELL_ONLY" = yes ]; then
    "${qemu[@]}"
    return
  fi
  "${qemu[@]}" </dev/null >"$out/qemu.log" 2>&1 9>&- &
  qemu_pid=$!
  local until=$((SECONDS + BOOT_LIMIT_S))
  while kill -0 "$qemu_pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$until" ]; then
      end_qemu
      echo "the machine did not finish within $BOOT_LIMIT_S s" >"$out/problem"
      return 1
    fi
    sleep 0.5
  done
  local status=0
  wait "$qemu_pid" || status=$?
  qemu_pid=
  if [ "$status" -ne 0 ]; then
    { echo "qemu ended with status $status"; tail -n 5 "$out/qemu.log"; } >"$out/problem"
    return 1
  fi
  if grep -q 'Kernel panic' "$console"; then
    echo "the kernel panicked" >"$out/problem"
    return 1
  fi
}

unpack_results() { # unpack_results OUTPUT_DIR
  mkdir -p "$1/results"
  tar -x -f "$1/results.disk" -C "$1/results" 2>/dev/null && rm -f "$1/results.disk"
}
