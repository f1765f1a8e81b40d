//! Scripts as Claude Code takes them: each probe of `dialect/manifest.json` does
//! here what it was measured to do there, or what the manifest says instead.
//!
//! The outcomes were measured in Claude Code's own runtime, offline; the page
//! `docs/from-claude-code.md` tells them in words. The comparison ignores what is
//! the provider's (an instance of a schema) and the words of errors.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Place, finish};
use serde_json::{Map, Value, json};

/// Probes that cannot be told apart by their outcome here, and why.
const NOT_RUN: [(&str, &str); 2] = [
    ("opt-worktree", "the answer names a worktree, which is elsewhere each time"),
    ("ret-deep300", "the manifest does not hold the whole of the nested result"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialect")
}

fn manifest() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("manifest.json")).unwrap()).unwrap()
}

/// A world of its own: the fixtures, a repository, and a plain folder.
struct World(Place);

impl World {
    fn new() -> Self {
        let place = Place::new();
        copy(&folder().join("fixtures"), place.dir.path());
        for name in ["scripts", "nobody", "repository", "plain"] {
            std::fs::create_dir_all(place.path(name)).unwrap();
        }
        let link = place.path("project/sub/link.js");
        std::os::unix::fs::symlink(place.path("outside/out.js"), link).unwrap();
        let world = Self(place);
        for name in ["project", "levels", "repository"] {
            for args in
                [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "p", "--allow-empty"]]
            {
                let mut git = Command::new("git");
                git.args(["-c", "user.name=p", "-c", "user.email=p@localhost"]).args(args);
                assert!(git.current_dir(world.0.path(name)).status().unwrap().success());
            }
        }
        world
    }

    /// The script with the places of this world in it.
    fn place(&self, text: &str) -> String {
        let path = |name| self.0.path(name).to_str().unwrap().to_owned();
        text.replace("__PROJECT__", &path("project"))
            .replace("__LEVELS__", &path("levels"))
            .replace("__OUTSIDE__", &path("outside"))
    }

    fn command(&self, args: &[&str], probe: &Value, cwd: &Path) -> Command {
        let mut command = self.0.command(args);
        let home = if probe.get("home").is_some() { "home" } else { "nobody" };
        command.current_dir(cwd).env("HOME", self.0.path(home));
        command
    }

    /// Where the probe stands, and its script there.
    fn put(&self, probe: &Value) -> (PathBuf, PathBuf) {
        let file = probe["file"].as_str().unwrap();
        let cwd = match probe["cwd"].as_str() {
            Some(cwd) => self.0.path(cwd.strip_prefix("fixtures/").unwrap()),
            None => self.0.path("scripts"),
        };
        if let Some(inside) = file.strip_prefix("fixtures/") {
            return (cwd, self.0.path(inside));
        }
        let script = cwd.join("probe-main.js");
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        std::fs::write(&script, self.place(&text)).unwrap();
        (cwd, script)
    }

    fn run(&self, probe: &Value) -> Got {
        let (cwd, script) = self.put(probe);
        let mut args = vec!["run".to_owned(), script.to_str().unwrap().to_owned()];
        args.extend(["--agent-provider", "debug", "--events"].map(str::to_owned));
        for rule in probe["debugRules"].as_array().into_iter().flatten() {
            args.extend(["--debug-rule".to_owned(), rule.as_str().unwrap().to_owned()]);
        }
        if let Some(given) = probe.get("args") {
            args.extend(["--args".to_owned(), given.to_string()]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = finish(self.command(&args, probe, &cwd).spawn().unwrap());
        Got::of(ran.code, &ran.stdout, ran.stderr)
    }

    /// Whether `check` says that the script is not portable.
    fn is_called_unportable(&self, probe: &Value) -> bool {
        let (cwd, script) = self.put(probe);
        let args = ["check", script.to_str().unwrap(), "--json"];
        let checked = finish(self.command(&args, probe, &cwd).spawn().unwrap());
        let found: Value = serde_json::from_str(&checked.stdout).unwrap_or_default();
        let findings = found["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().any(|one| one["rule"] == "not-portable")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What a probe came to.
struct Got {
    outcome: &'static str,
    result: Value,
    stderr: String,
}

impl Got {
    fn of(code: i32, stdout: &str, stderr: String) -> Self {
        let mut result = Value::Null;
        let mut began = false;
        for event in stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            match event["type"].as_str().unwrap_or_default() {
                "workflow.result" => result = event["data"]["result"].clone(),
                "workflow.failed" | "workflow.error" | "workflow.stopped" => began = true,
                _ => {}
            }
        }
        let outcome = match code {
            // 8: completed, though its only agent failed.
            0 | 8 => "completed",
            5 => "paused",
            3 if !began => "refused",
            _ => "failed",
        };
        Self { outcome, result: small(&threw(&result), 0), stderr }
    }

    fn is(&self, id: &str, wanted: &Value) -> bool {
        let wants = wanted["outcome"] == self.outcome;
        let compared = self.outcome == "completed";
        wants && (!compared || shape(id, &self.result) == shape(id, &wanted["result"]))
    }
}

/// A caught error, whatever its name and text.
fn threw(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("threw") => {
            "<threw>".into()
        }
        Value::Object(fields) => {
            fields.iter().map(|(key, one)| (key.clone(), threw(one))).collect::<Map<_, _>>().into()
        }
        Value::Array(all) => all.iter().map(threw).collect(),
        other => other.clone(),
    }
}

/// As the manifest cuts what is large.
fn small(value: &Value, depth: usize) -> Value {
    const STRING_MAX: usize = 300;
    const ARRAY_MAX: usize = 60;
    const OBJECT_MAX: usize = 80;
    const DEPTH_MAX: usize = 6;
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            if length > STRING_MAX { json!({ "$string": length }) } else { value.clone() }
        }
        _ if depth > DEPTH_MAX => json!({ "$deep": true }),
        Value::Array(all) if all.len() > ARRAY_MAX => json!({ "$array": all.len() }),
        Value::Array(all) => all.iter().map(|one| small(one, depth + 1)).collect(),
        Value::Object(all) if all.len() > OBJECT_MAX => json!({ "$object": all.len() }),
        Value::Object(all) => {
            let cut = all.iter().map(|(key, one)| (key.clone(), small(one, depth + 1)));
            cut.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Of an answer to a schema only whether there is one: the instance is the
/// provider's.
fn shape(id: &str, value: &Value) -> Value {
    match value.get("r") {
        Some(answer) if id.starts_with("schema-") => {
            let none = answer.is_null() || answer == "<threw>";
            json!({ "r": if none { answer.clone() } else { "value".into() } })
        }
        _ => value.clone(),
    }
}

/// What is wrong with one probe; none when nothing is.
fn judge(world: &World, probe: &Value) -> Option<String> {
    let id = probe["id"].as_str().unwrap();
    let got = world.run(probe);
    let (claude, ours) = (&probe["claude"], &probe["smolwf"]);
    let fits = match probe["target"].as_str() {
        None | Some("same") => got.is(id, claude),
        // What Claude Code takes is taken with a warning; what only we take is
        // named by `check`.
        Some("warn") if claude["outcome"] == "completed" && got.is(id, claude) => {
            got.stderr.contains("warning") || world.is_called_unportable(probe)
        }
        Some("warn") => world.is_called_unportable(probe),
        Some("keep" | "partly" | "open") => got.is(id, ours),
        Some(other) => panic!("{id} has an unknown target {other}"),
    };
    let (outcome, result) = (got.outcome, &got.result);
    (!fits).then(|| format!("{id}: {outcome} {result}\n    {}", probe["claude"]))
}

#[test]
fn every_probe_does_what_the_manifest_says() {
    let probes = manifest()["probes"].as_array().unwrap().clone();
    let only = std::env::var("SMOL_WF_TEST_PROBE").ok();
    let runs = |probe: &&Value| {
        let id = probe["id"].as_str().unwrap();
        probe.get("needs").is_none()
            && probe.get("file").is_some()
            && probe["verdict"] != "not comparable"
            && NOT_RUN.iter().all(|(name, _)| *name != id)
            && only.as_ref().is_none_or(|only| id.starts_with(only.as_str()))
    };
    let probes: Vec<&Value> = probes.iter().filter(runs).collect();
    let half = probes.len().div_ceil(2).max(1);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = probes
            .chunks(half)
            .map(|lane| {
                scope.spawn(move || {
                    let world = World::new();
                    lane.iter().filter_map(|probe| judge(&world, probe)).collect::<Vec<_>>()
                })
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), probes.len(), wrong.join("\n"));
}

#[test]
fn edited_scripts_reuse_what_the_manifest_says() {
    for pair in manifest()["resume"].as_array().unwrap() {
        let id = pair["id"].as_str().unwrap();
        let world = World::new();
        let cwd = world.0.path("scripts");
        let script = |nth: usize| {
            let text = std::fs::read_to_string(folder().join(pair["files"][nth].as_str().unwrap()));
            std::fs::write(cwd.join("probe-main.js"), text.unwrap()).unwrap();
        };
        let args = |nth: usize| match &pair["args"][nth] {
            Value::Null => Vec::new(),
            given => vec!["--args".to_owned(), given.to_string()],
        };
        let act = |first: &[&str], more: &[String]| {
            let all: Vec<&str> =
                first.iter().copied().chain(more.iter().map(String::as_str)).collect();
            let mut command = world.command(&all, pair, &cwd);
            finish(command.stdin(Stdio::null()).spawn().unwrap())
        };
        script(0);
        let first = act(&["run", "probe-main.js"], &args(0));
        script(1);
        let ours = &pair["smolwf"];
        if ours["reported"] == true {
            let again = act(&["resume", &first.run_id(), "probe-main.js"], &[]);
            assert_eq!(again.report()["runId"], first.run_id(), "{id}");
            continue;
        }
        let fork = act(&["fork", &first.run_id(), "probe-main.js"], &args(1)).report();
        let reused = fork["reused"]["agents"].as_u64().unwrap_or_default();
        let made = fork["agents"]["called"].as_u64().unwrap_or_default() - reused;
        assert_eq!(
            (reused, made),
            (ours["reused"].as_u64().unwrap(), ours["made"].as_u64().unwrap()),
            "{id}"
        );
    }
}

/// Whether a file of these tests has the test that `file::test` names.
fn is_test(name: &str) -> bool {
    let Some((file, test)) = name.split_once("::") else { return false };
    let file = common::project().join(format!("host/cli/tests/{file}.rs"));
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {test}()")))
}

#[test]
fn the_page_names_probes_and_tests_that_there_are() {
    let manifest = manifest();
    let lists = ["probes", "resume"].map(|list| manifest[list].as_array().unwrap());
    let ids: Vec<&str> =
        lists.into_iter().flatten().map(|probe| probe["id"].as_str().unwrap()).collect();
    let page = common::project().join("docs/from-claude-code.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |")) {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            let is_there = match name.strip_suffix('*') {
                Some(beginning) => ids.iter().any(|id| id.starts_with(beginning)),
                None => ids.contains(&name) || is_test(name),
            };
            assert!(is_there, "`{name}` in {row}");
            named += 1;
        }
    }
    assert!(named > 50, "{named}");
}
