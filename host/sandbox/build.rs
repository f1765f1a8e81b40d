//! Compiles the guest ahead of time, so that the program needs no compiler.
//!
//! Owns: `guest.cwasm` and `strip.cwasm` in the output folder, and the guest's digest.
//! Never: builds the guest or the stripper themselves (`scripts/build-guest.sh` and
//! `scripts/build-strip.sh` do) or fetches anything.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use wasmtime::Engine;

#[path = "src/engine_config.rs"]
mod engine_config;

/// The version of the linked wasmtime, which requires this exact version of the crate.
const WASMTIME: &str = wasmtime_environ::VERSION;

const CONFIG: &str = include_str!("src/engine_config.rs");

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let guest = env::var_os("SMOL_WF_GUEST").map_or_else(|| here.join("guest.wasm"), PathBuf::from);
    println!("cargo::rerun-if-env-changed=SMOL_WF_GUEST");
    let strip = here.join("strip.wasm");
    for path in [&guest, &strip, &here.join("build.rs"), &here.join("src/engine_config.rs")] {
        println!("cargo::rerun-if-changed={}", path.display());
    }

    let wasm = fs::read(&guest).map_err(|error| {
        format!(
            "cannot read the guest {}: {error}; run scripts/build-guest.sh, or let SMOL_WF_GUEST name one",
            guest.display()
        )
    })?;
    // Without an explicit target, the code would require the CPU features of this machine.
    let target = env::var("TARGET")?;
    let mut config = engine_config::engine_config();
    config.target(&target)?;
    config.cranelift_nan_canonicalization(true);
    let engine = Engine::new(&config)?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("guest.cwasm"), engine.precompile_component(&wasm)?)?;
    let stripper = fs::read(&strip).map_err(|error| {
        format!("cannot read {}: {error}; run scripts/build-strip.sh", strip.display())
    })?;
    fs::write(Path::new(&out).join("strip.cwasm"), engine.precompile_module(&stripper)?)?;
    let digest = digest(&wasm, WASMTIME);
    println!("cargo::rustc-env=SMOL_WF_GUEST_DIGEST={digest}");
    Ok(())
}

/// Digest of everything that determines what a script computes and how much fuel it
/// uses.
fn digest(wasm: &[u8], wasmtime: &str) -> String {
    let settings: String =
        CONFIG.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut hasher = blake3::Hasher::new();
    for part in [wasm, wasmtime.as_bytes(), settings.as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}
