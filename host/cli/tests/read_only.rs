//! A database on a file system that may only be read: looked at as any other.
//!
//! Needs the right to mount; where it is missing nothing is tested, which is said
//! and is a failure in CI.
#![cfg(target_os = "linux")]

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::Place;

/// A mounted file system, unmounted at the end.
struct Mount(PathBuf);

impl Mount {
    fn at(path: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let mount = Self(path);
        mount.run("mount", &["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).then_some(mount)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let done = Command::new(program).args(arguments).arg(&self.0).output();
        done.is_ok_and(|done| done.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.run("umount", &["-l"]);
    }
}

#[test]
fn commands_that_look_work_and_those_that_write_say_why_not() {
    let place = Place::new();
    let Some(mount) = Mount::at(place.path("disk")) else {
        assert!(std::env::var_os("CI").is_none(), "skipped: no right to mount a file system");
        return eprintln!("skipped: no right to mount a file system");
    };
    let db = place.path("disk/runs.db");
    let db = db.to_str().unwrap();
    place.write(
        "s.mjs",
        "export const meta = { name: 'n', description: 'd' }\nreturn [await agent('a'), await agent('b')]\n",
    );
    let over = place.run(&["run", "s.mjs", "--db", db]).run_id();
    let paused = place.run(&["run", "s.mjs", "--max-agents", "1", "--db", db]).run_id();
    assert!(mount.run("mount", &["-o", "remount,ro"]));
    // Twice: what the first look made of the journals could not be kept.
    for _ in 0..2 {
        let listed = place.run(&["history", "-o", "json", "--db", db]).ok();
        assert_eq!(listed["runs"].as_array().unwrap().len(), 2);
        assert_eq!(listed["runs"][0]["state"], "paused");
    }
    assert_eq!(place.run(&["history", &over, "--db", db]).ok()["runId"], over.as_str());
    place.run(&["history", "usage", "--db", db]).fails(0, &[]);
    assert_eq!(place.run(&["replay", &over, "--db", db]).ok()["equal"], true);
    place.run(&["export", &over, "--format", "jsonl", "--db", db]).fails(0, &[]);
    place.run(&["export", &over, "--fixture", "x.swf", "--db", db]).fails(0, &[]);
    place.run(&["diff", &over, &paused, "--db", db]).fails(1, &[]);
    for args in [
        &["resume", &paused, "--max-agents", "9"][..],
        &["fork", &over],
        &["history", "delete", &over],
        &["history", "delete", "--all", "--yes"],
        &["run", "s.mjs"],
    ] {
        place
            .run(&[args, &["--db", db]].concat())
            .fails(3, &["runs.db cannot be written", "[store_not_writable]"]);
    }
}
