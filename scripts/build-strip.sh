#!/usr/bin/env bash
# Builds the module that blanks the types of TypeScript scripts.
#
#   scripts/build-strip.sh                  write guest/strip/dist/{strip.wasm,manifest.json}
#   scripts/build-strip.sh --check-sources  is the committed artefact built from these sources?
#   scripts/build-strip.sh --check-rebuild  does a rebuild give the very same artefact?
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
strip="$root/guest/strip"
dist="$strip/dist"

die() {
    printf 'build-strip: %s\n' "$1" >&2
    exit 1
}

say() {
    printf 'build-strip: %s\n' "$1" >&2
}

# Everything the artefact is made of. The tests are not in it.
sources_digest() {
    (
        cd "$root"
        find guest/strip/src scripts/build-strip.sh guest/strip/Cargo.toml guest/strip/Cargo.lock \
            -type f -print0 |
            LC_ALL=C sort -z |
            xargs -0 sha256sum |
            sha256sum |
            cut -d ' ' -f 1
    )
}

manifest_value() {
    sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p" "$dist/manifest.json" | head -n 1
}

check_sources() {
    [[ -f "$dist/manifest.json" ]] || die "guest/strip/dist/manifest.json is missing; run scripts/build-strip.sh"
    local want have
    want=$(manifest_value sources)
    have=$(sources_digest)
    [[ "$want" == "$have" ]] ||
        die "guest/strip/dist/strip.wasm was built from other sources ($want) than these ($have); run scripts/build-strip.sh"
    want=$(manifest_value artefact)
    have=$(sha256sum "$dist/strip.wasm" | cut -d ' ' -f 1)
    [[ "$want" == "$have" ]] ||
        die "guest/strip/dist/strip.wasm ($have) is not the file that the manifest describes ($want)"
    say "guest/strip/dist is built from these sources"
}

need_file() {
    [[ -e "$1" ]] || die "$1 is missing; install $2"
}

use_rustup() {
    local sysroot
    sysroot=$(rustc --print sysroot 2>/dev/null) || return 1
    [[ -d "$sysroot/lib/rustlib/wasm32-unknown-unknown" ]] || return 1
    route="rustup"
    rustc_program=$(command -v rustc)
    build_std=()
    route_flags=()
}

# Debian's compiler comes with the source of its standard library and no target.
use_debian() {
    need_file /usr/bin/rustc "the Debian package rustc-web, or a rustup toolchain: rustup target add wasm32-unknown-unknown"
    need_file /usr/lib/rustlib/src/rust/library/std/Cargo.toml "the Debian package rust-web-src"
    command -v wasm-ld-19 >/dev/null || die "wasm-ld-19 is missing; install the Debian package lld-19"
    route="debian"
    rustc_program=/usr/bin/rustc
    # Debian ships the standard library's source only to those who ask for it.
    export RUSTC_BOOTSTRAP=1
    build_std=(-Zbuild-std=std,panic_abort)
    route_flags=(-C link-self-contained=no -C linker=wasm-ld-19)
}

find_toolchain() {
    use_rustup || use_debian
    rustc_version=$("$rustc_program" --version)
}

# Writes the module to $1.
build() {
    local cargo_home sysroot flags joined
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    sysroot=$("$rustc_program" --print sysroot)
    # No path of the builder may end up in the artefact. The stack lies below the
    # data, so running over it traps and never writes over anything.
    flags=(
        "${route_flags[@]}"
        -C link-arg=-zstack-size=1048576
        -C link-arg=--stack-first
        "--remap-path-prefix=$cargo_home=/cargo"
        "--remap-path-prefix=$root=/source"
        "--remap-path-prefix=$work=/build"
        "--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rust"
        --remap-path-prefix=/usr/src=/rust
    )
    joined=$(printf '%s\x1f' "${flags[@]}")
    CARGO_ENCODED_RUSTFLAGS="${joined%$'\x1f'}" \
        RUSTC="$rustc_program" \
        cargo build --quiet --locked --release --lib --target wasm32-unknown-unknown \
        --manifest-path "$strip/Cargo.toml" --target-dir "$work/strip" "${build_std[@]}"
    cp "$work/strip/wasm32-unknown-unknown/release/smol_wf_strip.wasm" "$1"
}

write_manifest() {
    cat >"$dist/manifest.json" <<JSON
{
  "format": 1,
  "sources": "$(sources_digest)",
  "artefact": "$(sha256sum "$dist/strip.wasm" | cut -d ' ' -f 1)",
  "toolchain": {
    "route": "$route",
    "rustc": "$rustc_version"
  }
}
JSON
}

same_toolchain() {
    [[ "$(manifest_value route)" == "$route" && "$(manifest_value rustc)" == "$rustc_version" ]]
}

case "${1:-}" in
    "")
        work="$strip/target"
        mkdir -p "$work" "$dist"
        find_toolchain
        build "$dist/strip.wasm"
        write_manifest
        say "wrote guest/strip/dist/strip.wasm ($(stat -c %s "$dist/strip.wasm") bytes)"
        ;;
    --check-sources)
        check_sources
        ;;
    --check-rebuild)
        check_sources
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        find_toolchain
        if ! same_toolchain; then
            say "rebuild skipped: this toolchain ($route, $rustc_version) is not the manifest's"
            exit 0
        fi
        build "$work/strip.wasm"
        cmp "$work/strip.wasm" "$dist/strip.wasm" || die "the rebuilt module differs from guest/strip/dist/strip.wasm"
        say "a rebuild gives the very same module"
        ;;
    *)
        die "unknown argument $1; see the head of this script"
        ;;
esac
