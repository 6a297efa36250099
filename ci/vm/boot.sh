# shellcheck shell=bash
# Boots one kernel on the root image, waits for it, brings its results back.  Sourced.

VM_CPUS=2
VM_MEMORY_MB=1500
BOOT_LIMIT_S=${SOCKLAT_VM_LIMIT_S:-1200} # a machine that runs longer is killed
CLOSING_S=300      # of these, for booting, the last test and what comes after it
QUIET_LIMIT_S=420  # so is one whose console says nothing for so long: a test may take 240 s
PROGRESS_S=60
RESULTS_MB=8
TURN_LOCK=${SOCKLAT_VM_LOCK:-}         # file: machines run only while they hold its lock (flock)
TURN_S=${SOCKLAT_VM_TURN_S:-170}       # for so long at a time
KERNEL_ARGUMENTS=(
  console=ttyS0 panic=-1 oops=panic quiet loglevel=4 mitigations=off
  tsc=reliable     # the emulated counter is steady; the watchdog would doubt it
  clearcpuid=141   # cx16: QEMU 7.2 emulates it wrongly, 6.12's allocator panics within seconds
)

compile_python() { # compile_python CHECKOUT: what an emulated CPU imports is bytecode already
  "$VM_PYTHON" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$ROOT_PYTHON')" || return 0
  "$VM_PYTHON" -m compileall -q --invalidation-mode unchecked-hash "$1/gate/socklat_gate" \
    "$1"/tests/*.py "$1"/tests/{conformance,services}
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
    printf 'RUN=%q\nSESSION_LIMIT_S=%q\n' "$(facts_of_run)" "$((BOOT_LIMIT_S - CLOSING_S))"
    printf 'SHELL_ONLY=%q\nPYTEST_ARGUMENTS=(' "$SHELL_ONLY"
    [ "${#PYTEST_ARGUMENTS[@]}" -eq 0 ] || printf '%q ' "${PYTEST_ARGUMENTS[@]}"
    printf ')\n'
  } >"$staging/run.env"
  tar -c -C "$staging" -f "$tar" .
  rm -rf "$staging"
}

qemu_pid=
turns_pid=
end_qemu() {
  [ -n "$qemu_pid" ] || return 0
  [ -z "$turns_pid" ] || kill "$turns_pid" 2>/dev/null
  kill -9 "$qemu_pid" 2>/dev/null
  wait "$qemu_pid" 2>/dev/null
  qemu_pid=
}

tests_of() { # tests_of CONSOLE: how many tests have ended, and the last one that began
  local ended last
  ended=$(grep -aoE ' (PASSED|FAILED|SKIPPED|ERROR) ' "$1" | wc -l)
  last=$(grep -aoE '^tests/[^ ]+' "$1" | tail -n 1)
  printf '%s tests, last %s' "$ended" "${last:-none}"
}

say_to_machine() { # say_to_machine MONITOR COMMAND: stop or cont, its clock included
  "$VM_PYTHON" - "$@" <<'EOF'
import socket, sys
with socket.socket(socket.AF_UNIX) as monitor:
    monitor.settimeout(10.0)
    monitor.connect(sys.argv[1])
    said = b""
    for _ in range(2):  # the greeting, and the end of the command
        while not said.endswith(b"(qemu) "):
            said += monitor.recv(4096)
        if said.count(b"(qemu) ") == 1:
            monitor.sendall(sys.argv[2].encode() + b"\n")
            said += b"\n"
EOF
}

take_turns() { # take_turns PID MONITOR STANDING: the machine runs while the lock is held, else it stands
  exec 8>"$TURN_LOCK"
  local until
  : >"$3"
  while kill -0 "$1" 2>/dev/null; do
    flock -w 5 8 || continue
    say_to_machine "$2" cont || break
    rm -f "$3"
    until=$((SECONDS + TURN_S))
    while kill -0 "$1" 2>/dev/null && [ "$SECONDS" -lt "$until" ]; do sleep 0.5; done
    : >"$3"
    kill -0 "$1" 2>/dev/null && say_to_machine "$2" stop
    flock -u 8
    sleep 1 # for whoever else waits
  done
  rm -f "$3"
}

boot() { # boot KERNEL_DIR ROOT_IMAGE CHECKOUT_TAR HOOK,SETS OUTPUT_DIR: 0 when it ended in time
  local kernel=$1 root=$2 checkout=$3 hooks=$4 out=$5 console=$5/console.log
  local serial="file:$console"
  [ "$SHELL_ONLY" = no ] || serial=mon:stdio
  truncate -s "${RESULTS_MB}M" "$out/results.disk"
  # The root image is shared and stays as it was: what the machine writes goes to a temporary file.
  local qemu=(
    qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$VM_CPUS" -m "$VM_MEMORY_MB"
    -display none -nodefaults -no-reboot -serial "$serial"
    -kernel "$kernel/vmlinuz" -initrd "$kernel/initrd"
    -append "${KERNEL_ARGUMENTS[*]} socklat.hooks=$hooks"
    -drive "file=$root,format=raw,if=virtio,snapshot=on"
    -drive "file=$checkout,format=raw,if=virtio,readonly=on"
    -drive "file=$out/results.disk,format=raw,if=virtio"
  )
  if [ "$SHELL_ONLY" = yes ]; then
    "${qemu[@]}"
    return
  fi
  if [ -n "$TURN_LOCK" ]; then qemu+=(-S -monitor "unix:$out/monitor,server=on,wait=off"); fi
  : >"$console"
  "${qemu[@]}" </dev/null >"$out/qemu.log" 2>&1 9>&- &
  qemu_pid=$!
  if [ -n "$TURN_LOCK" ]; then
    while [ ! -S "$out/monitor" ] && kill -0 "$qemu_pid" 2>/dev/null; do sleep 0.1; done
    : >"$out/standing"
    take_turns "$qemu_pid" "$out/monitor" "$out/standing" 9>&- &
    turns_pid=$!
  fi
  if ! watch_machine "$qemu_pid" "$console" "$out/problem"; then
    end_qemu
    return 1
  fi
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

watch_machine() { # watch_machine PID CONSOLE PROBLEM: until it ends; fails with a reason where that is late
  local started=$SECONDS said=$SECONDS grown=$SECONDS size=0 now stood
  while kill -0 "$1" 2>/dev/null; do
    if [ -e "${3%/*}/standing" ]; then # time does not pass for it
      stood=$SECONDS
      while [ -e "${3%/*}/standing" ] && kill -0 "$1" 2>/dev/null; do sleep 0.5; done
      stood=$((SECONDS - stood)) started=$((started + stood)) grown=$((grown + stood))
    fi
    now=$(stat -c %s "$2")
    if [ "$now" -ne "$size" ]; then size=$now grown=$SECONDS; fi
    if [ "$((SECONDS - started))" -ge "$BOOT_LIMIT_S" ]; then
      echo "the machine did not finish within $BOOT_LIMIT_S s: $(tests_of "$2")" >"$3"
      return 1
    fi
    if [ "$((SECONDS - grown))" -ge "$QUIET_LIMIT_S" ]; then
      echo "the machine has said nothing for $QUIET_LIMIT_S s: $(tests_of "$2")" >"$3"
      return 1
    fi
    if [ "$((SECONDS - said))" -ge "$PROGRESS_S" ]; then
      said=$SECONDS
      say "$((SECONDS - started)) s: $(tests_of "$2")"
    fi
    sleep 0.5
  done
}

unpack_results() { # unpack_results OUTPUT_DIR
  mkdir -p "$1/results"
  tar -x -f "$1/results.disk" -C "$1/results" 2>/dev/null && rm -f "$1/results.disk"
}
