//! A program to start, with everything that it gets.
//!
//! Owns: the description. Never: starts it.

use std::ffi::OsString;
use std::path::PathBuf;

use super::environment::Environment;
use super::input::Input;
use crate::Presence;

/// A program to start.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// The provider whose program it is, for messages.
    pub(crate) provider: String,
    /// The program, as [`find_program`](super::find_program) found it.
    pub(crate) program: PathBuf,
    /// Its arguments. Every user of the machine can read them, so they never hold a
    /// secret or the prompt.
    pub(crate) args: Vec<OsString>,
    /// Its working directory.
    pub(crate) cwd: PathBuf,
    /// Its whole environment.
    pub(crate) env: Environment,
    /// Its stdin.
    pub(crate) input: Input,
    /// The attempt that it works for, held until its whole tree has ended.
    pub(crate) presence: Option<Presence>,
}
