#!/usr/bin/env bash
# Tests scripts/install.sh in dash and bash with small releases that it makes: what fits
# is installed, renewed and removed, and what does not fit leaves what was there.
set -euo pipefail
cd "$(dirname "$0")/.."
installer=$PWD/scripts/install.sh
world=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$world"' EXIT
platform=linux-$(uname -m)
count=0

die() { printf 'test-install: %s: %s\n' "$shell" "$*" >&2; cat "$world/said" >&2; exit 1; }

# A release of this version in this folder: a program that says its version.
make() {
  local version=$1 to=$2 name=smol-wf-$1-${3:-$platform} tree
  tree=$world/tree/$name
  rm -rf "$tree"
  mkdir -p "$tree/man/man1" "$tree/completions" "$to"
  printf '#!/bin/sh\necho "smol-wf %s"\n' "$version" >"$tree/smol-wf"
  cp "$installer" "$tree/install.sh"
  echo page >"$tree/man/man1/smol-wf.1"
  # A page that only this version has.
  echo page >"$tree/man/man1/smol-wf-$version.1"
  echo words >"$tree/completions/smol-wf.bash"
  seal "$tree" "$to"
}

# Packs a tree and lists its checksum.
seal() {
  local name
  name=$(basename "$1")
  rm -f "$1/SHA256SUMS"
  (cd "$1" && find . -type f -printf '%P\n' | sort | xargs sha256sum >"$world/sums" && mv "$world/sums" SHA256SUMS)
  tar -C "$(dirname "$1")" -czf "$2/$name.tar.gz" "$name"
  (cd "$2" && sha256sum -- *.tar.gz >SHA256SUMS)
}

# Runs the installer with an empty home, with this exit code.
installs() {
  local expected=$1 code=0
  shift
  env -i PATH="${path:-$PATH}" HOME="$world/home" "$shell" "${script:-$installer}" "$@" >"$world/said" 2>&1 </dev/null || code=$?
  count=$((count + 1))
  [[ $code == "$expected" ]] || die "exit $code instead of $expected: install.sh $*"
  [[ -z $(compgen -G "$prefix/bin/.smol-wf*") ]] || die "left a file: install.sh $*"
}
says() { grep -qF -- "$1" "$world/said" || die "does not say: $1"; }

# What is there now: the program's words, and all files.
state() { "$prefix/bin/smol-wf" && cd "$prefix" && find . -type f -exec sha256sum {} + | sort; }

refuses() {
  local before
  before=$(state)
  says_what=$1
  shift
  installs 1 "$@"
  says "$says_what"
  [[ $(state) == "$before" ]] || die "changed something: install.sh $*"
}

spoil() {
  local to=$world/$1
  cp -r "$world/two" "$to"
  echo "$to"
}

works() {
  prefix="$world/home/.local" path='' script=''
  installs 2
  says 'name its folder or URL: --from FOLDER'
  installs 2 --from
  installs 2 --nonsense
  installs 2 --from "$world/nothing"
  installs 2 --from http://example.org/x
  says 'not encrypted'
  installs 2 --from ftp://example.org/x
  installs 0 --from "$world/one"
  says 'installed smol-wf 1.0.0 in'
  says "export PATH=$prefix/bin:"
  says 'next: smol-wf'
  [[ -f $prefix/share/man/man1/smol-wf-1.0.0.1 && -f $prefix/share/bash-completion/completions/smol-wf ]] || die 'lacks a file'
  # As a reader with that folder on the PATH, in the unpacked release.
  path=$prefix/bin:$PATH script=$world/tree/smol-wf-2.0.0-$platform/install.sh
  installs 0
  ! grep -q 'export PATH' "$world/said" || die 'speaks of the PATH'
  [[ $(smol_wf) == 'smol-wf 2.0.0' && ! -e $prefix/share/man/man1/smol-wf-1.0.0.1 ]] || die 'is not renewed'
  script=''
}
smol_wf() { "$prefix/bin/smol-wf"; }

fails() {
  local bad
  bad=$(spoil wrong-sum)
  sed -i 's/^./x/; s/^x\(.*\)/0\1/' "$bad/SHA256SUMS"
  printf '%064d  smol-wf-2.0.0-%s.tar.gz\n' 0 "$platform" >"$bad/SHA256SUMS"
  refuses 'is not what SHA256SUMS promises' --from "$bad"
  bad=$(spoil cut)
  truncate -s 300 "$bad"/*.tar.gz
  refuses 'is not what SHA256SUMS promises' --from "$bad"
  (cd "$bad" && sha256sum -- *.tar.gz >SHA256SUMS)
  refuses 'is broken' --from "$bad"
  bad=$(spoil no-sums)
  rm "$bad/SHA256SUMS"
  refuses 'there is no SHA256SUMS' --from "$bad"
  bad=$(spoil garbage)
  head -c 3000 /dev/urandom >"$bad/SHA256SUMS"
  refuses 'names no archive' --from "$bad"
  refuses 'has nothing for' --from "$world/other"
  says 'it has: smol-wf-2.0.0-plan9-x86_64.tar.gz'
  refuses 'choose one: --version' --from "$world/both"
  refuses 'and version 3.0.0' --from "$world/both" --version 3.0.0
  hostile
  # Root may write everywhere.
  prefix_of=$world/home/file
  : >"$prefix_of"
  refuses 'cannot be written' --from "$world/two" --prefix "$prefix_of"
}

# Archives that fit their checksum.
hostile() {
  local bad tree=$world/bad/smol-wf-2.0.0-$platform
  for what in link outside dead changed unlisted; do
    rm -rf "$world/bad"
    mkdir -p "$world/bad" "$world/$shell-$what"
    cp -r "$world/tree/smol-wf-2.0.0-$platform" "$tree"
    bad=$world/$shell-$what
    case $what in
      link) ln -s /etc "$tree/share" ;;
      dead) printf '#!/bin/sh\nexit 1\n' >"$tree/smol-wf" ;;
      unlisted) rm "$tree/install.sh" ;;
    esac
    seal "$tree" "$bad"
    case $what in
      outside)
        : >"$world/bad/evil"
        tar -P -C "$tree" -czf "$bad/$(basename "$tree").tar.gz" ../evil "../$(basename "$tree")"
        ;;
      changed)
        echo more >>"$tree/man/man1/smol-wf.1"
        tar -C "$world/bad" -czf "$bad/$(basename "$tree").tar.gz" "$(basename "$tree")"
        ;;
    esac
    (cd "$bad" && sha256sum -- *.tar.gz >SHA256SUMS)
  done
  refuses 'has links or devices' --from "$world/$shell-link"
  refuses 'has files outside' --from "$world/$shell-outside"
  refuses 'does not start here' --from "$world/$shell-dead"
  refuses 'man/man1/smol-wf.1 is not what' --from "$world/$shell-changed"
  refuses 'does not name install.sh' --from "$world/$shell-unlisted"
}

# By a server of files on this machine, and a pipe as `curl … | sh` makes one.
fetches() {
  local url code=0
  url=http://127.0.0.1:$port
  prefix="$world/a 'folder'"
  installs 0 --from "$url/one/" --prefix "$prefix"
  eval "$(grep 'export PATH' "$world/said")"
  [[ $(PATH=$PATH smol-wf) == 'smol-wf 1.0.0' ]] || die 'the printed line for PATH does not hold'
  refuses 'cannot be fetched' --from "$url/none" --prefix "$prefix"
  env -i PATH="$PATH" HOME="$world/home" "$shell" -s -- --from "$url/two" --prefix "$prefix" <"$installer" >"$world/said" 2>&1 ||
    die 'does not install from a pipe'
  [[ $(smol_wf) == 'smol-wf 2.0.0' ]] || die 'is not renewed from a pipe'
  # A script that breaks off does nothing.
  head -n 250 "$installer" | env -i PATH="$PATH" "$shell" -s -- --uninstall --prefix "$prefix" >"$world/said" 2>&1 || code=$?
  [[ $(smol_wf) == 'smol-wf 2.0.0' ]] || die "a part of the script did something ($code)"
}

removes() {
  echo mine >"$prefix/share/mine"
  # As it is printed.
  installs 0 --from "$world/two" --prefix "$prefix"
  env -i PATH="$PATH" "$shell" -c "$(sed -n "s/.*to remove it: sh/$shell/p" "$world/said")" >"$world/said" 2>&1 || die 'is not removed'
  [[ $(cd "$prefix" && find . -type f) == ./share/mine ]] || die "left: $(find "$prefix")"
  installs 1 --uninstall --prefix "$prefix"
  says 'nothing was installed'
  # Somebody else's program stays.
  mkdir -p "$prefix/bin"
  cp /bin/true "$prefix/bin/smol-wf"
  installs 1 --from "$world/one" --prefix "$prefix"
  says 'was not installed by this script'
  cmp -s /bin/true "$prefix/bin/smol-wf" || die 'replaced another program'
}

for shell in dash bash; do
  command -v "$shell" >/dev/null || { echo "test-install: $shell is missing" >&2; exit 1; }
  find "$world" -mindepth 1 -delete
  mkdir "$world/home"
  make 1.0.0 "$world/one"
  make 2.0.0 "$world/two"
  make 2.0.0 "$world/other" plan9-x86_64
  make 1.0.0 "$world/both"
  make 2.0.0 "$world/both"
  works
  fails
  [[ -z $server ]] || kill "$server"
  python3 -u -c 'import functools as f, http.server as h, sys
s = h.ThreadingHTTPServer(("127.0.0.1", 0), f.partial(h.SimpleHTTPRequestHandler, directory=sys.argv[1]))
print(s.server_port, flush=True); s.serve_forever()' "$world" >"$world/port" 2>/dev/null &
  server=$!
  until [[ -s $world/port ]]; do sleep 0.05; kill -0 "$server"; done
  port=$(cat "$world/port")
  fetches
  removes
done
echo "test-install: install.sh holds in dash and bash ($count runs)"
