//! Test: the messages of all errors, in one list to be read from top to bottom.
//!
//! Owns: a sample of each error, and the comparison with `tests/messages.txt`. Never:
//! part of the program.

mod posts;
mod samples;

use std::collections::BTreeSet;
use std::path::Path;

use smol_wf_core::codes::Code;

/// Codes of errors that scripts get, or that occur while one runs. Their texts have no
/// fixed sample: they quote the call, or the agent.
const SAID_TO_SCRIPTS: [Code; 35] = [
    Code::Stopped,
    Code::Import,
    Code::ResultNotJson,
    Code::NeverSettles,
    Code::UnhandledRejection,
    Code::NoDefaultExport,
    Code::Thrown,
    Code::CallInvalid,
    Code::CallTooLarge,
    Code::NestedTooDeep,
    Code::WorkflowRefused,
    Code::WorkflowFailed,
    Code::SchemaInvalid,
    Code::SchemaMismatch,
    Code::ProviderUnknown,
    Code::AnswerTooCostly,
    Code::AskTimedOut,
    Code::InternalError,
    Code::ProviderFailed,
    Code::ProviderModel,
    Code::ProviderUnavailable,
    Code::ProviderRefused,
    Code::ProviderPermissionDenied,
    Code::ProviderCutStream,
    Code::ProviderKilled,
    Code::ProviderTimeout,
    Code::ProviderSpawn,
    Code::ProviderUnsupported,
    Code::ProviderAuth,
    Code::ProviderQuota,
    Code::ProviderRateLimit,
    Code::GuestFault,
    Code::Cancelled,
    Code::BrokenOff,
    Code::RehearsalBound,
];

/// Every message, with a line above those of one kind.
fn all() -> String {
    let mut text = String::new();
    for (heading, messages) in samples::all() {
        text.push_str(&format!("## {heading}\n"));
        for message in messages {
            text.push_str(&message.replace('\n', "\n  "));
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

#[test]
fn messages_match_the_reviewed_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages.txt");
    let read = std::fs::read_to_string(&path).unwrap_or_default();
    let said = all();
    if read != said {
        let fresh = std::env::temp_dir().join("smol-wf-messages.txt");
        std::fs::write(&fresh, &said).unwrap();
        let differs = read.lines().zip(said.lines()).find(|(read, said)| read != said);
        panic!(
            "messages differ from {}, first in {differs:#?}; read {} and put it there",
            path.display(),
            fresh.display()
        );
    }
}

#[test]
fn every_code_has_a_sample_or_is_for_scripts() {
    let text = all();
    let here = Code::ALL.iter().filter(|code| text.contains(&format!("[{code}]")));
    let mut covered: BTreeSet<&str> = here.map(|code| code.word()).collect();
    for code in SAID_TO_SCRIPTS {
        assert!(covered.insert(code.word()), "{code} has a message here");
    }
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !covered.contains(code.word())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
