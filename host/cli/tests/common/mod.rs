//! The program, run as a user runs it: own folder, own database, own state.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_macros,
    reason = "each test file uses its part"
)]

#[cfg(unix)]
pub mod background;
#[cfg(unix)]
pub mod client;
pub mod schemas;
#[cfg(unix)]
pub mod screen;
pub mod snapshots;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use snapshots::snapshot;

/// Longest that any one run in the tests may take before it counts as hung.
const HUNG: Duration = Duration::from_secs(120);

/// A place to run in.
pub struct Place {
    pub dir: tempfile::TempDir,
}

/// What a run came to.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn db(&self) -> PathBuf {
        self.path("runs.db")
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The command, with nothing of the tester's environment in it.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_by(&[], args)
    }

    /// The command without the rights that root has over all files.
    pub fn unprivileged(&self, args: &[&str]) -> Command {
        let is_root = rustix::process::geteuid().is_root();
        let without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
        self.command_by(if is_root { &without } else { &[] }, args)
    }

    fn command_by(&self, wrapper: &[&str], args: &[&str]) -> Command {
        // What started the tests may ignore signals, as a shell's `&` and `nohup`
        // do, and a program that is started so goes on ignoring them.
        let mut command = Command::new("/usr/bin/env");
        command
            .arg("--default-signal=INT,HUP,QUIT")
            .args(wrapper)
            .arg(env!("CARGO_BIN_EXE_smol-wf"))
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SMOL_WF_DB", self.db())
            .env("SMOL_WF_AGENT_PROVIDER", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The command without any setting, and with a home of its own.
    pub fn at_home(&self, args: &[&str]) -> Command {
        let home = self.path("home");
        std::fs::create_dir_all(&home).unwrap();
        let mut command = self.command(args);
        command.env_remove("SMOL_WF_DB").env_remove("SMOL_WF_AGENT_PROVIDER").env("HOME", home);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args).spawn().unwrap())
    }

    /// Writes a script and runs it.
    pub fn script(&self, text: &str, args: &[&str]) -> Ran {
        self.write("script.mjs", text);
        let all: Vec<&str> = ["run", "script.mjs"].iter().chain(args).copied().collect();
        self.run(&all)
    }
}

/// Waits for a child, and ends it when it hangs.
pub fn finish(mut child: Child) -> Ran {
    let started = Instant::now();
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > HUNG {
            child.kill().unwrap();
            panic!("the program hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let code = status.code().unwrap_or(-1);
    let ran = Ran { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    schemas::check_output(&ran.stdout);
    ran
}

/// Waits until this holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < HUNG, "not within {HUNG:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether it runs. One that has ended and that nobody has waited for does not.
#[cfg(target_os = "linux")]
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[cfg(unix)]
pub fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

fn drain(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8(bytes).expect("output is UTF-8")
    })
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self.report()
    }

    /// What it printed to stdout, and the exit code is this.
    #[track_caller]
    pub fn printed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        &self.stdout
    }

    /// What it said on stderr, and the exit code is this.
    #[track_caller]
    pub fn said(&self, code: i32) -> &str {
        self.printed(code);
        &self.stderr
    }

    /// Checks the exit code, and that stderr says all of this.
    #[track_caller]
    pub fn fails(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        for part in says {
            assert!(self.stderr.contains(part), "no `{part}` in: {}", self.stderr);
        }
    }

    pub fn run_id(&self) -> String {
        run_id_of(&self.stderr)
    }

    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub fn run_id_of(stderr: &str) -> String {
    let first = stderr.lines().next().unwrap_or_default();
    first.split(' ').nth(1).unwrap_or_else(|| panic!("no run id in: {stderr}")).to_owned()
}

/// The folder of the whole project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

pub fn os(text: &str) -> &OsStr {
    OsStr::new(text)
}

/// The records of a run's journal, straight from the database.
pub fn journal(db: &Path, run: &str) -> Vec<Value> {
    let connection = rusqlite::Connection::open(db).unwrap();
    let bodies = "SELECT e.body FROM numbers n JOIN journal e ON e.run = n.number
                  WHERE n.run = ? ORDER BY e.seq";
    let mut statement = connection.prepare(bodies).unwrap();
    let bodies = statement.query_map([run], |row| row.get::<_, String>(0)).unwrap();
    bodies.map(|body| serde_json::from_str(&body.unwrap()).unwrap()).collect()
}
