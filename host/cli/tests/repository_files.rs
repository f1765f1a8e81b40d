//! Files that a repository carries: links, pipes, devices and huge ones are read
//! as little as scripts are.

#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::{Place, Ran, finish, snapshot};
use rustix::fs::{CWD, FileType, mknodat};
use smol_wf_core::ids::Digest;

const META: &str = "export const meta = { name: 'review', description: 'd' }\n";

/// A project with one fixture.
fn recorded() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    fixture_in(&place);
    place
}

fn fixture_in(place: &Place) {
    place.write("flows/review.js", format!("{META}return await agent('look')\n"));
    assert_eq!(place.run(&["run", "flows/review.js"]).code, 0);
    place.run(&["export", "latest", "--fixture", "tests/review.swf"]).fails(0, &[]);
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, 0o600.into(), 0).unwrap();
}

/// A file that has this length and takes no room.
fn sparse(path: &Path, bytes: u64) {
    File::create(path).unwrap().set_len(bytes).unwrap();
}

/// The verdict is a failure, and says all of this.
#[track_caller]
fn fails(ran: &Ran, says: &[&str]) {
    for part in says {
        assert!(ran.printed(7).contains(part), "no `{part}` in: {}", ran.stdout);
    }
}

/// Puts something in the place of a file; all that is done to it must end.
fn instead(path: &Path, what: &str) -> &'static [&'static str] {
    let _ = std::fs::remove_file(path);
    match what {
        "device" => symlink("/dev/zero", path).unwrap(),
        "pipe" => fifo(path),
        "huge" => sparse(path, 6 << 30),
        _ => {
            let secret = path.ancestors().nth(2).unwrap().join("../outside.txt");
            std::fs::write(&secret, "{\"canary\": 1}").unwrap();
            symlink(secret.canonicalize().unwrap(), path).unwrap();
        }
    }
    match what {
        "pipe" => &["not a regular file", "[file_unreadable]"],
        "huge" => &["bytes, the most", "[file_too_large]"],
        _ => &["leads outside the project", "[file_unreadable]"],
    }
}

const KINDS: [&str; 4] = ["device", "pipe", "huge", "outside"];

#[test]
fn a_fixture_and_what_lies_beside_it_are_regular_files_of_the_project() {
    for name in ["review.swf", "review.assert.json", "review.swf.kept"] {
        for kind in KINDS {
            let outer = Place::new();
            let place = Place { dir: tempfile::tempdir_in(outer.dir.path()).unwrap() };
            std::fs::create_dir(place.path(".git")).unwrap();
            fixture_in(&place);
            let says = instead(&place.path("tests").join(name), kind);
            let args = match name.ends_with("kept") {
                true => &["test", "--record", "missing"][..],
                false => &["test"],
            };
            let ran = place.run(args);
            fails(&ran, says);
            assert!(!ran.stdout.contains("canary"), "{}", ran.stdout);
            // One that is bad keeps no other from being tested.
            if name == "review.swf" {
                place.run(&["export", "latest", "--fixture", "tests/other.swf"]).fails(0, &[]);
                fails(&place.run(&["test"]), &["PASS  tests/other.swf"]);
            }
        }
    }
}

#[test]
fn links_within_the_project_are_followed() {
    let place = recorded();
    std::fs::create_dir(place.path("more")).unwrap();
    symlink("../tests/review.swf", place.path("more/link.swf")).unwrap();
    snapshot!(place.run(&["test", "more"]).printed(0), @"PASS  more/link.swf  1 step, 0 live, 0.0 s");
}

#[test]
fn arguments_prices_and_scripts_are_read_as_fixtures_are() {
    let mut said = String::new();
    for kind in KINDS {
        let outer = Place::new();
        let place = Place { dir: tempfile::tempdir_in(outer.dir.path()).unwrap() };
        std::fs::create_dir_all(place.path(".git")).unwrap();
        std::fs::create_dir_all(place.path("in")).unwrap();
        place.write("s.js", format!("{META}return await agent('x')\n"));
        let file = place.path("in/file.json");
        instead(&file, kind);
        said += &format!("{kind}:\n");
        said += place.run(&["run", "s.js", "--args-from-file", "in/file.json"]).said(3);
        let prices = place.run(&["run", "s.js", "--prices", "in/file.json"]);
        said += prices.said(2);
        said += place.run(&["import", "in/file.json"]).said(3);
        let script = place.run(&["run", "in/file.json"]);
        said += script.said(3);
    }
    // Nothing of what lies outside is shown.
    snapshot!(said, "repository-files-refused");
    // What a shell hands over is nobody's file.
    let place = Place::new();
    place.write("s.js", format!("{META}return args.n\n"));
    let mut shell = std::process::Command::new("bash");
    let program = env!("CARGO_BIN_EXE_smol-wf");
    shell.args(["-c", "\"$0\" run s.js --args-from-file <(echo '{\"n\": 3}')", program]);
    shell.current_dir(place.dir.path()).env("SMOL_WF_DB", place.db());
    shell.env("SMOL_WF_AGENT_PROVIDER", "debug").stdout(std::process::Stdio::piped());
    let ran = finish(shell.stderr(std::process::Stdio::piped()).spawn().unwrap());
    assert_eq!(ran.ok()["results"], 3);
}

#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let outer = Place::new();
    let place = Place { dir: tempfile::tempdir_in(outer.dir.path()).unwrap() };
    std::fs::create_dir(place.path(".git")).unwrap();
    fixture_in(&place);
    let precious = outer.write("precious", "mine");
    // Where a new fixture stands before it takes the place of the old one.
    symlink(&precious, place.path("tests/review.swf.new")).unwrap();
    place.write("flows/review.js", format!("{META}log('new')\nreturn await agent('look')\n"));
    snapshot!(place.run(&["test", "--accept"]).printed(0), @"PASS  tests/review.swf  1 step, 0 live, script edited, fixture written, 0.0 s");
    for (link, args) in [
        ("link.swf", &["export", "latest", "--fixture", "link.swf"][..]),
        ("report.xml", &["test", "--junit", "report.xml"]),
    ] {
        symlink(&precious, place.path(link)).unwrap();
        place.run(args).fails(2, &["leads outside the project"]);
        std::fs::remove_file(place.path(link)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(precious).unwrap(), "mine");
}

#[test]
fn nothing_is_written_or_made_behind_a_folder_that_leads_out() {
    let outer = Place::new();
    let place = Place { dir: tempfile::tempdir_in(outer.dir.path()).unwrap() };
    std::fs::create_dir(place.path(".git")).unwrap();
    fixture_in(&place);
    let elsewhere = outer.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("trace.json"), "mine").unwrap();
    std::fs::rename(place.path("tests"), place.path("kept")).unwrap();
    symlink("../elsewhere", place.path("tests")).unwrap();
    for args in [
        &["export", "latest", "--fixture", "tests/new.swf"][..],
        &["export", "latest", "--fixture", "tests/a/b/new.swf"],
        &["test", "kept", "--junit", "tests/report.xml"],
        &["test", "kept", "--junit", "tests/a/report.xml"],
    ] {
        place.run(args).fails(2, &["leads outside the project"]);
    }
    for file in ["tests/new.json", "tests/trace.json"] {
        place
            .run(&["export", "latest", "--format", "journal", "--out", file])
            .fails(3, &["leads outside the project"]);
    }
    let found: Vec<_> = std::fs::read_dir(&elsewhere).unwrap().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(std::fs::read_to_string(elsewhere.join("trace.json")).unwrap(), "mine");
    // A folder that lies in the project is as good as any.
    std::fs::create_dir(place.path("real")).unwrap();
    symlink("real", place.path("within")).unwrap();
    place.run(&["export", "latest", "--fixture", "within/a/new.swf"]).fails(0, &[]);
    assert!(place.path("real/a/new.swf").exists());
}

#[test]
fn a_name_that_is_not_utf_8_cannot_lead_out_of_the_project() {
    use std::os::unix::ffi::OsStrExt;
    let outer = Place::new();
    let place = Place { dir: tempfile::tempdir_in(outer.dir.path()).unwrap() };
    std::fs::create_dir(place.path(".git")).unwrap();
    let precious = outer.write("precious.json", "{\"canary\": 1}");
    place.write("s.js", format!("{META}return args\n"));
    let name = std::ffi::OsStr::from_bytes(b"\xff.json");
    symlink(&precious, place.dir.path().join(name)).unwrap();
    let child = place.command(&["run", "s.js", "--args-from-file"]).arg(name).spawn().unwrap();
    let ran = finish(child);
    snapshot!(ran.said(3), @"error: --args-from-file: �.json cannot be read: it is a link, or lies behind one, that leads outside the project /folder; name the file itself; check the path [args_invalid]");
    assert!(!ran.stdout.contains("canary"));
    let own = std::ffi::OsStr::from_bytes(b"\xfe.json");
    std::fs::write(place.dir.path().join(own), "{\"mine\": 1}").unwrap();
    let child = place.command(&["run", "s.js", "--args-from-file"]).arg(own).spawn().unwrap();
    assert_eq!(finish(child).ok()["results"]["mine"], 1);
}

#[test]
fn an_export_replaces_a_file_as_a_whole_or_not_at_all() {
    use std::os::unix::fs::PermissionsExt;
    let place = recorded();
    let earlier = "{\"smolWfJournal\":1}";
    let file = place.write("out.json", earlier);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    symlink("out.json", place.path("link.json")).unwrap();
    let export = |to: &str| place.run(&["export", "latest", "--format", "journal", "--out", to]);
    // Some of the journal reads, and its end is damaged.
    let db = rusqlite::Connection::open(place.db()).unwrap();
    let last = "seq = (SELECT max(seq) FROM journal)";
    let damaged = format!("UPDATE journal SET chain = printf('%064d', 0) WHERE {last}");
    let whole: String = db
        .query_row(&format!("SELECT chain FROM journal WHERE {last}"), [], |row| row.get(0))
        .unwrap();
    assert_eq!(db.execute(&damaged, []).unwrap(), 1);
    assert_ne!(export("out.json").code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), earlier);
    db.execute(&format!("UPDATE journal SET chain = ?1 WHERE {last}"), [whole]).unwrap();
    export("link.json").fails(0, &[]);
    assert!(std::fs::read_to_string(&file).unwrap().contains("run_started"));
    assert!(place.path("link.json").is_symlink());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let left = std::fs::read_dir(place.dir.path()).unwrap().flatten();
    let left: Vec<_> = left.map(|one| one.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".smol-wf-")), "{left:?}");
    // Devices and pipes are written to.
    let streamed = export("/dev/stdout");
    assert!(streamed.code == 0 && streamed.stdout.contains("run_started"), "{}", streamed.stderr);
}

/// A fixture whose first line says something else, with digests that fit.
fn rewritten(place: &Place, change: impl Fn(&mut serde_json::Value)) {
    let path = place.path("tests/review.swf");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut digests = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("digest");
        if number == 0 {
            change(&mut value);
        }
        // As it was written: the order of its keys is part of the digest.
        let body = match number {
            0 => value.to_string(),
            _ => format!("{}}}", line.split(",\"digest\":\"").next().unwrap()),
        };
        let body = match value.get("seal") {
            Some(_) => {
                let all: String = digests.concat();
                format!("{{\"seal\":\"{}\"}}", Digest::of(all.as_bytes()))
            }
            None => body,
        };
        let digest = Digest::of(body.as_bytes()).to_string()[..16].to_owned();
        lines.push(format!("{},\"digest\":\"{digest}\"}}", body.strip_suffix('}').unwrap()));
        digests.push(digest);
    }
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn the_script_of_a_fixture_lies_in_the_project_that_holds_it() {
    for marked in [true, false] {
        let outer = Place::new();
        let place = Place { dir: tempfile::tempdir_in(outer.dir.path()).unwrap() };
        if marked {
            std::fs::create_dir(place.path(".git")).unwrap();
        }
        fixture_in(&place);
        let evil =
            outer.write("evil.js", format!("{META}log('canary')\nreturn await agent('look')\n"));
        let up = "../../evil.js".to_owned();
        let absolute = evil.to_str().unwrap().to_owned();
        symlink(&evil, place.path("flows/link.js")).unwrap();
        for (script, root) in [
            (up.as_str(), "/"),
            (up.as_str(), "../.."),
            (absolute.as_str(), "/"),
            (absolute.as_str(), ".."),
            ("../flows/link.js", ".."),
            ("../flows/review.js", "/"),
            ("../flows/review.js", "../.."),
            ("../flows/../../evil.js", ".."),
        ] {
            rewritten(&place, |head| {
                head["script"] = script.into();
                head["root"] = root.into();
            });
            let ran = place.run(&["test"]);
            fails(&ran, &["outside the project", "[workflow_outside_project]"]);
            assert!(!ran.stdout.contains("canary"), "{}", ran.stdout);
        }
        // As it was it passes.
        rewritten(&place, |head| {
            head["script"] = "../flows/review.js".into();
            head["root"] = "..".into();
        });
        place.run(&["test"]).printed(0);
        // Without a mark, what was given is all there is.
        let ran = place.run(&["test", "tests"]);
        match marked {
            true => assert_eq!(ran.code, 0, "{}", ran.stdout),
            false => fails(&ran, &["outside the project"]),
        }
    }
}
