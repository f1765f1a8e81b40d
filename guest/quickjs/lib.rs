//! Nothing: this package only pins a dependency.
//!
//! Owns: nothing. Never: built.
