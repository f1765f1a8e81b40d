//! Exact lists of what a guest can reach and of the parts of the program.

mod common;

use std::collections::BTreeSet;
use std::process::Command;

use common::*;
use smol_wf_sandbox::{OWN_IMPORTS, Sandbox, WASI_IMPORTS};

/// Every WASI function that the guest imports. Even a guest that was taken over can call
/// only these: the rest of an interface is linked but not imported.
const WASI_FUNCTIONS: &[&str] = &[
    "wasi:cli/stderr#get-stderr",
    "wasi:clocks/monotonic-clock#now",
    "wasi:clocks/wall-clock#now",
    "wasi:io/streams#[method]output-stream.blocking-write-and-flush",
];

/// Items of an interface that are types.
const WASI_TYPES: &[&str] = &["datetime", "error", "instant", "output-stream", "stream-error"];

#[test]
fn the_guest_imports_what_is_allowed_and_nothing_else() {
    let imports = sandbox().guest_imports();
    let names: Vec<&str> =
        imports.iter().map(|(name, _)| name.split("@0.2.").next().unwrap_or_default()).collect();
    let mut allowed = OWN_IMPORTS.to_vec();
    allowed.extend(WASI_IMPORTS);
    assert_eq!(names, allowed);
    let ours = |name| &imports.iter().find(|(found, _)| found == name).unwrap().1;
    let functions = [
        "agent",
        "ask",
        "budget",
        "clear-timer",
        "log",
        "null-slot",
        "phase",
        "set-timer",
        "sleep",
        "warn",
        "workflow",
    ];
    let types =
        ["ask-kind", "budget-state", "call-id", "failure", "nulled-slot", "timer-id", "warning"];
    let mut calls: Vec<&str> = functions.iter().chain(&types).copied().collect();
    calls.sort_unstable();
    calls.dedup();
    assert_eq!(*ours(OWN_IMPORTS[0]), calls);
}

#[test]
fn the_functions_of_wasi_are_exactly_these() {
    let functions: Vec<String> = sandbox()
        .guest_imports()
        .into_iter()
        .filter(|(name, _)| name.starts_with("wasi:"))
        .flat_map(|(name, parts)| {
            let name = name.split('@').next().unwrap_or_default().to_owned();
            let parts = parts.into_iter().filter(|part| !WASI_TYPES.contains(&part.as_str()));
            parts.map(move |part| format!("{name}#{part}"))
        })
        .collect();
    assert_eq!(functions, WASI_FUNCTIONS);
}

#[test]
fn nothing_beyond_the_list_is_linked() {
    let source = include_str!("../src/wasi.rs");
    let linked = source.matches("::add_to_linker::<State, ").count();
    assert_eq!(linked, WASI_IMPORTS.len());
    for name in WASI_IMPORTS {
        let path = name.trim_start_matches("wasi:").replace('/', "::").replace('-', "_");
        assert!(source.contains(&format!("{path}::add_to_linker")), "{path}");
    }
}

#[tokio::test]
async fn the_global_names_are_those_of_the_guest() {
    let expected = include_str!("../../../guest/globals.txt");
    let expected: BTreeSet<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let ran =
        run(&sandbox(), &body("log(Object.getOwnPropertyNames(globalThis).join('\\n'))")).await;
    ran.done();
    let found: BTreeSet<&str> = ran.host.lines.iter().flat_map(|line| line.lines()).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_program_holds_no_compiler() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            "smol-wf-sandbox",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.contains("wasmtime v"), "{tree}");
    for compiler in
        ["cranelift-codegen", "wasmtime-internal-cranelift", "winch", "wasmtime-internal-winch"]
    {
        assert!(!tree.contains(compiler), "{compiler} is in the program");
    }
}

#[test]
fn the_digest_is_one() {
    let digest = Sandbox::guest_digest();
    assert_eq!(digest.as_str().len(), 64);
}
