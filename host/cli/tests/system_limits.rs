//! Limits that the system sets the program: it says which one is in the way and
//! what to type, and dies of none.

mod common;

use std::process::{Command, Stdio};

use common::{Place, Ran, finish, snapshot};

const SCRIPT: &str = "export const meta = { name: 'n', description: 'd' }
for (let i = 0; i < 20; i++) await agent('x'.repeat(50000) + i)
return 1
";

/// A run below this limit of a shell.
fn limited(place: &Place, limit: &str) -> Ran {
    place.write("s.mjs", SCRIPT);
    let run = place.command(&["run", "s.mjs"]);
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(place.dir.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in run.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    finish(shell.spawn().unwrap())
}

#[test]
fn the_limit_that_is_in_the_way_is_named() {
    for (limit, code, says) in [
        ("-n 12", 1, &["only 12 files may be open", "ulimit -n 1024", "[limit_open_files]"][..]),
        ("-n 6", 1, &["only 6 files may be open", "ulimit -n 1024"]),
        (
            "-v 2000000",
            1,
            &["Cannot allocate memory", "1953 MiB of addresses (ulimit -v)", "ulimit -v unlimited"],
        ),
        // Before the database can be made, and while it grows.
        ("-f 20", 3, &["no larger than 20 KiB here (ulimit -f)", "ulimit -f unlimited"]),
        ("-f 200", 1, &["no larger than 200 KiB here (ulimit -f)", "ulimit -f unlimited"]),
    ] {
        let ran = limited(&Place::new(), limit);
        assert!(!ran.stderr.contains("panicked"), "{limit}: {}", ran.stderr);
        ran.fails(code, says);
    }
}

#[test]
fn what_is_enough_is_not_refused() {
    for limit in ["-n 32", "-v 8000000", "-Sn 20"] {
        assert_eq!(limited(&Place::new(), limit).ok()["results"], 1, "{limit}");
    }
}

#[test]
fn a_database_that_may_not_grow_keeps_what_it_has() {
    let place = Place::new();
    let cut = limited(&place, "-f 1500");
    snapshot!(cut.said(3), "system-limits-database-may-not");
    assert!(!cut.stderr.contains("panicked"), "{}", cut.stderr);
    assert_eq!(place.run(&["resume", "latest"]).ok()["results"], 1);
}
