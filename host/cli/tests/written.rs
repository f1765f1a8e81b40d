//! Files that commands write under names that people give: what they replace, what
//! they leave, and what is left of them.

#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::{Place, Ran, finish, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

const FORMS: [&str; 4] = ["jsonl", "journal", "chrome-trace", "otlp-json"];

/// A project with one run of a script.
fn ran() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("s.mjs", format!("{META}return await agent('p')\n"));
    place.run(&["run", "s.mjs"]).ok();
    place
}

fn export(place: &Place, form: &str, to: &str) -> Ran {
    place.run(&["export", "latest", "--format", form, "--out", to])
}

/// A line of a shell that has the program as `$S`.
fn shell(place: &Place, line: &str) -> Output {
    let mut shell = Command::new("bash");
    shell.args(["-c", line]).current_dir(place.dir.path());
    shell.env("S", env!("CARGO_BIN_EXE_smol-wf")).env("SMOL_WF_DB", place.db());
    shell.env("SMOL_WF_AGENT_PROVIDER", "debug").env("HOME", "/nonexistent");
    shell.output().unwrap()
}

#[track_caller]
fn passes(place: &Place, line: &str) -> String {
    let done = shell(place, line);
    let (out, said) = (String::from_utf8(done.stdout), String::from_utf8(done.stderr));
    let (out, said) = (out.unwrap(), said.unwrap());
    assert!(done.status.success(), "{line}: {:?}\n{out}\n{said}", done.status);
    out
}

fn read(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path(file)).unwrap()
}

/// All files of a folder.
fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let files = files.filter(|file| file.file_type().unwrap().is_file());
    let named = files
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()));
    named.filter(|(name, _)| !name.starts_with("runs.db")).collect()
}

#[test]
fn a_mistyped_output_name_destroys_no_file() {
    let place = ran();
    place.run(&["export", "latest", "--fixture", "ok.swf"]).fails(0, &[]);
    let fixture = read(&place, "ok.swf");
    place.write("ok.swf.kept", &fixture);
    place.write("pretty.swf", fixture.replacen("{\"swf\":1,", "{ \"swf\": 1,\n ", 1));
    place.write("page.html", "<!doctype html>\n<html>");
    place.write("pom.xml", "<?xml version=\"1.0\"?>\n<project>");
    place.write("a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    place.write("package.json", "{ \"name\": \"mine\" }");
    place.write("notes", "mine");
    place.write("-dash", "mine");
    place.write("gone.db-wal", "");
    std::fs::copy(place.db(), place.path("gone.db")).unwrap();
    symlink("runs.db", place.path("link.jsonl")).unwrap();
    let before = all(place.dir.path());
    let (out, fix) =
        (["export", "latest", "-f", "jsonl", "--out"], ["export", "latest", "--fixture"]);
    let junit = ["test", "ok.swf", "--junit"];
    let mut said = String::new();
    for (args, file) in [
        (&out[..], "runs.db"),
        (&out, "link.jsonl"),
        (&out, "gone.db-wal"),
        (&out, "ok.swf.kept"),
        (&out, "ok.swf"),
        (&out, "pretty.swf"),
        (&out, "s.mjs"),
        (&out, "package.json"),
        (&out, "notes"),
        (&fix, "runs.db"),
        (&fix, "ok.swf.kept"),
        (&fix, "s.mjs"),
        (&junit, "runs.db"),
        (&junit, "ok.swf"),
        (&junit, "page.html"),
        (&junit, "pom.xml"),
        (&junit, "a.svg"),
        (&junit, "./-dash"),
    ] {
        let ran = place.run(&[args, &[file]].concat());
        assert_ne!(ran.code, 0, "{file}");
        said += &ran.stderr;
    }
    snapshot!(said, "written-not-replaced");
    assert_eq!(all(place.dir.path()), before);
    place.run(&["history", "latest"]).fails(0, &[]);
    // It is as the message says.
    std::fs::remove_file(place.path("notes")).unwrap();
    export(&place, "jsonl", "notes").fails(0, &[]);
}

#[test]
fn what_is_ours_or_empty_is_replaced() {
    let place = ran();
    place.write("empty", "");
    export(&place, "jsonl", "empty").fails(0, &[]);
    for first in FORMS {
        for then in FORMS {
            export(&place, first, "run.out").fails(0, &[]);
            export(&place, then, "run.out").fails(0, &[]);
        }
        // Whoever has set it out anew has not made it another thing.
        let text = format!("\n {}", read(&place, "run.out"));
        place.write("run.out", text.replacen("\": ", "\"  :  ", 1));
        export(&place, first, "run.out").fails(0, &[]);
        assert_eq!(read(&place, "run.out"), export(&place, first, "-").stdout);
    }
    for _ in 0..2 {
        place.run(&["export", "latest", "--fixture", "ok.swf"]).fails(0, &[]);
        place.run(&["test", "ok.swf", "--junit", "report.xml"]).fails(0, &[]);
    }
    let text = read(&place, "report.xml");
    let of_another = text.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\n<!-- mine -->");
    assert_ne!(of_another, text);
    place.write("report.xml", of_another);
    place.run(&["test", "ok.swf", "--junit", "report.xml"]).fails(0, &[]);
    assert!(read(&place, "report.xml").starts_with("<?xml"));
}

#[test]
fn an_open_file_by_its_name_is_not_opened_anew() {
    let place = ran();
    symlink("/dev/stderr", place.path("errors")).unwrap();
    let whole = export(&place, "jsonl", "-").stdout;
    for (name, to) in [
        ("/dev/stdout", "1>>"),
        ("/dev/../dev/stdout", "1>"),
        ("/dev/fd/1", "1>"),
        ("/dev/stderr", "2>"),
        ("/proc/self/fd/2", "2>>"),
        ("errors", "2>"),
        ("/dev/fd/7", "7>"),
        ("/proc/self/fd/12", "12>"),
    ] {
        let _ = std::fs::remove_file(place.path("log"));
        let number = to.trim_end_matches('>');
        let say = |word: &str| format!("echo {word} >&{number}");
        let run = format!("$S export latest --format jsonl --out {name}");
        passes(&place, &format!("exec {to}log; {}; {run}; {}", say("head"), say("tail")));
        let log = read(&place, "log");
        assert!(log.starts_with("head\n") && log.ends_with("\ntail\n"), "{name}: {log}");
        assert!(log.contains(&whole), "{name}: {log}");
    }
    // A pipe is written to, and what another process has open is not cut off.
    let piped = passes(&place, "$S export latest -f jsonl -o /dev/fd/9 9>&1 >/dev/null | cat");
    assert_eq!(piped, whole);
    passes(&place, "exec 5>log; echo head >&5; $S export latest -f jsonl -o /proc/$$/fd/5");
    assert_eq!(read(&place, "log"), format!("head\n{whole}"));
    // One that is written to when agents have been at work is the same.
    passes(&place, "$S export latest --fixture ok.swf");
    place.write("s.mjs", format!("{META}return [await agent('p'), await agent('q')]\n"));
    passes(&place, "$S test --record missing --junit /dev/fd/3 3>report.xml");
    snapshot!(read(&place, "report.xml"), "test-junit-passed");
    // Nothing was inherited under these numbers: the database is under one of them.
    for number in 3..20 {
        let name = format!("/dev/fd/{number}");
        let done = shell(&place, &format!("$S export latest -f jsonl -o {name} {number}>&-"));
        Ran::from(done).fails(3, &[&format!("not started with a descriptor {number}")]);
    }
    place.run(&["history", "latest"]).fails(0, &[]);
}

#[test]
fn a_disk_is_not_written_to() {
    let place = ran();
    // One that does not exist, should it be opened all the same.
    let line = "mknod disk b 240 0 && $S export latest -f jsonl -o disk";
    let done = shell(&place, line);
    let said = String::from_utf8(done.stderr).unwrap();
    let is_refused = said.contains("mknod") && std::env::var_os("CI").is_none();
    assert!(is_refused || said.contains("it is a disk"), "{said}");
}

#[test]
fn a_full_stdout_is_the_same_by_any_name() {
    let place = ran();
    for to in ["", "--out -", "--out /dev/stdout", "--out /proc/self/fd/1"] {
        let done = shell(&place, &format!("$S export latest -f jsonl {to} > /dev/full"));
        insta::allow_duplicates!(snapshot!(Ran::from(done).said(74), @"
        latest is run_1, the last run of /folder
        error: cannot write to stdout: No space left on device (os error 28) [stdout_unwritable]
        "));
    }
}

/// Files that are not whole.
fn unfinished(place: &Place) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(place.dir.path()).unwrap().flatten().map(|file| file.path());
    let is_ours = |path: &std::path::PathBuf| {
        path.file_name().unwrap().to_str().unwrap().starts_with(".smol-wf-")
    };
    files.filter(is_ours).collect()
}

#[test]
fn a_signal_leaves_nothing_of_an_export_and_nobody_reads_it_before() {
    let place = Place::new();
    let long = "const long = 'x'.repeat(100_000)\n";
    let calls = "for (let i = 0; i < 150; i++) await agent(long + i)\n";
    place.script(&format!("{META}{long}{calls}"), &[]).ok();
    export(&place, "journal", "out").fails(0, &[]);
    let before = read(&place, "out");
    for (name, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1)] {
        let until = Instant::now() + Duration::from_secs(100);
        // It may be over before it is seen.
        loop {
            assert!(Instant::now() < until, "no export was seen at work");
            let args = ["export", "latest", "-f", "otlp-json", "--content", "-o", "out"];
            let mut child = place.command(&args).spawn().unwrap();
            let mut seen = None;
            while seen.is_none() && child.try_wait().unwrap().is_none() {
                let file = unfinished(&place).pop();
                seen = file.and_then(|file| file.metadata().ok()).map(|found| found.mode());
            }
            let Some(mode) = seen else {
                place.write("out", &before);
                continue;
            };
            // As the file that it is to replace at the most.
            assert_eq!(mode & 0o777 & !0o644, 0, "{mode:o}");
            assert!(Command::new("kill").args([name, &child.id().to_string()]).status().is_ok());
            let status = child.wait().unwrap();
            if status.success() {
                place.write("out", &before);
                continue;
            }
            assert_eq!(status.signal(), Some(number), "{status:?}");
            // It may have taken its place already when it was ended.
            if read(&place, "out") != before && unfinished(&place).is_empty() {
                place.write("out", &before);
                continue;
            }
            break;
        }
        assert_eq!(unfinished(&place), Vec::<std::path::PathBuf>::new());
        assert_eq!(read(&place, "out"), before);
    }
}

#[test]
fn what_replaces_a_file_has_its_mode_and_all_its_names() {
    let place = ran();
    let mode = |file: &str| place.path(file).metadata().unwrap().mode() & 0o777;
    for (mask, made) in [("027", 0o640), ("077", 0o600), ("000", 0o666)] {
        passes(&place, &format!("umask {mask}; $S export latest -f jsonl -o new.{mask}"));
        assert_eq!(mode(&format!("new.{mask}")), made);
    }
    passes(&place, "umask 0; $S export latest -f journal -o new.077");
    assert_eq!(mode("new.077"), 0o600);
    // A file with two names stays one.
    std::fs::hard_link(place.path("new.027"), place.path("other")).unwrap();
    export(&place, "journal", "new.027").fails(0, &[]);
    assert!(read(&place, "other").starts_with("{\"smolWfJournal\""));
    let inode = |file: &str| place.path(file).metadata().unwrap().ino();
    assert_eq!(inode("other"), inode("new.027"));
    assert_eq!(unfinished(&place), Vec::<std::path::PathBuf>::new());
}

/// The program as somebody who may not do everything, even where tests run as root.
const UNPRIVILEGED: &str =
    "U=''; [ $(id -u) = 0 ] && U='setpriv --bounding-set=-all --inh-caps=-all'\n";

#[test]
fn a_file_is_replaced_by_whoever_may_write_it_wherever_it_lies() {
    let place = ran();
    let journal = export(&place, "journal", "-").stdout;
    let events = export(&place, "jsonl", "-").stdout;
    let file = place.write("fixed", &events);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
    let line = format!("{UNPRIVILEGED} $U $S export latest -f journal -o fixed");
    let refused = shell(&place, &line);
    snapshot!(Ran::from(refused).said(3), @"
    latest is run_1, the last run of /folder
    error: fixed cannot be written: Permission denied (os error 13); choose another path [file_unwritable]
    ");
    assert_eq!(read(&place, "fixed"), events);
    // In a folder that takes no new file, what is there is written to.
    place.write("shut/run", &events);
    std::fs::set_permissions(place.path("shut"), std::fs::Permissions::from_mode(0o555)).unwrap();
    passes(&place, &line.replace("fixed", "shut/run"));
    assert_eq!(read(&place, "shut/run"), journal);
    std::fs::set_permissions(place.path("shut"), std::fs::Permissions::from_mode(0o755)).unwrap();
    // A file that is a mount, as containers have them, cannot be renamed over.
    place.write("mounted", &events);
    place.write("beneath", &events);
    let line = "mount --bind beneath mounted && $S export latest -f journal -o mounted";
    if mounting(&place, line) {
        assert_eq!(read(&place, "beneath"), journal);
    }
}

/// Runs this with the right to mount; false where nobody has it, which fails in CI.
fn mounting(place: &Place, line: &str) -> bool {
    let done = shell(place, &format!("unshare -rm sh -c '{line}'"));
    let said = String::from_utf8(done.stderr).unwrap();
    let is_refused = said.contains("unshare") || said.contains("mount:");
    let may_be = is_refused && std::env::var_os("CI").is_none();
    assert!(done.status.success() || may_be, "{said}");
    done.status.success()
}

#[test]
fn a_full_disk_costs_nothing_of_a_file_that_is_written_in_place() {
    let place = Place::new();
    let calls = "for (let i = 0; i < 3; i++) await agent('x'.repeat(100_000) + i)\n";
    place.script(&format!("{META}{calls}"), &[]).ok();
    // Room for the new one beside the old one, and not for two.
    let kib = export(&place, "journal", "-").stdout.len() * 3 / 2 / 1024;
    std::fs::create_dir(place.path("small")).unwrap();
    // Another name keeps it from being renamed over.
    let line = format!(
        "mount -t tmpfs -o size={kib}k none small && echo {{\\\"smolWfJournal\\\":1}} > small/a && ln small/a small/b && \
         cp small/a before && ! $S export latest -f journal -o small/a && cmp small/a before && \
         cmp small/b before && test $(ls -A small | wc -l) = 2"
    );
    mounting(&place, &line);
}

#[test]
fn rewriting_a_fixture_changes_no_other_file() {
    let place = ran();
    place.run(&["export", "latest", "--fixture", "ok.swf"]).fails(0, &[]);
    let mine = place.write("ok.swf.new", "mine");
    let script = place.write("s.mjs", format!("{META}log('new')\nreturn await agent('p')\n"));
    snapshot!(place.run(&["test", "--accept"]).printed(0), @"PASS  ok.swf  1 step, 0 live, script edited, fixture written, 0.0 s");
    assert_eq!(std::fs::read_to_string(mine).unwrap(), "mine");
    // What is to be typed is no flag.
    std::fs::rename(place.path("ok.swf"), place.path("-x.swf")).unwrap();
    std::fs::write(script, format!("{META}await agent('p')\nreturn 7\n")).unwrap();
    snapshot!(place.run(&["test", "."]).printed(7), @r#"
    FAIL  -x.swf  1 step, 0 live, script edited, 0.0 s
          the result changed
          result:
          - "echo: p"
          + 7
          accept it: smol-wf test ./-x.swf --accept
    "#);
    passes(&place, "$S test ./-x.swf --accept");
}

/// What the message says to type, with the program's own name.
fn typed(ran: &Ran) -> String {
    let (_, next) = ran.stderr.split_once("smol-wf export ").unwrap();
    let (next, _) = next.split_once(" [workflow").unwrap();
    format!("$S export {next}")
}

#[test]
fn the_command_for_a_fixture_beside_its_script_does_the_same() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("s.mjs", format!("{META}return await agent('ask ACME-1 of O\\'Brien')\n"));
    let db = "other one.db";
    place.run(&["run", "s.mjs", "--db", db]).ok();
    for taken in ["a.swf", "a-2.swf"] {
        place.write(taken, "{\"swf\":1,\"name\":\"of another run\"}");
    }
    let other = Place::new();
    std::fs::create_dir(other.path(".git")).unwrap();
    let far = other.path("new/folder/a.swf");
    let fixture = ["export", "latest", "--fixture", far.to_str().unwrap(), "--db", db];
    let rules = ["--redact", "ACME-[0-9]+", "--redact=-*O'Brien"];
    let ran = place.run(&[&fixture[..], &rules].concat());
    snapshot!(ran.said(3), @r"
    latest is run_1, the last run of /folder
    error: nothing was written: the script of the run is in /folder, outside the project of this fixture, and `smol-wf test` would refuse it; write the fixture beside the script: smol-wf export run_1 --fixture /folder/a-3.swf --redact 'ACME-[0-9]+' --redact='-*O'\''Brien' --db 'other one.db' [workflow_outside_project]
    ");
    assert!(!other.path("new").exists());
    // The database is named by this command line alone.
    passes(&place, &format!("unset SMOL_WF_DB; {} && $S test a-3.swf", typed(&ran)));
    let written = read(&place, "a-3.swf");
    let (head, entries) = written.split_once('\n').unwrap();
    assert!(head.contains(r#""redact":["ACME-[0-9]+","-*O'Brien"]"#), "{head}");
    assert!(entries.contains("step_asked") && !written.contains("ACME-1"), "{written}");
    assert!(read(&place, "a.swf").contains("of another run"));
}

#[test]
fn a_run_whose_script_is_gone_becomes_a_fixture_where_it_is_asked_for() {
    let outer = Place::new();
    let (old, new) = (outer.path("old"), outer.path("new"));
    std::fs::create_dir_all(old.join(".git")).unwrap();
    let text = format!("{META}return await agent('p')\n");
    outer.write("old/s.mjs", &text);
    passes(&outer, "cd old && $S run s.mjs && $S export latest -f journal -o ../run.journal");
    std::fs::rename(&old, &new).unwrap();
    // Here, and in the database of somebody else.
    let mut told = String::new();
    for taken in ["true", "export SMOL_WF_DB=$PWD/theirs.db; $S import ../run.journal"] {
        let line = format!(
            "{taken} && $S export $($S history -o json | tr -d ' \"' | sed -n 's/^runId://p' | head -1 | tr -d ,) --fixture a.swf 2>said; code=$?; cat said; exit $code"
        );
        let said = passes(&outer, &format!("cd new && {line}"));
        told += &said;
        assert!(!old.exists());
        passes(&outer, "cd new && $S test a.swf --script s.mjs --accept && $S test");
        std::fs::remove_file(new.join("a.swf")).unwrap();
    }
    snapshot!(told, @"
    warning: smol-wf test will refuse a.swf: the script of the fixture, `../old/s.mjs`, lies outside the project that holds the fixture, /folder/new; if it was moved, give its new path: smol-wf test FIXTURE --script FILE [workflow_outside_project]
    give the path of the script: smol-wf test a.swf --script FILE --accept
    run_1
    warning: smol-wf test will refuse a.swf: the script of the fixture, `../old/s.mjs`, lies outside the project that holds the fixture, /folder/new; if it was moved, give its new path: smol-wf test FIXTURE --script FILE [workflow_outside_project]
    give the path of the script: smol-wf test a.swf --script FILE --accept
    ");
}

#[test]
fn an_unusable_temporary_folder_is_named() {
    let place = ran();
    let journal = export(&place, "journal", "-").stdout;
    place.write("run.journal", journal);
    for from in ["-", "/dev/stdin", "<(cat run.journal)"] {
        let line = format!("cat run.journal | TMPDIR=/nonexistent $S import {from}");
        let done = shell(&place, &line);
        insta::allow_duplicates!(
            snapshot!(Ran::from(done).said(3), @"error: the folder for temporary files, /nonexistent, cannot be used: No such file or directory (os error 2); name another one: TMPDIR=FOLDER smol-wf … [file_unwritable]")
        );
        passes(&place, &line.replace("TMPDIR=/nonexistent", ""));
    }
    // Nor is a path proposed in place of itself.
    let child = place.command(&["import", "s.mjs/"]).spawn().unwrap();
    snapshot!(finish(child).stderr, @"error: s.mjs/: line 1 is not a line of a journal: expected value at line 1 column 1; write one with `smol-wf export <run> --format journal` [import_not_a_journal]");
}
