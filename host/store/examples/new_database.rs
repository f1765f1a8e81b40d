//! Writes the image from which the store creates a new database:
//! `cargo run -p smol-wf-store --example new_database host/store/migrations/new.db`
//!
//! Owns: writing the image. Never: defines the schema; the migrations do.

use std::path::PathBuf;

use smol_wf_store::{Maintenance as _, SqliteStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name the file to write")?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("new.db");
    // An empty file goes through all migrations.
    std::fs::write(&path, "")?;
    SqliteStore::open(&path)?.checkpoint()?;
    Ok(std::fs::copy(&path, &out).map(drop)?)
}
