//! Turns the guest's core module into the component that the host embeds:
//! WASI answered inside, componentised, pre-initialised. `packager <core.wasm> <guest.wasm>`.
//!
//! Never adds anything that differs between two builds: its clock stands still
//! and its random numbers are zeros.

mod component;
mod preinit;
mod stubs;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [core, artefact] = arguments.as_slice() else {
        bail!("usage: packager <core.wasm> <guest.wasm>");
    };
    let core = std::fs::read(core).with_context(|| format!("reading {core}"))?;
    let component = component::from_core(&stubs::answer_wasi(&core)?)?;
    let image = preinit::initialized(&component)?;
    std::fs::write(artefact, image).with_context(|| format!("writing {artefact}"))
}
