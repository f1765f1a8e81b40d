//! With little address space, instances are mapped one by one.

mod common;

use std::process::Command;

use common::*;
use smol_wf_sandbox::{Sandbox, SandboxConfig};

const INSIDE: &str = "SMOL_WF_TEST_SHORT_ADDRESS_SPACE";

#[test]
fn a_short_address_space_slows_down_and_does_not_fail() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let sandbox = Sandbox::new(SandboxConfig::pooled(1_000)).unwrap();
        runtime.block_on(assert_healthy(&sandbox));
        return;
    }
    // 12 GiB are enough for two instances, and far too little for a thousand.
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 12582912 && exec \"$0\""])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
