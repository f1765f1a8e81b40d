#!/usr/bin/env bash
# Packages every crate, unpacks the packages, and builds and runs the example of the
# engine from the packages alone, in the target folder of the workspace.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cargo package --workspace --no-verify --exclude-lockfile --allow-dirty --offline --target-dir "$folder"
for crate in "$folder"/package/*.crate; do
    tar xzf "$crate" -C "$folder"
done

program=$folder/program
mkdir -p "$program/src"
cp "$folder"/smol-wf-engine-*/examples/embed.rs "$program/src/main.rs"
cp Cargo.lock "$program/"
{
    printf '[package]\nname = "program"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n\n'
    printf '[dependencies]\nsmol-wf-engine = "*"\ntempfile = "3"\n'
    printf 'tokio = { version = "1", features = ["macros", "rt-multi-thread"] }\n\n[patch.crates-io]\n'
    for crate in core sandbox providers store engine; do
        printf 'smol-wf-%s = { path = "%s" }\n' "$crate" "$(echo "$folder"/smol-wf-"$crate"-*/)"
    done
    printf '\n'
    # The same profiles, so that what the workspace has built is reused.
    sed -n '/^\[profile\./,$p' Cargo.toml
} >"$program/Cargo.toml"
said=$(cd "$program" && CARGO_TARGET_DIR=$target cargo run --offline --quiet)
[ "$said" = '"HELLO WORLD"' ] || { echo "package: the program said: $said" >&2; exit 1; }
echo "package: every crate is packaged, and a program is built from the packages"
