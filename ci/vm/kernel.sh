# shellcheck shell=bash
# One of Debian's cloud kernels and an initial RAM disk that mounts the root image.  Sourced.

# Loaded at boot, with what they depend on, and left in the machine for `ip` to ask for.
BOOT_MODULES=(virtio_pci virtio_blk ext4)
TEST_MODULES=(veth bridge sch_netem tcp_diag)

suite_of() { # suite_of 6.1: the Debian release that has this kernel
  case $1 in
    5.10) echo bullseye ;;
    6.1) echo bookworm ;;
    6.12) echo trixie ;;
    *) die "no such kernel: $1 (there are: ${KERNELS[*]})" ;;
  esac
}

private_apt() { # apt on package lists of its own: the machine's are never touched
  local state=$1 command=$2
  shift 2
  "$command" -q -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State="$state/state" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
    -o Acquire::Languages=none -o APT::Sandbox::User=root -o APT::Architecture=amd64 "$@" </dev/null
}

fetch_kernel() { # fetch_kernel 6.1 DIRECTORY: unpacks the newest package of that series there
  local suite state=$2.apt package mirror
  suite=$(suite_of "$1") || exit
  mirror=$(debian_mirror) || exit
  mkdir -p "$state"/{state/lists/partial,cache/archives/partial}
  VM_SCRATCH+=("$state")
  : >"$state/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    >"$state/sources.list"
  say "fetching the kernel of Debian $suite"
  private_apt "$state" apt-get update >"$state/log" 2>&1 || {
    tail -n 5 "$state/log" >&2
    die "the package list of $suite could not be fetched from $mirror"
  }
  package=$(private_apt "$state" apt-cache depends linux-image-cloud-amd64 |
    sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
  [ -n "$package" ] || die "Debian $suite has no linux-image-cloud-amd64"
  (cd "$state" && private_apt "$state" apt-get download "$package" >>"$state/log" 2>&1) ||
    die "$package could not be downloaded from $mirror"
  dpkg-deb -x "$state"/linux-image-*.deb "$2"
  rm -rf "$state"
}

module_file() { # module_file TREE NAME: path of a module, nothing when it is built in
  find "$1" -name "$2.ko" -o -name "$2.ko.xz" | head -n 1
}

make_initrd() { # make_initrd TREE VERSION BUSYBOX OUTPUT
  local tree=$1 version=$2 busybox=$3 output=$4 ram=$1/initrd name file all
  local modules=lib/modules/$version
  mkdir -p "$ram"/{bin,dev,proc,sys,sysroot,"$modules"}
  cp "$busybox" "$ram/bin/busybox"
  cp ci/vm/init "$ram/init"
  chmod 755 "$ram/init"
  all=$tree/$modules
  [ -d "$all" ] || all=$tree/usr/$modules
  depmod -b "${all%/lib/modules/*}" "$version"
  for name in "${BOOT_MODULES[@]}" "${TEST_MODULES[@]}"; do
    # One line a module, dependencies first; built-in ones print "builtin NAME".
    modprobe -S "$version" -d "${all%/lib/modules/*}" --show-depends "$name" 2>/dev/null || {
      [ -z "$(module_file "$all" "$name")" ] || die "module $name of $version cannot be resolved"
    }
  done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r file; do
    case $file in
      *.xz) xz -dc "$file" >"$ram/$modules/$(basename "${file%.xz}")" ;;
      *) cp "$file" "$ram/$modules/" ;;
    esac
  done
  cp "$all"/modules.{order,builtin,builtin.modinfo} "$ram/$modules/" 2>/dev/null
  depmod -b "$ram" "$version" 2>/dev/null
  printf '%s\n' "${BOOT_MODULES[@]}" >"$ram/boot-modules"
  (cd "$ram" && find . | ./bin/busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$output"
}

build_kernel() { # build_kernel 6.1 BUSYBOX DIRECTORY: vmlinuz, initrd and version in there
  local tree=$3.unpacked
  mkdir -p "$tree"
  VM_SCRATCH+=("$tree")
  fetch_kernel "$1" "$tree"
  local version
  version=$(basename "$tree"/boot/vmlinuz-*)
  version=${version#vmlinuz-}
  mkdir -p "$3.part"
  VM_SCRATCH+=("$3.part")
  make_initrd "$tree" "$version" "$2" "$3.part/initrd" || die "no initial RAM disk for $version"
  cp "$tree/boot/vmlinuz-$version" "$3.part/vmlinuz"
  echo "$version" >"$3.part/version"
  rm -rf "$3" "$tree"
  mv "$3.part" "$3"
}
