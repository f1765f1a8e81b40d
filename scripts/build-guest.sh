#!/usr/bin/env bash
# Builds the guest: core module, component, pre-initialised image.
#
#   scripts/build-guest.sh                  write guest/dist/{guest.wasm,manifest.json}
#   scripts/build-guest.sh --check-sources  is the committed artefact built from these sources?
#   scripts/build-guest.sh --check-rebuild  does a rebuild give the very same artefact?
#
# WASI_SDK=<folder> names an installed WASI SDK, for the rustup route.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
guest="$root/guest"
dist="$guest/dist"
llvm=${LLVM_ROOT:-/usr/lib/llvm-19}

die() {
    printf 'build-guest: %s\n' "$1" >&2
    exit 1
}

say() {
    printf 'build-guest: %s\n' "$1" >&2
}

# Everything the artefact is made of. The packager's tests are not in it.
sources_digest() {
    (
        cd "$root"
        find wit guest/src guest/js guest/packager/src scripts/build-guest.sh \
            guest/Cargo.toml guest/Cargo.lock guest/quickjs-stack-check.h guest/*.patch guest/quickjs \
            guest/packager/Cargo.toml guest/packager/Cargo.lock -type f -print0 |
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
    [[ -f "$dist/manifest.json" ]] || die "guest/dist/manifest.json is missing; run scripts/build-guest.sh"
    local want have
    want=$(manifest_value sources)
    have=$(sources_digest)
    [[ "$want" == "$have" ]] ||
        die "guest/dist/guest.wasm was built from other sources ($want) than these ($have); run scripts/build-guest.sh"
    want=$(manifest_value artefact)
    have=$(sha256sum "$dist/guest.wasm" | cut -d ' ' -f 1)
    [[ "$want" == "$have" ]] ||
        die "guest/dist/guest.wasm ($have) is not the file that the manifest describes ($want)"
    say "guest/dist is built from these sources"
}

need_file() {
    [[ -e "$1" ]] || die "$1 is missing; install $2"
}

# Folder of a package that a lock file pins, fetched when it is not here.
#   $1 manifest, $2 package
package_folder() {
    local found
    found=$(cargo metadata --locked --format-version 1 --filter-platform wasm32-wasip1 --manifest-path "$1" |
        grep -o "\"manifest_path\":\"[^\"]*/$2-[0-9][^\"/]*/Cargo.toml\"" | head -n 1 | cut -d '"' -f 4)
    [[ -n "$found" ]] || die "$2 is not among the packages of $1"
    dirname "$found"
}

# QuickJS as it is compiled: that of rquickjs, with the regular expressions and
# the Unicode tables of a newer one, and with our patches.
prepare_quickjs() {
    local engine newer file
    engine=$(package_folder "$guest/Cargo.toml" rquickjs-sys)
    newer=$(package_folder "$guest/quickjs/Cargo.toml" rquickjs-sys)
    quickjs="$work/quickjs"
    rm -rf "$quickjs"
    mkdir -p "$quickjs"
    cp "$engine"/quickjs/*.[ch] "$quickjs"
    for file in libregexp.c libregexp.h libregexp-opcode.h libunicode.c libunicode.h libunicode-table.h; do
        cp "$newer/quickjs/$file" "$quickjs"
    done
    for file in quickjs-positions quickjs-depth quickjs-regexp; do
        patch --quiet --forward "$quickjs/quickjs.c" "$guest/$file.patch"
    done
    patch --quiet --forward "$quickjs/libregexp.c" "$guest/libregexp-groups.patch"
}

# rquickjs-sys compiles its own copy of QuickJS, with the clang of what it takes
# for a WASI SDK: that clang compiles ours in its place.
#   $1 clang, $2 ar
shim_sdk() {
    prepare_quickjs
    sdk="$work/wasi-sdk"
    rm -rf "$sdk"
    mkdir -p "$sdk/bin"
    ln -sfn "$2" "$sdk/bin/ar"
    cat >"$sdk/bin/clang" <<WRAPPER
#!/bin/sh
for argument; do
    shift
    case "\$argument" in
    */quickjs.c | */libregexp.c | */libunicode.c | */dtoa.c) argument="$quickjs/\${argument##*/}" ;;
    esac
    set -- "\$@" "\$argument"
done
exec "$1" "\$@"
WRAPPER
    chmod +x "$sdk/bin/clang"
}

# A rustup toolchain with the target needs nothing but a WASI SDK for QuickJS's C.
use_rustup() {
    local sysroot
    sysroot=$(rustc --print sysroot 2>/dev/null) || return 1
    [[ -d "$sysroot/lib/rustlib/wasm32-wasip1" ]] || return 1
    [[ -n "${WASI_SDK:-}" ]] ||
        die "rustup has wasm32-wasip1, but QuickJS's C needs a WASI SDK: set WASI_SDK to its folder"
    need_file "$WASI_SDK/bin/clang" "the WASI SDK (https://github.com/WebAssembly/wasi-sdk) and set WASI_SDK"
    route="rustup"
    rustc_program=$(command -v rustc)
    clang_program="$WASI_SDK/bin/clang"
    wasi_libc=$(head -n 1 "$WASI_SDK/VERSION" 2>/dev/null || echo unknown)
    shim_sdk "$WASI_SDK/bin/clang" "$WASI_SDK/bin/ar"
    ln -sfn "$WASI_SDK/share" "$sdk/share"
    build_std=()
    route_flags=()
}

# Debian's compiler comes with the source of its standard library and no target.
use_debian() {
    need_file /usr/bin/rustc "the Debian package rustc-web, or a rustup toolchain: rustup target add wasm32-wasip1"
    need_file /usr/lib/rustlib/src/rust/library/std/Cargo.toml "the Debian package rust-web-src"
    need_file /usr/include/wasm32-wasi/stdio.h "the Debian package wasi-libc"
    need_file "$llvm/bin/clang" "the Debian package clang-19"
    need_file "$llvm/bin/llvm-ar" "the Debian package llvm-19"
    need_file "$llvm/lib/libclang.so" "the Debian package libclang-19-dev"
    need_file "$llvm/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a" "the Debian package libclang-rt-19-dev-wasm32"
    command -v wasm-ld-19 >/dev/null || die "wasm-ld-19 is missing; install the Debian package lld-19"
    route="debian"
    rustc_program=/usr/bin/rustc
    clang_program="$llvm/bin/clang"
    wasi_libc=$(dpkg-query -W -f '${Version}' wasi-libc 2>/dev/null || echo unknown)
    # rquickjs-sys looks for the layout of a WASI SDK.
    shim_sdk "$llvm/bin/clang" "$llvm/bin/llvm-ar"
    mkdir -p "$sdk/share/wasi-sysroot/include" "$sdk/share/wasi-sysroot/lib"
    local triple
    for triple in wasm32-wasi wasm32-wasip1; do
        ln -sfn /usr/include/wasm32-wasi "$sdk/share/wasi-sysroot/include/$triple"
        ln -sfn /usr/lib/wasm32-wasi "$sdk/share/wasi-sysroot/lib/$triple"
    done
    export LIBCLANG_PATH="$llvm/lib" CLANG_PATH="$clang_program"
    # Debian ships the standard library's source only to those who ask for it.
    export RUSTC_BOOTSTRAP=1
    build_std=(-Zbuild-std=std,panic_abort)
    route_flags=(
        -C link-self-contained=no
        -C linker=wasm-ld-19
        -L native=/usr/lib/wasm32-wasi
        -C link-arg=/usr/lib/wasm32-wasi/crt1-reactor.o
    )
}

find_toolchain() {
    command -v patch >/dev/null || die "patch is missing; install the package patch"
    use_rustup || use_debian
    rustc_version=$("$rustc_program" --version)
    clang_version=$("$clang_program" --version | head -n 1)
}

# Writes the pre-initialised component to $1.
build() {
    local cargo_home sysroot flags
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    sysroot=$("$rustc_program" --print sysroot)
    # No path of the builder may end up in the artefact. QuickJS counts its own
    # 2.5 MiB on a stack of 4 MiB that lies below the data, so running over it
    # would trap and never write over anything.
    flags=(
        "${route_flags[@]}"
        -C link-arg=-zstack-size=4194304
        -C link-arg=--stack-first
        "--remap-path-prefix=$cargo_home=/cargo"
        "--remap-path-prefix=$root=/source"
        "--remap-path-prefix=$work=/build"
        "--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rust"
        --remap-path-prefix=/usr/src=/rust
    )
    local joined
    joined=$(printf '%s\x1f' "${flags[@]}")
    CARGO_ENCODED_RUSTFLAGS="${joined%$'\x1f'}" \
        RUSTC="$rustc_program" \
        WASI_SDK="$sdk" \
        CFLAGS_wasm32_wasip1="--sysroot=$sdk/share/wasi-sysroot -include $guest/quickjs-stack-check.h -DSMOL_WF_PATCH=$(cat "$quickjs"/* | sha256sum | cut -c 1-16) -ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$root=/source -ffile-prefix-map=$work=/build" \
        cargo build --quiet --locked --release --target wasm32-wasip1 \
        --manifest-path "$guest/Cargo.toml" --target-dir "$work/guest" "${build_std[@]}"
    # The packager runs here: the flags above are none of its business.
    env -u RUSTC_BOOTSTRAP -u LIBCLANG_PATH -u CLANG_PATH \
        cargo run --quiet --locked --manifest-path "$guest/packager/Cargo.toml" \
        --target-dir "$packager_target" -- \
        "$work/guest/wasm32-wasip1/release/smol_wf_guest.wasm" "$1"
}

write_manifest() {
    cat >"$dist/manifest.json" <<JSON
{
  "format": 1,
  "sources": "$(sources_digest)",
  "artefact": "$(sha256sum "$dist/guest.wasm" | cut -d ' ' -f 1)",
  "toolchain": {
    "route": "$route",
    "rustc": "$rustc_version",
    "clang": "$clang_version",
    "wasi-libc": "$wasi_libc"
  }
}
JSON
}

same_toolchain() {
    [[ "$(manifest_value route)" == "$route" &&
        "$(manifest_value rustc)" == "$rustc_version" &&
        "$(manifest_value clang)" == "$clang_version" &&
        "$(manifest_value wasi-libc)" == "$wasi_libc" ]]
}

packager_target=${PACKAGER_TARGET_DIR:-$guest/packager/target}
case "${1:-}" in
    "")
        work="$guest/target"
        mkdir -p "$work" "$dist"
        find_toolchain
        build "$dist/guest.wasm"
        write_manifest
        say "wrote guest/dist/guest.wasm ($(stat -c %s "$dist/guest.wasm") bytes)"
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
            say "rebuild skipped: this toolchain ($route, $rustc_version, $clang_version, wasi-libc $wasi_libc) is not the manifest's"
            exit 0
        fi
        build "$work/guest.wasm"
        cmp "$work/guest.wasm" "$dist/guest.wasm" || die "the rebuilt guest differs from guest/dist/guest.wasm"
        say "a rebuild gives the very same guest"
        ;;
    *)
        die "unknown argument $1; see the head of this script"
        ;;
esac
