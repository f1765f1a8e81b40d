//! Compiles the guest ahead of time, so that the program needs no compiler.
//!
//! Owns: `guest.cwasm` in the output folder, and the guest's digest. Never:
//! builds the guest itself (`scripts/build-guest.sh` does) or fetches anything.

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
    for path in [&guest, &here.join("build.rs"), &here.join("src/engine_config.rs")] {
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
    let compiled = Engine::new(&config)?.precompile_component(&wasm)?;

    fs::write(Path::new(&env::var("OUT_DIR")?).join("guest.cwasm"), compiled)?;
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
