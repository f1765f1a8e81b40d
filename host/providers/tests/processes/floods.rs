//! Programs that print without end, or never read: memory stays bounded.

use smol_wf_providers::ProviderErrorKind;

use super::{alone, ask, sh, text};

/// What a flood may cost: the most that is kept of one, in a buffer that doubles, and its
/// copy.
const GROWTH_KIB_MAX: u64 = 80 * 1024;

/// The peak memory of this process, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn flood_is_refused(script: &str, message: &str) {
    let before = peak_kib();
    let error = ask(&sh(script), "p").await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Failed);
    assert!(error.message.contains(message), "{error}");
    let growth = peak_kib() - before;
    assert!(growth <= GROWTH_KIB_MAX, "{growth} KiB");
}

#[test]
fn a_flood_of_lines() {
    alone("floods::a_flood_of_lines", &[], async {
        flood_is_refused("yes 0123456789 | head -c 100000000", "over 16777216 bytes in all").await;
    });
}

#[test]
fn a_flood_in_one_line() {
    alone("floods::a_flood_in_one_line", &[], async {
        let script = "head -c 100000000 /dev/zero | tr '\\0' x";
        flood_is_refused(script, "over 16777216 bytes in one line").await;
    });
}

#[test]
fn a_flood_on_stderr_is_not_a_failure() {
    alone("floods::a_flood_on_stderr_is_not_a_failure", &[], async {
        let before = peak_kib();
        let script = "yes 0123456789 | head -c 100000000 >&2; echo answer";
        assert_eq!(text(&sh(script), "p").await, "answer");
        let growth = peak_kib() - before;
        assert!(growth <= 8 * 1024, "{growth} KiB");
    });
}

#[tokio::test]
async fn a_long_prompt_that_nobody_reads() {
    let prompt = "x".repeat(200 * 1024);
    assert_eq!(text(&sh("echo answer"), &prompt).await, "answer");
    assert_eq!(text(&sh("exec <&-; echo answer"), &prompt).await, "answer");
    assert_eq!(text(&sh("wc -c"), &prompt).await.trim(), "204800");
}
