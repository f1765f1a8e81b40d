//! A journal reads back, and a changed journal is refused.

use super::*;

fn entries() -> Vec<Entry> {
    let log = |message: &str| Body::Logged { scope: Scope::ROOT, message: message.into() };
    [log("a"), log("b"), log("c")]
        .into_iter()
        .zip(10..)
        .map(|(body, at_us)| Entry { at_us, body })
        .collect()
}

fn sealed() -> Vec<Record> {
    let mut chain = Chain::new();
    entries().iter().map(|entry| chain.seal(entry).unwrap()).collect()
}

#[test]
fn a_journal_reads_back() {
    assert_eq!(read(&sealed()).unwrap(), entries());
}

#[test]
fn a_changed_byte_and_a_lost_or_moved_entry_are_found() {
    let mut changed = sealed();
    changed[1].body = changed[1].body.replace("\"b\"", "\"x\"");
    assert_eq!(read(&changed), Err(JournalError::Changed { seq: 1 }));
    let mut lost = sealed();
    lost.remove(0);
    assert_eq!(read(&lost), Err(JournalError::Changed { seq: 0 }));
    let mut moved = sealed();
    moved.swap(1, 2);
    assert_eq!(read(&moved), Err(JournalError::Changed { seq: 1 }));
}

/// Records of these texts, sealed as a program that wrote them would.
fn records(texts: &[&str]) -> Vec<Record> {
    let mut chain = String::new();
    let record = |text: &&str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        chain = Digest::of(format!("{chain}{text}").as_bytes()).as_str().to_owned();
        let kind = value["kind"].as_str().unwrap().to_owned();
        Record { kind, body: (*text).to_owned(), chain: chain.clone() }
    };
    texts.iter().map(record).collect()
}

const HEAD: &str = r#"{"at_us":1,"kind":"run_started","format":2,"run":"run_00000000000000000000000001","name":"n","script":"0000000000000000000000000000000000000000000000000000000000000000","script_path":"/s.js","project_root":"/","seed":1,"provider":"debug"}"#;
const EPOCH: &str = r#"{"at_us":1,"kind":"attempt_started","attempt":1,"limits":{"fuel":1,"memory_mib":1,"agents":1,"parallel_agents":1},"guest":"0000000000000000000000000000000000000000000000000000000000000000"}"#;
const SLEEP_CALLED: &str =
    r#"{"at_us":2,"kind":"sleep_called","call":1,"scope":0,"milliseconds":5.0,"wake_at_us":9}"#;
const SETTLED: &str = r#"{"at_us":9,"kind":"settled","call":1,"outcome":{"value":"null"}}"#;

#[test]
fn entries_of_format_2_are_upgraded() {
    let read = read(&records(&[HEAD, EPOCH, SLEEP_CALLED, SETTLED])).unwrap();
    let kinds: Vec<_> = read.iter().map(|entry| entry.body.kind()).collect();
    assert_eq!(kinds, ["run_started", "attempt_started", "step_asked", "settled"]);
    let Body::EpochStarted { format, .. } = read[1].body else { panic!("{read:?}") };
    assert_eq!(format, 2);
    let (step, asked) = read[2].body.asked().unwrap();
    assert_eq!((step, asked.title().as_str()), (StepId(1), "sleep 0.005 s"));
}

/// The chain covers the text as written, not its upgraded form.
#[test]
fn a_changed_or_cut_entry_of_format_2_is_found() {
    let texts = [HEAD, EPOCH, SLEEP_CALLED, SETTLED];
    let forged = [
        SLEEP_CALLED.replace("5.0", "6.0"),
        // Other texts with the same meaning.
        SLEEP_CALLED.replace("\"call\"", "\"step\""),
        SLEEP_CALLED.replace(":2,", ": 2,"),
    ];
    for text in forged {
        let mut changed = records(&texts);
        changed[2].body = text;
        assert_eq!(read(&changed), Err(JournalError::Changed { seq: 2 }));
    }
    let mut upgraded = records(&texts);
    upgraded[2].kind = "step_asked".into();
    assert_eq!(read(&upgraded), Err(JournalError::Changed { seq: 2 }));
    for lost in 0..3 {
        let mut cut = records(&texts);
        cut.remove(lost);
        assert_eq!(read(&cut), Err(JournalError::Changed { seq: lost as u64 }));
    }
}

#[test]
fn a_run_that_a_newer_program_began_or_resumed_is_refused_as_newer() {
    let newer = |text: &str| text.replacen("{", "{\"format\":6,", 1);
    let head = HEAD.replace("\"format\":2", "\"format\":6");
    let odd = r#"{"at_us":1,"kind":"attempt_started","format":6,"epoch":{}}"#;
    let other = r#"{"at_us":2,"kind":"something_new"}"#;
    for texts in [
        &[head.as_str(), EPOCH][..],
        &[r#"{"at_us":1,"kind":"run_started","format":6}"#],
        &[HEAD, &newer(EPOCH), other],
        &[HEAD, EPOCH, SLEEP_CALLED, odd, other],
        // The form in which this program warns older ones.
        &[HEAD, EPOCH, &head, EPOCH],
    ] {
        assert_eq!(read(&records(texts)), Err(JournalError::Newer { found: 6 }), "{texts:?}");
    }
    let unknown = read(&records(&[HEAD, EPOCH, other])).unwrap_err();
    assert!(matches!(unknown, JournalError::Unreadable { seq: 2, .. }), "{unknown}");
}

#[test]
fn a_second_head_raises_the_format() {
    let raised = HEAD.replace("\"format\":2", "\"format\":3");
    let read = read(&records(&[HEAD, EPOCH, &raised])).unwrap();
    let Body::FormatRaised(head) = &read[2].body else { panic!("{read:?}") };
    assert_eq!((head.format, read[2].body.kind()), (3, "run_started"));
    assert_eq!(serde_json::to_string(&read[2]).unwrap(), raised, "as it is written");
}
