#!/usr/bin/env bash
# CI's lane for the guest and the stripper: installs the toolchain that the committed
# artefacts were built with, where a Debian has it, rebuilds, and runs their tests.
# If the distribution has other versions, that is reported and is not a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(patch rustc-web rust-web-src wasi-libc clang-19 lld-19 llvm-19 libclang-19-dev libclang-rt-19-dev-wasm32)

if command -v apt-get >/dev/null 2>&1; then
  if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
  fi
  scripts/build-guest.sh --check-rebuild
  scripts/build-strip.sh --check-rebuild
elif [[ -n "${CI:-}" ]]; then
  echo "ci-guest-rebuild: no apt-get to install the guest's toolchain with" >&2
  exit 1
else
  echo "ci-guest-rebuild: skipped: no apt-get; see scripts/build-guest.sh for what to install" >&2
fi

cargo test --locked --manifest-path guest/packager/Cargo.toml
cargo test --locked --manifest-path guest/strip/Cargo.toml
