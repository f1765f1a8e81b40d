//! Runs in the background, with an agent that answers when the test says so.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Place, Ran, finish, until};

pub const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Answers once the file `go` is there. Its activity names the prompt, and its process is
/// in the file `go.pids`.
const AGENT: &str = r#"#!/bin/sh
prompt=$(cat)
echo $$ >> "$GO.pids"
echo "looks at $prompt" >&2
until [ -e "$GO" ]; do sleep 0.02; done
echo "answer to $prompt"
"#;

/// A place whose runs may be in the background. They end with it.
pub struct Background {
    pub place: Place,
}

impl Background {
    /// A place with the script `s.mjs`, which has this body.
    pub fn new(body: &str) -> Self {
        let place = Place::new();
        let agent = place.write("home/.config/smol-workflows/agent.sh", AGENT);
        std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).unwrap();
        let file = "provider = 'mine'\n[providers.mine]\nkind = 'command'\n\
            command = ['./agent.sh']\nenv_allow = ['GO']\n";
        place.write("home/.config/smol-workflows/config.toml", file);
        place.write("s.mjs", format!("{META}{body}\n"));
        Self { place }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.at_home(args);
        command.env("SMOL_WF_DB", self.place.db()).env("GO", self.place.path("go"));
        command
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        finish(self.start(args))
    }

    /// Starts `s.mjs` in the background, and returns the run's id.
    #[track_caller]
    pub fn detach(&self, args: &[&str]) -> String {
        let ran = self.run(&[&["run", "s.mjs", "--detach"], args].concat());
        let run = ran.printed(0).strip_suffix('\n').unwrap().to_owned();
        assert!(run.starts_with("run_") && run.len() == 30, "{run}");
        run
    }

    /// Lets all agents answer, from now on.
    pub fn go(&self) {
        self.place.write("go", "");
    }

    /// The processes of all agents so far.
    pub fn agents(&self) -> Vec<String> {
        let processes = std::fs::read_to_string(self.place.path("go.pids")).unwrap_or_default();
        processes.lines().map(str::to_owned).collect()
    }

    /// The runs that a process holds.
    pub fn held(&self) -> Vec<Value> {
        self.run(&["ps", "--json"]).ok()["runs"].as_array().unwrap().clone()
    }

    /// The process that holds a run.
    #[track_caller]
    pub fn holder(&self, run: &str) -> Pid {
        let held = self.held();
        let row = held.iter().find(|row| row["runId"] == run);
        let row = row.unwrap_or_else(|| panic!("nobody holds {run}: {held:?}"));
        Pid::from_raw(i32::try_from(row["process"].as_i64().unwrap()).unwrap()).unwrap()
    }

    /// Waits until an agent of a run is at work.
    #[track_caller]
    pub fn at_work(&self, run: &str) -> Pid {
        until("an agent is at work", || {
            self.held().iter().any(|row| row["runId"] == run && row["agentsAtWork"] != 0)
        });
        self.holder(run)
    }

    pub fn signal(&self, run: &str, signal: Signal) {
        kill_process(self.holder(run), signal).unwrap();
    }

    /// The state of a run.
    pub fn state(&self, run: &str) -> String {
        let shown = self.run(&["history", run, "--json"]).ok();
        shown["state"].as_str().unwrap().to_owned()
    }

    /// Waits until a run is in this state.
    #[track_caller]
    pub fn until_state(&self, run: &str, state: &str) {
        until(&format!("{run} is {state}"), || self.state(run) == state);
    }

    /// The log of the process that held a run.
    pub fn log(&self, run: &str) -> PathBuf {
        self.place.path("runs.db.logs").join(format!("{run}.log"))
    }

    pub fn log_text(&self, run: &str) -> String {
        std::fs::read_to_string(self.log(run)).unwrap()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Agents end by themselves, and then their runs.
        let _ = std::fs::write(self.place.path("go"), "");
        let listed = self.command(&["ps", "--json"]).stdin(Stdio::null()).output();
        let Ok(listed) = listed.map(|listed| listed.stdout) else { return };
        let Ok(listed) = serde_json::from_slice::<Value>(&listed) else { return };
        for row in listed["runs"].as_array().into_iter().flatten() {
            let process = row["process"].as_i64().and_then(|pid| i32::try_from(pid).ok());
            if let Some(process) = process.and_then(Pid::from_raw) {
                let _ = kill_process(process, Signal::TERM);
            }
        }
    }
}
