#!/usr/bin/env bash
# Makes a release: the program, linked statically, as an archive and as packages of npm,
# with bills of materials, an installer, and the checksums of all of it.
#
#   scripts/release.sh [--program FILE] [--quick] [--out DIR]
#
#   --program   pack this program, instead of building one
#   --quick     for tests of what is made: the program need not be static and small, and
#               there are no bills of materials, which need a tool of scripts/versions
#   --out       where the files go [default: target/release-files]
#
# Owns: what is in a release. Never: publishes one, or asks for a version: Cargo.toml has it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/versions
export CARGO_TERM_COLOR=never LC_ALL=C

# Bytes of the program at the most.
program_bytes_max=40000000

fail() { echo "release: $*" >&2; exit 1; }

program='' quick='' out=target/release-files
while [[ $# -gt 0 ]]; do
  case $1 in
    --program) program=${2:?"--program needs a file"}; shift ;;
    --out) out=${2:?"--out needs a folder"}; shift ;;
    --quick) quick=yes ;;
    *) echo "release: there is no argument $1; see the head of $0" >&2; exit 2 ;;
  esac
  shift
done

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
target=$(rustc -vV | sed -n 's/^host: //p')
[[ $target == x86_64-unknown-linux-gnu ]] || fail "made on x86_64-unknown-linux-gnu alone so far, not on $target"
platform=linux-x86_64 npm_platform=linux-x64
name=smol-wf-$version-$platform

# The C library is linked in. A static program cannot look up a function of that library by
# its name, which is how random numbers are asked for otherwise: it would need a device for
# them.
build() {
  local folder=${CARGO_TARGET_DIR:-$PWD/target}/release
  # The map is for scripts/binary-parts.py.
  CARGO_INCREMENTAL=0 RUSTFLAGS='--cfg getrandom_backend="linux_getrandom"' cargo rustc --release --locked --package smol-wf --bin smol-wf -- \
    -C target-feature=+crt-static -C "link-arg=-Wl,-Map=$folder/smol-wf.map"
  program=$folder/smol-wf
}

# To start and to run a workflow it needs no file of a system.
prove_static() {
  local bytes root=$work/root said own=()
  bytes=$(stat -c %s "$program")
  ((bytes <= program_bytes_max)) || fail "the program has $bytes bytes, and $program_bytes_max are the most"
  ! readelf -lW "$program" | grep -q INTERP || fail "the program is not static: it names an interpreter"
  mkdir "$root"
  cp "$program" "$root/smol-wf"
  cp examples/hello.mjs "$root/"
  [[ $(id -u) == 0 ]] || own=(unshare --map-root-user)
  said=$("${own[@]}" env -i "$(command -v chroot)" "$root" /smol-wf run /hello.mjs --agent-provider debug --db /runs.db) ||
    fail "the program does not run in an empty root"
  [[ $said == *'"state": "completed"'* ]] || fail "in an empty root the program said: $said"
  echo "release: static, $bytes bytes, ran a workflow in an empty root"
}

# Of the program, and of the two WebAssembly modules in it, which have their own lock files;
# and the licences of what they list.
bills() {
  [[ $(cargo cyclonedx --version 2>/dev/null) == *" $cargo_cyclonedx" ]] ||
    cargo install --locked --quiet "cargo-cyclonedx@$cargo_cyclonedx"
  mkdir "$folder/sbom" "$work/sources"
  # The tool writes beside each manifest of the workspace: not here.
  git ls-files -z | xargs -0 cp -a --parents -t "$work/sources"
  bill smol-wf host/cli "$target" glibc "$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)" LGPL-2.1-or-later
  bill guest guest wasm32-wasip1
  bill strip guest/strip wasm32-wasip1
  scripts/licences.py "$folder"/sbom/*.json >"$folder/THIRD-PARTY.txt"
}

# bill NAME FOLDER TARGET [LIBRARY VERSION LICENCE]
bill() {
  local name=$1 sources=$work/sources at=$work/sources/$2 triple=$3 edges
  shift 3
  cargo cyclonedx --quiet --manifest-path "$at/Cargo.toml" --format json --spec-version 1.5 \
    --target "$triple" --override-filename bill
  for edges in normal normal,build; do
    cargo tree --quiet --locked --manifest-path "$at/Cargo.toml" --edges "$edges" --target "$triple" \
      --prefix none --format '{p}' >"$work/tree-$edges"
  done
  scripts/bill.py "$at/bill.json" "$sources" "$work"/tree-normal "$work"/tree-normal,build "$@"
  mv "$at/bill.json" "$folder/sbom/$name.cdx.json"
}

fill() {
  local shell
  install -m 755 "$program" "$folder/smol-wf"
  install -m 755 scripts/install.sh "$folder/install.sh"
  install -m 644 LICENSE-APACHE LICENSE-MIT CHANGELOG.md README.md "$folder/"
  mkdir -p "$folder/completions" "$folder/man/man1"
  for shell in bash:smol-wf.bash zsh:_smol-wf fish:smol-wf.fish elvish:smol-wf.elv powershell:smol-wf.ps1; do
    "$folder/smol-wf" completions "${shell%%:*}" >"$folder/completions/${shell#*:}"
  done
  "$folder/smol-wf" man --dir "$folder/man/man1" >/dev/null
}

# Checksums of a folder's files, without its own list.
sums() {
  (cd "$1" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs -d '\n' sha256sum >"$work/sums")
  mv "$work/sums" "$1/SHA256SUMS"
  chmod 644 "$1/SHA256SUMS"
}

npm_packages() {
  local package staged
  for package in cli "$npm_platform"; do
    staged=$work/npm/$package
    mkdir -p "$staged"
    cp -r "ts/npm/$package/." "$staged/"
    cp LICENSE-APACHE LICENSE-MIT "$staged/"
    [[ $package == cli ]] || install -D -m 755 "$folder/smol-wf" "$staged/bin/smol-wf"
    grep -q "\"version\": \"$version\"" "$staged/package.json" ||
      fail "ts/npm/$package/package.json has not version $version"
    npm pack --silent --ignore-scripts --pack-destination "$made" "$staged" >/dev/null
  done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made=$work/made folder=$work/$name
mkdir "$made" "$folder"
[[ -n $program ]] || build
# The same sources give the same files. Not for the build: C compilers would begin anew.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
strip -o "$work/stripped" "$program"
program=$work/stripped
[[ -n $quick ]] || prove_static
fill
[[ -n $quick ]] || bills
sums "$folder"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode=go=rX,u+rw \
  -C "$work" -cf "$work/archive.tar" "$name"
gzip -n <"$work/archive.tar" >"$made/$name.tar.gz"
npm_packages
install -m 755 scripts/install.sh "$made/install.sh"
[[ ! -d $folder/sbom ]] || cp "$folder"/sbom/*.json "$made/"
sums "$made"

# All at once: a release that was broken off leaves the one before.
mkdir -p "$(dirname "$out")"
rm -rf "$out"
mv "$made" "$out"
chmod 755 "$out"
echo "release: $name is in $out ($(stat -c %s "$out/$name.tar.gz") bytes, $(wc -l <"$folder/SHA256SUMS") files)"
