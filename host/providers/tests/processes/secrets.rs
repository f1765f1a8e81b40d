//! A child gets nothing that it was not given.

use std::fs::File;
use std::path::Path;

use smol_wf_providers::ConfiguredProgram;
use smol_wf_providers::Provider;
use smol_wf_providers::command::Command;

use super::{alone, options, sh, task, text};

/// Fifty variables of a user's shell, near misses of allowed names among them. Each has
/// its own value.
fn canaries() -> Vec<(String, String)> {
    let vendors = ["ANTHROPIC", "OPENAI", "GEMINI", "AWS", "GITHUB", "NPM", "STRIPE", "SLACK"];
    let kinds = ["API_KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"];
    let near = [
        "PATHS",
        "XPATH",
        "HOME_KEY",
        "LC",
        "XDG",
        "LANGS",
        "path",
        "USERS",
        "TERMINAL_KEY",
        "SMOL_WF_SECRET",
    ];
    let made = vendors.iter().flat_map(|vendor| kinds.map(|kind| format!("{vendor}_{kind}")));
    let names = made.chain(near.map(str::to_owned));
    names.enumerate().map(|(at, name)| (name, format!("canary-{at}-end"))).collect()
}

/// Numbers of the canaries in a text.
fn found(text: &str) -> Vec<usize> {
    let all = canaries();
    assert_eq!(all.len(), 50);
    (0..all.len()).filter(|at| text.contains(&all[*at].1)).collect()
}

/// All that a program can see of itself: environment, arguments, open files.
const LOOK: &str = "cat >/dev/null; tr '\\0' '\\n' </proc/self/environ; env; set;
    tr '\\0' ' ' </proc/$$/cmdline; ls -l /proc/$$/fd";

#[test]
fn fifty_canaries_reach_only_their_own_programs() {
    alone("secrets::fifty_canaries_reach_only_their_own_programs", &canaries(), async {
        let own = std::env::vars().map(|(_, value)| value).collect::<Vec<_>>().join("\n");
        assert_eq!(found(&own).len(), 50, "this process has them all");

        let seen = text(&sh(LOOK), "canary-prompt").await;
        assert!(seen.contains("PATH="), "{seen}");
        assert_eq!(found(&seen), Vec::<usize>::new(), "{seen}");
        assert!(!seen.contains("canary-prompt"), "the prompt is on stdin alone");

        let allowed = Command::new(ConfiguredProgram {
            env_allow: ["OPENAI_API_KEY", "AWS_*"].map(str::to_owned).to_vec(),
            ..options(LOOK)
        });
        let names = |at: &usize| canaries()[*at].0.clone();
        let given: Vec<String> = found(&text(&allowed, "p").await).iter().map(names).collect();
        let expected = [
            "OPENAI_API_KEY",
            "AWS_API_KEY",
            "AWS_TOKEN",
            "AWS_SECRET",
            "AWS_PASSWORD",
            "AWS_CREDENTIALS",
        ];
        assert_eq!(given, expected);
    });
}

#[test]
fn open_files_stay_here() {
    alone("secrets::open_files_stay_here", &[], async {
        assert!(Path::new("/proc/self/fd/7").exists(), "this process has inherited a file");
        let _opened = File::open("/etc/passwd").unwrap();
        // A second child has none of the first one's pipes either.
        let first = sh("sleep 600");
        let first = first.attempt(task("p"), &());
        let second = sh("ls /proc/$$/fd");
        tokio::select! {
            _ = first => panic!("it sleeps"),
            seen = text(&second, "p") => assert_eq!(seen, "0\n1\n2"),
        }
    });
}
