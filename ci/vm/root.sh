# shellcheck shell=bash
# The machine's root file system: Debian 12 with BCC and the project's dependencies.  Sourced.
#
# One image serves every kernel and every state of the checkout; it is built again only when this
# file or the list of dependencies changes.  Wheels are fetched by this machine's pip, so the machine
# inside needs no network.

ROOT_SUITE=bookworm
ROOT_PYTHON=3.11 # of that suite: wheels are chosen for it, whatever this machine runs
ROOT_PACKAGES=busybox-static,iproute2,kmod,procps,python3,python3-bpfcc

debian_mirror() { # the Debian mirror that this machine's own package sources name
  local mirror=${SOCKLAT_DEBIAN_MIRROR:-}
  [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)|$(LABEL)' \
    'Created-By: Packages' 2>/dev/null | sed -n 's/|Debian$//p' | head -n 1)
  [ -n "$mirror" ] ||
    die "this machine's package sources name no Debian mirror: set SOCKLAT_DEBIAN_MIRROR to one's URL"
  printf '%s\n' "$mirror"
}

guest_requirements() { # what the tests inside import, one requirement a line
  "$VM_PYTHON" - <<'PY'
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
extras = project["optional-dependencies"]
tests = [need for need in extras["test"]
         if need.split(">")[0] in ("pytest", "pytest-timeout", "cryptography", "h2")]
print("\n".join(project["dependencies"] + tests + extras["http2"] + extras["websocket"]))
PY
}

build_root() { # build_root IMAGE
  local image=$1 mirror work platform=()
  mirror=$(debian_mirror) || exit
  work=$(mktemp -d "$VM_CACHE/root.XXXXXX")
  VM_SCRATCH+=("$work")
  say "building the virtual machine's root file system (once, some minutes)"
  debootstrap --variant=minbase --include="$ROOT_PACKAGES" "$ROOT_SUITE" "$work/root" "$mirror" \
    >"$work/debootstrap.log" 2>&1 </dev/null || {
    tail -n 20 "$work/debootstrap.log" >&2
    die "debootstrap failed (its last lines are above)"
  }
  local tag
  for tag in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014; do
    platform+=(--platform "${tag}_$(uname -m)")
  done
  guest_requirements >"$work/requirements.txt"
  "$VM_PYTHON" -m pip install -q --disable-pip-version-check --no-compile \
    --target "$work/root/opt/site" --only-binary=:all: --implementation cp \
    --python-version "$ROOT_PYTHON" "${platform[@]}" -r "$work/requirements.txt" \
    >"$work/pip.log" 2>&1 </dev/null || {
    tail -n 20 "$work/pip.log" >&2
    die "pip could not fetch the dependencies for Python $ROOT_PYTHON (its last lines are above)"
  }
  # Compiling at import costs seconds under emulation, at every start of Python.
  chroot "$work/root" python3 -m compileall -q /opt/site /usr/lib/python3/dist-packages \
    >/dev/null 2>&1 </dev/null || true # some test data of packages is meant not to compile
  rm -rf "$work"/root/var/cache/apt/* "$work"/root/var/lib/apt/lists/* \
    "$work"/root/usr/share/{doc,man,locale}
  cp "$work/root/usr/bin/busybox" "$image.busybox"
  local size_kb
  size_kb=$(du -sk "$work/root" | cut -f 1)
  mkfs.ext4 -q -F -E root_owner=0:0 -d "$work/root" "$work/image" "$((size_kb * 5 / 4 + 262144))k" \
    >/dev/null </dev/null || die "mkfs.ext4 could not make the image"
  mv "$work/image" "$image"
  rm -rf "$work"
}
