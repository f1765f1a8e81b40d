//! The script that makes a shell ask this program.
//!
//! Owns: the variable by which a shell asks. Never: an answer.

use std::io;

use clap_complete::env::Shells;

/// The variable that holds the shell's name when it asks.
pub(crate) const VARIABLE: &str = "SMOL_WF_COMPLETE";

/// The name of the program, as people type it.
const PROGRAM: &str = "smol-wf";

/// The script for a shell. Fails if the shell is not one of those that clap knows.
pub(crate) fn script(shell: &str) -> io::Result<Vec<u8>> {
    let shells = Shells::builtins();
    let shell = shells.completer(shell).ok_or(io::ErrorKind::NotFound)?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok(script)
}
