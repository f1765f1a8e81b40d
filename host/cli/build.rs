//! Asks the linker to put the functions of a short run side by side.
//!
//! Owns: which builds are asked, and the proof that their linker understands.
//! Never: fails a build: without the order the program is the same, and takes
//! more memory and page faults to start.
//!
//! The kernel maps a file in windows of 64 KiB around each page that is touched.
//! A short run calls one function in ten, so where they lie decides how many windows it touches. `function-order.txt` has
//! their names; `scripts/function-order.py` writes it.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ORDER: &str = "function-order.txt";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ORDER}");
    let var = |name: &str| env::var(name).unwrap_or_default();
    // Unoptimised code has other functions, and other systems other linkers.
    if var("PROFILE") != "release" || var("CARGO_CFG_TARGET_OS") != "linux" {
        return;
    }
    let out = PathBuf::from(var("OUT_DIR"));
    let order = Path::new(&var("CARGO_MANIFEST_DIR")).join(ORDER);
    let Ok(names) = std::fs::read_to_string(order) else { return };
    let script = out.join("order.ld");
    if std::fs::write(&script, sections(&names)).is_err() {
        return;
    }
    let flag = format!("-Wl,-T,{}", script.display());
    if links_with(&flag, &out) {
        println!("cargo::rustc-link-arg-bins={flag}");
    }
}

/// A script for the linker: one more section, with those functions in front of
/// all others. Each has a section of its own to begin with, named like it, and
/// like others that are seldom called if the compiler takes it for such. Behind
/// the very functions of the list stand those that only another compiler's hash
/// tells from them; where that compiler is at work, these are all there are.
fn sections(names: &str) -> String {
    let lines = || names.lines().filter(|line| !line.starts_with('#'));
    let mut script = "SECTIONS {\n  .text.order : {\n".to_owned();
    // Writing to a string does not fail.
    for line in lines() {
        let name = line.trim_end_matches(" *");
        // Behind the hash the number of a module may stand.
        let _ = match without_hash(name) {
            Some(_) => writeln!(script, "    *(.text.{name}* .text.unlikely.{name}*)"),
            None => {
                writeln!(script, "    *(.text.{name} .text.{name}.llvm.* .text.unlikely.{name})")
            }
        };
    }
    for name in lines().filter_map(|line| without_hash(line.strip_suffix(" *")?)) {
        let _ = writeln!(script, "    *(.text.{name}17h*)");
    }
    script.push_str("  }\n} INSERT BEFORE .text;\n");
    script
}

fn without_hash(name: &str) -> Option<&str> {
    const HASH: &str = "17h0123456789abcdefE";
    let (name, hash) = name.split_at_checked(name.len().checked_sub(HASH.len())?)?;
    (hash.starts_with("17h") && hash.ends_with('E')).then_some(name)
}

/// Whether the linker of this build takes this flag: LLD does, which is rustc's
/// own, and so does that of GNU; others do not.
fn links_with(flag: &str, out: &Path) -> bool {
    let source = out.join("probe.rs");
    if std::fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let var = |name: &str| env::var(name).unwrap_or_default();
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.arg(&source).arg("-o").arg(out.join("probe"));
    rustc.args(["--crate-name", "probe", "--target", &var("TARGET")]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    let given = var("CARGO_ENCODED_RUSTFLAGS");
    rustc.args(given.split('\x1f').filter(|flag| !flag.is_empty()));
    rustc.arg(format!("-Clink-arg={flag}"));
    rustc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    rustc.status().is_ok_and(|status| status.success())
}
