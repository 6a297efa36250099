# shellcheck shell=bash
# Images without a registry: a distribution package's program and the libraries it needs, imported as one
# layer.  Nothing is installed on this machine.  Sourced by the scripts beside it.

unpack() { # unpack NAME PACKAGE...: the packages' files below $work/packages; cached between calls
  local name=$1 cache
  shift
  work=$(mktemp -d "/tmp/socklat-$name.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/debs/partial" "$work/packages" "$work/image/tmp"
  cache=${SOCKLAT_CACHE:-/var/cache/socklat-gate}/$name
  if [ ! -e "$cache/.complete" ]; then
    mkdir -p "$cache"
    # --reinstall downloads them where they are installed; dependencies come only where missing.
    apt-get install -y -qq --reinstall --download-only --no-install-recommends \
      -o Dir::Cache::archives="$work/debs" -o APT::Sandbox::User=root "$@" >&2 </dev/null
    cp "$work"/debs/*.deb "$cache"/
    touch "$cache/.complete"
  fi
  for package in "$cache"/*.deb; do dpkg-deb -x "$package" "$work/packages"; done
}

copy() { # copy SOURCE: into the image at its installed path, links followed
  local target=${1#"$work/packages"}
  mkdir -p "$work/image$(dirname "$target")"
  cp -L "$1" "$work/image$target"
}

copy_program() { # copy_program PATH: a program of the packages, with its libraries
  local libraries
  libraries=$(find "$work/packages" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  copy "$work/packages$1"
  LD_LIBRARY_PATH=$libraries ldd "$work/packages$1" |
    awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// {print $1}' |
    while read -r library; do copy "$library"; done
}

unpack_nginx() { # nginx, into the image: its configuration is for the caller
  unpack nginx nginx
  mkdir -p "$work/image/etc/nginx" "$work/image/var/lib/nginx" "$work/image/var/log/nginx" "$work/image/run"
  copy_program /usr/sbin/nginx
  printf 'root:x:0:0::/:/\n' >"$work/image/etc/passwd"
  printf 'root:x:0:\n' >"$work/image/etc/group"
}

python_version() { # such as python3.11, the distribution's own
  apt-cache depends python3-minimal | sed -n 's/.*Depends: \(python3\.[0-9]*\)-minimal$/\1/p' | head -n 1
}

copy_python() { # copy_python VERSION: Python, the packages' modules, and the libraries that these need
  local libraries module library
  copy_program "/usr/bin/$1"
  mkdir -p "$work/image/usr/lib/python3"
  cp -a "$work/packages/usr/lib/$1" "$work/image/usr/lib/"
  rm -rf "$work/image/usr/lib/$1"/{idlelib,lib2to3,pydoc_data,ensurepip,distutils,config-*}
  cp -a "$work/packages/usr/lib/python3/dist-packages" "$work/image/usr/lib/python3/"
  libraries=$(find "$work/packages" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  find "$work/image/usr/lib" -name '*.so' | while read -r module; do
    { LD_LIBRARY_PATH=$libraries ldd "$module" | awk '$2 == "=>" && $3 ~ /^\// {print $3}'; } || true
  done | sort -u | while read -r library; do copy "$library"; done
}

certificate() { # certificate FILE: a certificate for localhost that signs itself, and its key
  openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 3650 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$1.key" -out "$1" 2>/dev/null
  cat "$1.key" >>"$1"
  rm "$1.key"
}

import() { # import TAG COMMAND-AS-JSON [OPTION OF docker import...]
  local tag=$1 command=$2 path
  shift 2
  path=$(cd "$work/image" && find . -name '*.so*' -printf '/%P\n' | xargs -n1 dirname | sort -u | paste -sd:)
  tar -C "$work/image" -c . |
    docker import --change "CMD $command" --change "ENV LD_LIBRARY_PATH=$path" "$@" - "$tag" >/dev/null
  echo "$tag"
}
