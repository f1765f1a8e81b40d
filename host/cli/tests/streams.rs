//! Readers that stop reading: a full pipe, a stuck pager, Ctrl-S. Nothing that a
//! run does may wait for them.

mod common;

use std::io::Read;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, run_id_of, until};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Longest that a signal may take on a machine that is busy; by itself it is
/// some milliseconds, or `STALLED` of the program.
const HEARD: Duration = Duration::from_secs(10);

/// Steps that say more than a pipe of 64 KiB holds, on both streams.
fn talkative(place: &Place, steps: usize) {
    let text = format!(
        "{META}for (let i = 0; i < {steps}; i++) {{ log('l'.repeat(3000)); await agent(`${{i}} ` + 'x'.repeat(3000)) }}\nreturn 'whole'\n"
    );
    place.write("s.mjs", text);
}

struct Stuck {
    child: Child,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

impl Stuck {
    /// Starts a run that nobody reads.
    fn start(place: &Place, args: &[&str]) -> Self {
        let words: Vec<&str> = ["run", "s.mjs"].iter().chain(args).copied().collect();
        let mut child = place.command(&words).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self { child, stdout, stderr }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn code_within(&mut self, longest: Duration) -> Option<i32> {
        let started = Instant::now();
        while started.elapsed() < longest {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Reads what there is, to the end.
    fn read(mut self) -> (i32, String, String) {
        let mut stderr = self.stderr;
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            stderr.read_to_end(&mut said).unwrap();
            String::from_utf8(said).unwrap()
        });
        let mut out = Vec::new();
        self.stdout.read_to_end(&mut out).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, String::from_utf8(out).unwrap(), said.join().unwrap())
    }
}

/// Kinds of the journal's entries, while another process writes it.
fn kinds(place: &Place) -> Vec<String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let Ok(connection) = Connection::open_with_flags(place.db(), flags) else { return Vec::new() };
    let Ok(mut statement) = connection.prepare("SELECT kind FROM journal ORDER BY run, seq") else {
        return Vec::new();
    };
    let rows = statement.query_map([], |row| row.get(0));
    rows.map(|rows| rows.flatten().collect()).unwrap_or_default()
}

fn count(kinds: &[String], kind: &str) -> usize {
    kinds.iter().filter(|found| *found == kind).count()
}

/// The lines of a stream that are in the journal; others carry the number of the
/// one before them.
fn durable(stream: &str) -> Vec<(u64, &str)> {
    let mut lines: Vec<(u64, &str)> = Vec::new();
    for line in stream.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let seq = event["seq"].as_u64().unwrap();
        let is_fleeting = lines.last().is_some_and(|(before, _)| *before == seq);
        assert!(!is_fleeting || event["type"] == "workflow.agent_event", "{seq}");
        if !is_fleeting {
            lines.push((seq, line));
        }
    }
    lines
}

/// The stream of a run that was read live is that of its journal.
#[track_caller]
fn is_whole(place: &Place, run: &str, stream: &str) {
    let exported = place.run(&["export", run, "--format", "jsonl"]).stdout;
    let (live, stored) = (durable(stream), durable(&exported));
    assert_eq!(live.len(), stored.len());
    for (position, (live, stored)) in live.iter().zip(&stored).enumerate() {
        assert_eq!(live.0, position as u64 + 1);
        assert!(live == stored, "event {} differs", live.0);
    }
}

fn is_free(place: &Place) -> bool {
    let listed = place.run(&["history", "-o", "json"]).ok();
    // Whoever holds a run that is over: nobody can tell from its state, but it can
    // be deleted only when nobody holds it.
    listed["runs"][0]["state"] == "completed"
        && !place.run(&["history", "delete", "latest", "--dry-run"]).stderr.contains("not deleted")
}

#[test]
fn a_run_goes_on_and_is_let_go_of_while_nobody_reads_its_events() {
    let place = Place::new();
    talkative(&place, 100);
    let mut stuck = Stuck::start(&place, &["--events", "--log-level", "error"]);
    until("the run ends", || count(&kinds(&place), "run_ended") == 1);
    until("the lease is given back", || is_free(&place));
    assert_eq!(stuck.child.try_wait().unwrap(), None, "it waits for its reader");
    let written = kinds(&place);
    assert_eq!(count(&written, "agent_dispatched"), 100, "none was asked twice");
    let (code, out, said) = stuck.read();
    assert_eq!(code, 0, "{said}");
    is_whole(&place, "latest", &out);
    let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(last["data"]["result"], "whole");
}

#[test]
fn a_run_goes_on_while_nobody_reads_its_progress_and_says_what_was_left_out() {
    let place = Place::new();
    // More than the pipe and the queue hold.
    talkative(&place, 600);
    let stuck = Stuck::start(&place, &[]);
    until("the run ends", || count(&kinds(&place), "run_ended") == 1);
    until("the lease is given back", || is_free(&place));
    let (code, out, said) = stuck.read();
    assert_eq!(code, 0, "{said}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["results"], "whole");
    assert!(said.starts_with("run run_"), "{said}");
    let left_out: Vec<&str> =
        said.lines().filter(|line| line.contains("lines of progress left out")).collect();
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    let number: usize = left_out[0].split(' ').nth(1).unwrap().replace(',', "").parse().unwrap();
    // A log, a start and an end of each step.
    let shown = said.lines().filter(|line| line.starts_with('[')).count();
    assert_eq!(shown + number, 1_800, "{left_out:?}");
}

#[test]
fn a_signal_is_heard_while_nobody_reads() {
    for flags in [
        &["--events", "--debug-rule", "prompt:60 *=delay:60s"][..],
        &["--debug-rule", "prompt:60 *=delay:60s"],
    ] {
        let place = Place::new();
        talkative(&place, 100);
        let mut stuck = Stuck::start(&place, flags);
        until("it gets to the slow agent", || count(&kinds(&place), "agent_dispatched") == 61);
        stuck.signal("-TERM");
        assert_eq!(stuck.code_within(HEARD), Some(143), "{flags:?}");
        let written = kinds(&place);
        assert_eq!(written.last().unwrap(), "attempt_ended", "{flags:?}");
        assert_eq!(count(&written, "settled"), 60);
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_reader() {
    for flags in [&["--events"][..], &["--log-level", "error"]] {
        let place = Place::new();
        let text = format!("{META}await agent('x'.repeat(300000))\nreturn 'y'.repeat(300000)\n");
        place.write("s.mjs", text);
        let mut stuck = Stuck::start(&place, flags);
        until("the run ends", || count(&kinds(&place), "run_ended") == 1);
        until("the lease is given back", || is_free(&place));
        assert_eq!(stuck.child.try_wait().unwrap(), None);
        stuck.signal("-TERM");
        assert_eq!(stuck.code_within(HEARD), Some(143), "{flags:?}");
    }
}

#[test]
fn a_reader_that_is_slow_after_a_signal_loses_nothing() {
    let place = Place::new();
    talkative(&place, 100);
    let mut stuck = Stuck::start(
        &place,
        &["--events", "--debug-rule", "prompt:60 *=delay:60s", "--log-level", "error"],
    );
    until("it gets to the slow agent", || count(&kinds(&place), "agent_dispatched") == 61);
    stuck.signal("-TERM");
    let mut out = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let read = stuck.stdout.read(&mut part).unwrap();
        if read == 0 {
            break;
        }
        out.extend_from_slice(&part[..read]);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(stuck.code_within(HEARD), Some(143));
    let out = String::from_utf8(out).unwrap();
    let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "workflow.stopped");
}

/// A parent such as Node hands down pipes that do not block.
#[test]
fn a_pipe_that_does_not_block_is_waited_for() {
    let place = Place::new();
    let logs = "for (let i = 0; i < 200; i++) log('l'.repeat(2000))";
    place.write("s.mjs", format!("{META}{logs}\nreturn 'y'.repeat(3500000)\n"));
    let reads = r"
import os, subprocess, sys, time
out, out_write = os.pipe()
err, err_write = os.pipe()
for end in (out_write, err_write):
    os.set_blocking(end, False)
child = subprocess.Popen(sys.argv[1:], stdout=out_write, stderr=err_write, stdin=subprocess.DEVNULL)
os.close(out_write), os.close(err_write)
time.sleep(1)
import threading
def drain(end, into):
    while part := os.read(end, 65536):
        into.append(part)
said, told = [], []
thread = threading.Thread(target=drain, args=(err, said))
thread.start()
drain(out, told)
thread.join()
print(child.wait(), len(b''.join(told)), b''.join(said).count(b'[log] '))
";
    let mut command = place.command(&["run", "s.mjs"]);
    let program = command.get_program().to_owned();
    let script = place.write("read.py", reads);
    let mut python = Command::new("python3");
    python.arg(script).arg(program).args(command.get_args()).current_dir(place.dir.path());
    for (name, value) in command.env("X", "1").get_envs() {
        python.env(name, value.unwrap_or_default());
    }
    let done = python.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let words: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(words[0], "0", "{said} {}", String::from_utf8_lossy(&done.stderr));
    assert!(words[1].parse::<usize>().unwrap() > 3_500_000, "{said}");
    assert_eq!(words[2], "200", "{said}");
}

#[test]
fn a_resumed_run_tells_its_whole_stream_once() {
    let place = Place::new();
    talkative(&place, 5);
    let first = place.run(&["run", "s.mjs", "--max-agents", "3"]);
    assert_eq!(first.code, 5, "{}", first.stderr);
    let run = run_id_of(&first.stderr);
    let resumed = place.run(&["resume", &run, "--events", "--max-agents", "9"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    is_whole(&place, &run, &resumed.stdout);
}

/// Ctrl-S, or a terminal behind a connection that hangs: the lines that move must
/// not hold the run either.
#[test]
fn a_terminal_that_takes_nothing_holds_nothing_up() {
    let place = Place::new();
    talkative(&place, 60);
    let reads = r#"
import os, pty, sqlite3, subprocess, sys, threading, time
master, slave = pty.openpty()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=slave, stdin=subprocess.DEVNULL)
os.close(slave)
told = []
thread = threading.Thread(target=lambda: told.append(child.stdout.read()))
thread.start()
ends, over = time.monotonic() + 90, 0
while not over and time.monotonic() < ends:
    time.sleep(0.05)
    try:
        over = sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM journal WHERE kind = 'run_ended'").fetchone()[0]
    except sqlite3.Error:
        pass
waits = child.poll() is None
said = b''
try:
    while part := os.read(master, 65536):
        said += part
except OSError:
    pass
thread.join()
print(child.wait(), over, waits, b'\x1b[K' in said, b'whole' in told[0])
"#;
    let mut command = place.command(&["run", "s.mjs"]);
    let program = command.get_program().to_owned();
    let script = place.write("read.py", reads);
    let mut python = Command::new("python3");
    python.arg(script).arg(place.db()).arg(program).args(command.get_args());
    python.current_dir(place.dir.path()).env_remove("CI");
    for (name, value) in command.env("TERM", "xterm").get_envs() {
        python.env(name, value.unwrap_or_default());
    }
    let done = python.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(said.trim(), "0 1 True True True", "{}", String::from_utf8_lossy(&done.stderr));
}
