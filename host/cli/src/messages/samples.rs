//! A sample of each error.
//!
//! Owns: the values. Never: the messages; the errors and `advice` have them.

use std::io;
use std::path::PathBuf;

use serde_json::json;
use smol_wf_core::archive::ArchiveError;
use smol_wf_core::args_schema::{ArgsMisfit, ArgsSchema};
use smol_wf_core::budget::Allowance;
use smol_wf_core::codes::{Code, Limit};
use smol_wf_core::gate::{AnswerRefusal, AskKind, AskRequest, check_answer};
use smol_wf_core::guest::ScriptError;
use smol_wf_core::ids::{RunId, StepId, TenantId};
use smol_wf_core::journal::JournalError;
use smol_wf_core::limits::LimitError;
use smol_wf_core::mismatch::{FieldDiff, Mismatch};
use smol_wf_core::script::{NotErasable, Script, StripFault};
use smol_wf_core::selector::Selector;
use smol_wf_core::stop::StopReason;
use smol_wf_engine::{
    EngineError, FixtureError, ForkError, LibraryError, SandboxError, StoreError, WorktreeError,
    WriterGone,
};
use smol_wf_sandbox::TurnFault;
use smol_wf_store::{FileChange, RunKey};

use super::posts;
use crate::advice;
use crate::config::{ConfigError, FilePosition};
use crate::failure::{CommandError, FileError};
use crate::system_limits;
use crate::workflow_args::{ArgsError, SourceError};

/// Kinds of errors, and a message of each error.
pub(super) fn all() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("Limits and other stops of a run", stops()),
        ("Messages to runs", posts::all()),
        ("The database", store().into_iter().map(|error| of(error.into())).collect()),
        ("Answers to questions", answers()),
        ("Journals and archives", journals()),
        ("Fixtures", fixtures().into_iter().map(|error| of(error.into())).collect()),
        (
            "Scripts that cannot be had",
            library().into_iter().map(|error| of(error.into())).collect(),
        ),
        ("Scripts that cannot be read", scripts()),
        ("Forks", forks().into_iter().map(|error| of(error.into())).collect()),
        ("Runs and requests", engine().into_iter().map(of).collect()),
        ("Worktrees", worktrees().into_iter().map(|error| of(error.into())).collect()),
        ("Settings", config().into_iter().map(|error| said(&error.into())).collect()),
        ("Arguments", args().into_iter().map(|error| said(&error.into())).collect()),
        ("Files and commands", commands().iter().map(said).collect()),
        ("The system", vec![system_limits::too_few_files(20)]),
    ]
}

fn said(error: &CommandError) -> String {
    error.sentence()
}

fn of(error: EngineError) -> String {
    said(&error.into())
}

fn run() -> RunId {
    RunId::from_bits(1)
}

fn key() -> RunKey {
    RunKey { tenant: TenantId::local(), run: run() }
}

fn path() -> PathBuf {
    "/w/runs.db".into()
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "permission denied")
}

fn reason() -> String {
    "REASON".to_owned()
}

fn stops() -> Vec<String> {
    let (usd, tokens) = (Allowance::UsdMicros, Allowance::OutputTokens);
    let limits = [
        LimitError::Fuel { used: 100, limit: 100 },
        LimitError::TurnFuel { limit: 10 },
        LimitError::TurnTime { limit_ms: 60_000, used: 5 },
        LimitError::Memory { limit_mib: 256 },
        LimitError::Stack,
        LimitError::Agents { limit: 1, started: 1, asked: 2 },
        LimitError::Budget { spent: usd(1_200_000), budget: usd(1_000_000) },
        LimitError::Budget { spent: tokens(700), budget: tokens(500) },
        LimitError::Unpriced { steps: 1 },
        LimitError::Unmetered { steps: 2 },
        LimitError::Notes { limit: 10_000 },
        LimitError::TurnBytes { limit: 1_000 },
        LimitError::Journal { limit_mib: 64 },
        LimitError::Result { bytes: 20, limit: 10 },
    ];
    let held = |code, message: &str| StopReason::held(code, message.to_owned());
    let others = [
        StopReason::TimedOut { limit_ms: 1_500 },
        StopReason::Paused { by: "ann".to_owned() },
        StopReason::WaitingForAnswer { asks: 1 },
        StopReason::WaitingForAnswer { asks: 2 },
        held(Code::NoAgent, "step 1 (`a`) names no agent"),
        StopReason::held(
            Code::CwdGone,
            EngineError::CwdGone { path: "/w/gone".into(), run: Some(run()) }.to_string(),
        ),
        StopReason::held(Code::ProjectGone, LibraryError::NoProject.to_string()),
    ];
    let reasons = limits.into_iter().map(StopReason::from).chain(others);
    reasons.map(|reason| format!("{} [{}]", advice::of_stop(&reason), reason.code())).collect()
}

fn answers() -> Vec<String> {
    let step = StepId(3);
    let request = AskRequest::plain(AskKind::Approve, "Deploy?");
    let refusals = [
        AnswerRefusal::Unknown { step },
        AnswerRefusal::Answered { step },
        AnswerRefusal::Changed { step, digest: request.digest() },
    ];
    let unfit = check_answer(&request, r#"{"approved":"yes","by":"me"}"#).err();
    let refusals = refusals.into_iter().chain(unfit);
    refusals.map(|refusal| format!("{refusal} [{}]", refusal.code())).collect()
}

fn store() -> Vec<StoreError> {
    let replaced = |how| StoreError::Replaced { path: path(), file: "/w/runs.db-wal".into(), how };
    vec![
        StoreError::Newer { found: 9, supported: 4, path: path() },
        StoreError::Foreign { path: path() },
        StoreError::Altered { path: path(), what: "a trigger `t`".to_owned() },
        replaced(FileChange::Deleted),
        replaced(FileChange::Replaced),
        replaced(FileChange::Cut),
        StoreError::IsDirectory { path: "/w".into() },
        StoreError::NotAFile { path: "/dev/null".into() },
        StoreError::NotWritable { path: path(), reason: reason() },
        StoreError::NewestInLog { path: path() },
        StoreError::OlderTables { path: path() },
        StoreError::Corrupt { path: path(), reason: reason() },
        StoreError::DiskFull { path: path() },
        StoreError::Busy { path: path() },
        StoreError::OlderHolder { path: path(), run: run().to_string(), owner: "OWNER".to_owned() },
        StoreError::Io { path: path(), reason: reason() },
        StoreError::OldSqlite { found: 3_007_000 },
        StoreError::Internal { path: path(), reason: reason() },
        StoreError::RunExists { key: key() },
        StoreError::NoSuchRun { key: key() },
        StoreError::LeaseHeld { key: key(), owner: "OWNER".to_owned() },
        StoreError::LeaseLost { key: key(), owner: "OWNER".to_owned(), fence: 3 },
        StoreError::OutOfSequence { key: key(), entries: 5, first_seq: 9 },
        StoreError::Damaged { key: key(), reason: reason() },
        StoreError::Invalid { key: key(), reason: reason() },
        StoreError::InboxFull { key: key(), max: 10_000 },
        StoreError::MessageTooLarge { key: key(), bytes: 6_000_000, max: 5_242_880 },
    ]
}

fn journal_errors() -> [JournalError; 4] {
    [
        JournalError::Newer { found: 99 },
        JournalError::Unreadable { seq: 4, reason: reason() },
        JournalError::Changed { seq: 4 },
        JournalError::OutOfOrder { seq: 4, found: "settled", reason: "REASON" },
    ]
}

fn journals() -> Vec<String> {
    let read = journal_errors().map(|error| of(EngineError::Journal { run: run(), error }));
    let archives = [
        ArchiveError::NotAJournal { line: 1, reason: reason() },
        ArchiveError::Newer { found: 99 },
        ArchiveError::Incomplete { said: 9, tip: "0123456789abcdef".to_owned(), found: 7 },
        ArchiveError::Journal(JournalError::Changed { seq: 4 }),
        ArchiveError::OtherRun { run: run() },
    ];
    let archives = archives.map(|error| said(&CommandError::Archive("/w/run.jsonl".into(), error)));
    read.into_iter()
        .chain(archives)
        .chain([of(EngineError::ImportConflict { run: run() })])
        .collect()
}

fn mismatch() -> Mismatch {
    Mismatch {
        seq: 7,
        step: Some(StepId(2)),
        recorded: "{…}".to_owned(),
        now: "{…}".to_owned(),
        fields: vec![FieldDiff {
            field: "request.prompt".to_owned(),
            recorded: Some("a".to_owned()),
            now: Some("b".to_owned()),
        }],
    }
}

fn fixtures() -> Vec<FixtureError> {
    let place = || PathBuf::from("/w/other/s.js");
    let project = || PathBuf::from("/w/app");
    let not_json = serde_json::from_str::<u8>("x").unwrap_err();
    vec![
        FixtureError::Newer { found: 99 },
        FixtureError::NotAFixture,
        FixtureError::Unreadable { line: 3, reason: reason() },
        FixtureError::Changed { line: 3 },
        FixtureError::ScriptGone { path: "/w/s.js".to_owned() },
        FixtureError::ScriptPiped,
        FixtureError::Unacceptable { what: "script", path: place(), project: project() },
        FixtureError::Outside { what: "script", path: "../s.js".to_owned(), project: project() },
        FixtureError::Journal(JournalError::Changed { seq: 4 }),
        FixtureError::Entry(not_json),
        FixtureError::Rules { reason: reason() },
        FixtureError::Kept { reason: reason() },
        FixtureError::NotOver { run: run() },
        FixtureError::Running { run: run() },
        FixtureError::TooLarge { run: run() },
        FixtureError::Rule { rule: "(".to_owned(), reason: reason() },
        FixtureError::Redaction { run: run(), mismatch: mismatch() },
    ]
}

fn library() -> Vec<LibraryError> {
    let path = || "a/b.js".to_owned();
    let unknown = |similar: &[&str], known: &[&str]| LibraryError::NameUnknown {
        name: "reveiw".to_owned(),
        looked: vec![".agents/workflows".to_owned()],
        similar: similar.iter().map(|&name| name.to_owned()).collect(),
        known: known.iter().map(|&name| name.to_owned()).collect(),
    };
    vec![
        LibraryError::PathInvalid { path: path(), reason: "REASON" },
        LibraryError::Outside { path: path() },
        LibraryError::LinkOutside { path: path() },
        LibraryError::Foreign { path: path(), uid: 1_000 },
        LibraryError::NoProject,
        LibraryError::NotFound { path: path() },
        LibraryError::NotAFile { path: path(), kind: "a folder" },
        LibraryError::TooLarge { path: path() },
        LibraryError::NameInvalid { name: "a b".to_owned(), reason: reason() },
        unknown(&["review"], &["review", "plan"]),
        unknown(&[], &["review", "plan"]),
        LibraryError::Io { path: path(), error: refused() },
    ]
}

/// The message about each way in which a script cannot be read.
fn scripts() -> Vec<String> {
    let deep = format!("export const meta = {{ name: 'w', a: {}1 }}", "[".repeat(200));
    let texts: [&[u8]; 14] = [
        &vec![b' '; smol_wf_core::limits::SCRIPT_BYTES_MAX + 1],
        b"\xff\xfe",
        b"a\0b",
        b" \n",
        b"/* no end",
        b"return 1",
        b"const meta = { name: 'w', description: 'd' }",
        b"{ const meta = { name: 'w', description: 'd' } }",
        b"export let meta = { name: 'w', description: 'd' }",
        b"export const meta = { name: 'w' }\nexport const meta = { name: 'v' }",
        b"export const meta = { name: f() }",
        b"export const meta = { name: 'w' } as const",
        deep.as_bytes(),
        b"export const meta = { description: 'd' }",
    ];
    let mut messages = Vec::new();
    for text in texts {
        let error = Script::read(text, "s.js").map(|script| script.text).unwrap_err();
        messages.push(of(EngineError::Script(Box::new(error))));
    }
    let faults = [
        StripFault::Syntax { at: 6, message: "Unexpected token".to_owned() },
        StripFault::NotErasable { at: 0, what: NotErasable::Enum },
        StripFault::TooMuch { at: None },
        StripFault::Broken { detail: reason() },
    ];
    let erased = faults.map(|fault| fault.with_position("const a: = 1", "s.ts"));
    messages.extend(erased.map(|error| of(EngineError::Script(Box::new(error)))));
    messages
}

fn forks() -> Vec<ForkError> {
    let (step, from) = (StepId(2), StepId(9));
    let not_json =
        |text: &str| ForkError::NotJson { step, reason: reason(), text: text.to_owned() };
    vec![
        ForkError::NoSuchStep { run: run(), from, last: 0 },
        ForkError::NoSuchStep { run: run(), from, last: 3 },
        ForkError::NotAnAgent { run: run(), step },
        ForkError::NeedsSession { step, by: StepId(3) },
        ForkError::TwoAnswers { step },
        not_json("plain text"),
        not_json("{\"a\":"),
        ForkError::Schema { step, reason: reason() },
        ForkError::Mismatch { step, reason: reason() },
    ]
}

fn engine() -> Vec<EngineError> {
    let lowered = |limit, recorded: &str, asked: &str| EngineError::LimitLowered {
        run: run(),
        limit,
        recorded: recorded.to_owned(),
        asked: asked.to_owned(),
    };
    let model =
        |is_alias| EngineError::Model { is_alias, error: Selector::parse("a?b").unwrap_err() };
    let compile = ScriptError {
        code: Code::Syntax.into(),
        name: "SyntaxError".to_owned(),
        message: "REASON".to_owned(),
        file: None,
        line: 1,
        column: 1,
        stack: String::new(),
        failure: None,
    };
    let mut all = vec![
        EngineError::RowChanged { run: run(), what: "name" },
        EngineError::Mismatch { run: run(), mismatch: mismatch() },
        EngineError::UnknownRun { asked: "run_9".to_owned() },
        EngineError::NoRunHere { project: "/w".into(), newest: run(), folder: "/v".into() },
        EngineError::AmbiguousRun { asked: "run_0".to_owned(), runs: vec![run(); 7] },
        EngineError::Held { run: run(), owner: "OWNER".to_owned() },
        EngineError::InUse { run: run(), owner: "OWNER".to_owned() },
        EngineError::LeaseLost { run: run() },
        EngineError::ShuttingDown,
        lowered(Limit::Fuel, "200", "100"),
        lowered(Limit::Memory, "200", "100"),
        lowered(Limit::Agents, "2", "1"),
        lowered(Limit::Journal, "200", "100"),
        lowered(Limit::Budget, "$2.00", "$1.00"),
        EngineError::NoBudget { run: run() },
        EngineError::CwdGone { path: "/w/gone".into(), run: None },
        EngineError::CwdGone { path: "/w/gone".into(), run: Some(run()) },
        EngineError::PathNotUtf8 { path: "/w/x".into() },
        model(true),
        model(false),
        EngineError::DebugRule { reason: reason() },
        EngineError::Request { message: reason() },
        EngineError::Args(misfit()),
        EngineError::System { doing: "read the clock", error: refused() },
        EngineError::WriterGone(WriterGone),
        EngineError::Compile {
            error: Box::new(compile),
            text: "x".to_owned(),
            file_name: "s.js".to_owned(),
        },
        SandboxError::Setup { detail: reason() }.into(),
        SandboxError::Full { instances_max: 64 }.into(),
        SandboxError::Instance { detail: reason() }.into(),
    ];
    let faults = [
        TurnFault::OutOfFuel,
        TurnFault::Memory,
        TurnFault::Stack,
        TurnFault::Oversize,
        TurnFault::Stopped(LimitError::Stack.into()),
        TurnFault::HostMemory,
        TurnFault::Crashed { detail: reason() },
        TurnFault::Spent,
    ];
    all.extend(faults.map(|fault| SandboxError::Inspect(fault).into()));
    all
}

fn worktrees() -> Vec<WorktreeError> {
    vec![
        WorktreeError::NotARepository { path: "/w".into() },
        WorktreeError::NoCommit { path: "/w".into() },
        WorktreeError::NoGit,
        WorktreeError::NoFolder,
        WorktreeError::BranchTaken { branch: "smol-wf".to_owned() },
        WorktreeError::Git { doing: "make a worktree", said: reason() },
        WorktreeError::File { doing: "remove", path: "/w/x".into(), error: refused() },
    ]
}

fn config() -> Vec<ConfigError> {
    let file = || PathBuf::from("/w/.agents/smol-wf.toml");
    let place = || FilePosition { file: file(), line: 3, column: 5 };
    let name = || "fuell".to_owned();
    vec![
        ConfigError::Unreadable { file: file(), error: refused() },
        ConfigError::Symlink { file: file(), what: "a link" },
        ConfigError::Writable { file: file() },
        ConfigError::TooLarge { file: file(), most: 1_000 },
        ConfigError::Syntax { place: place(), reason: reason() },
        ConfigError::UnknownKey { place: place(), name: name(), similar: None },
        ConfigError::UnknownKey { place: place(), name: name(), similar: Some("fuel".to_owned()) },
        ConfigError::Value { place: place(), name: "fuel".to_owned(), reason: reason() },
        ConfigError::Variable { variable: "SMOL_WF_FUEL", reason: reason() },
        ConfigError::TrustStore { file: file(), doing: "written", error: refused() },
        ConfigError::NoProjectFile { from: "/w/a".into(), to: "/w".into() },
        ConfigError::NoState,
    ]
}

fn misfit() -> ArgsMisfit {
    let schema = json!({
        "type": "object",
        "properties": {"depth": {"type": "integer", "minimum": 1}},
        "required": ["base"],
    });
    let schema = ArgsSchema::of(&schema).unwrap();
    schema.fit(Some(r#"{"depth": "x"}"#)).unwrap_err()
}

fn args() -> Vec<ArgsError> {
    let place = || "/w/args.yaml".to_owned();
    let sources = [
        SourceError::TooLarge { place: place() },
        SourceError::Unreadable { place: place(), error: refused() },
        SourceError::NotUtf8 { place: place(), offset: 7 },
        SourceError::NotParsed { place: place(), format: "YAML", reason: reason() },
    ];
    let mut all: Vec<_> = sources.into_iter().map(ArgsError::File).collect();
    all.extend([
        ArgsError::NotAnObject { place: place(), found: "a list" },
        ArgsError::NotJson { reason: reason(), hint: "HINT".to_owned() },
        ArgsError::NotMergeable { found: "a list" },
        ArgsError::TooLarge { bytes: 9_000_000 },
        ArgsError::Misfit(misfit()),
    ]);
    all
}

fn commands() -> Vec<CommandError> {
    vec![
        FileError::Read { path: "/w/x".into(), error: refused() }.into(),
        FileError::TooLarge { path: "/w/x".into(), bytes_max: 1_000 }.into(),
        FileError::Exists { paths: vec!["/w/x".to_owned()] }.into(),
        FileError::Write { path: "/w/x".into(), error: refused() }.into(),
        FileError::Temporary { folder: "/tmp".into(), error: refused() }.into(),
        CommandError::NoDatabase { path: path(), asked: "latest".to_owned() },
        CommandError::NoAgent,
        CommandError::NoStep { run: run(), step: StepId(7), last: 3 },
        CommandError::NoStep { run: run(), step: StepId(7), last: 0 },
        CommandError::Elsewhere { root: "/w".into(), next: "smol-wf export …".to_owned() },
        refused().into(),
    ]
}
