//! The program in a real terminal.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::Place;

/// A terminal of its own, with a command of the program in it.
pub struct Screen {
    socket: PathBuf,
}

impl Screen {
    pub fn of(place: &Place, arguments: &str) -> Self {
        Self::sized(place, arguments, 80, 45)
    }

    pub fn sized(place: &Place, arguments: &str, columns: u32, rows: u32) -> Self {
        Self::with(place, arguments, (columns, rows), &[])
    }

    /// With these variables as well.
    pub fn with(
        place: &Place,
        arguments: &str,
        (columns, rows): (u32, u32),
        variables: &[(&str, &str)],
    ) -> Self {
        let socket = place.path("tmux");
        let binary = env!("CARGO_BIN_EXE_smol-wf");
        let line = format!("{binary} {arguments}; sleep 60");
        let screen = Self { socket };
        let mut tmux = screen.tmux(&["-u", "-f", "/dev/null", "new-session", "-d"]);
        tmux.args(["-x", &columns.to_string(), "-y", &rows.to_string(), &line])
            .current_dir(place.dir.path())
            .env_remove("CI")
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env("SMOL_WF_DB", place.db())
            .env("SMOL_WF_AGENT_PROVIDER", "debug")
            .envs(variables.iter().copied());
        assert!(tmux.status().unwrap().success());
        screen
    }

    pub fn tmux(&self, arguments: &[&str]) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(&self.socket).args(arguments);
        tmux
    }

    /// Types these keys, as tmux names them.
    pub fn press(&self, keys: &[&str]) {
        let mut all = vec!["send-keys"];
        all.extend(keys);
        assert!(self.tmux(&all).status().unwrap().success());
    }

    pub fn lines(&self) -> Vec<String> {
        let shown = self.tmux(&["capture-pane", "-p", "-S", "-"]).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).trim_end().lines().map(str::to_owned).collect()
    }

    #[track_caller]
    pub fn once(&self, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
        Self::wait(|| self.lines(), holds)
    }

    /// As [`Self::once`], of what is on the screen, without what has scrolled away.
    #[track_caller]
    pub fn once_visible(&self, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
        let visible = || {
            let shown = self.tmux(&["capture-pane", "-p"]).output().unwrap();
            String::from_utf8_lossy(&shown.stdout).trim_end().lines().map(str::to_owned).collect()
        };
        Self::wait(visible, holds)
    }

    #[track_caller]
    fn wait(look: impl Fn() -> Vec<String>, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
        for _ in 0..600 {
            let lines = look();
            if holds(&lines) {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{:#?}", look());
    }

    /// Waits until the last line begins so.
    #[track_caller]
    pub fn at(&self, last: &str) -> Vec<String> {
        self.once(|lines| lines.last().is_some_and(|line| line.starts_with(last)))
    }

    #[track_caller]
    pub fn ends(&self) -> Vec<String> {
        // The last that a command prints is what to type next.
        self.once(|lines| {
            let next = ["its steps: smol-wf", "resume: smol-wf"];
            lines.iter().any(|line| next.iter().any(|next| line.starts_with(next)))
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).status();
    }
}

/// How many of these lines contain this.
pub fn count(lines: &[String], part: &str) -> usize {
    lines.iter().filter(|line| line.contains(part)).count()
}
