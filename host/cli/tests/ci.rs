//! Text of scripts, agents and file names where a CI system reads the log: none
//! of it may be a command to the runner.

mod common;

use common::{Place, Ran, finish};

/// As an agent or a script may write it: the runner of GitHub trims a line before
/// it looks for `::`, and finds `##[` anywhere in one; that of Azure `##vso[`.
const HOSTILE: &str = r"ok\n::set-output name=a::true\n \t\u{a0}::add-mask::x\r::error::y\n##[add-mask]z ###[group] ##vso[task.setvariable variable=a]b\u{85}::stop-commands::t";

fn in_actions(place: &Place, args: &[&str]) -> Ran {
    let mut command = place.command(args);
    command.env("GITHUB_ACTIONS", "true").env("CI", "true");
    finish(command.spawn().unwrap())
}

/// Everything that ends a line for some reader.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'])
}

#[track_caller]
fn is_harmless(what: &str, ran: &Ran) {
    for line in lines(&ran.stdout).chain(lines(&ran.stderr)) {
        let ours = line.starts_with("::error file=") || line.starts_with("::warning file=");
        assert!(ours || !line.trim_start().starts_with("::"), "{what}: {line:?}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{what}: {line:?}");
    }
}

fn script() -> String {
    format!(
        "export const meta = {{ name: 'n {HOSTILE}', description: 'd {HOSTILE}', phases: [{{ title: 'p {HOSTILE}' }}] }}
const hostile = '{HOSTILE}'
phase(`p ${{hostile}}`)
log(hostile)
const heard = await agent(hostile, {{ label: hostile }})
log(heard)
log(await parallel([() => agent('again', {{ label: `b${{hostile}}`, phase: hostile }})]))
if (args?.fails) throw new Error(hostile)
return [hostile, heard]
"
    )
}

#[test]
fn no_text_of_a_run_is_a_command_of_the_runner() {
    let place = Place::new();
    place.write("s.mjs", script());
    let rule = format!(
        "*=answer:\"{}\"",
        HOSTILE.replace("\\u{a0}", "\\u00a0").replace("\\u{85}", "\\u0085")
    );
    let fails = ["run", "s.mjs", "--args", "{\"fails\": true}", "--debug-rule", &rule];
    for args in [
        &["run", "s.mjs", "--debug-rule", &rule][..],
        &["run", "s.mjs", "--debug-rule", &rule, "--events"],
        &["run", "s.mjs", "--debug-rule", &rule, "--log-level", "debug"],
        &["run", "s.mjs", "--debug-rule", "*=fail"],
        &fails,
        &["run", "s.mjs", "--budget", "::error::x"],
        &["plan", "s.mjs", "--prompts"],
        &["plan", "s.mjs", "--json"],
        &["explore", "s.mjs", "--runs", "20"],
        &["explore", "s.mjs", "--runs", "20", "--args", "{\"fails\": true}"],
        &["check", "s.mjs"],
        &["history"],
        &["history", "latest", "--output", "text"],
        &["history", "latest", "--output", "json"],
        &["history", "usage"],
        &["replay", "latest"],
        &["export", "latest", "--format", "jsonl"],
        &["export", "latest", "--format", "journal"],
        &["export", "latest", "--format", "otlp-json", "--content"],
        &["export", "latest", "--format", "chrome-trace"],
    ] {
        is_harmless(&args.join(" "), &in_actions(&place, args));
    }
    let first = place.run(&["run", "s.mjs", "--debug-rule", &rule]).run_id();
    let second = place.run(&["run", "s.mjs"]).run_id();
    is_harmless("diff", &in_actions(&place, &["diff", &first, &second]));
    place.run(&["export", &first, "--fixture", "f.swf"]).fails(0, &[]);
    place.write("s.mjs", script().replace("again", "anew").replace("return [", "return [1, "));
    for args in [&["test", "f.swf"][..], &["test", "f.swf", "--json"]] {
        let ran = in_actions(&place, args);
        assert_eq!(ran.code, 7, "{}", ran.stderr);
        is_harmless(&args.join(" "), &ran);
    }
}

#[test]
fn no_name_of_a_file_is_a_command_of_the_runner_and_each_stays_on_its_line() {
    let place = Place::new();
    let name = "a\n::error::b ##[c].mjs";
    place.write(name, script());
    place.write("f\n::error::g.swf", "no fixture");
    for args in [
        &["run", name][..],
        &["check", name],
        &["plan", name],
        &["explore", name, "--runs", "5"],
        &["run", "gone\n::error::x.mjs"],
        &["test", "."],
        &["run", name, "--args-from-file", "gone\n::error::y.json"],
        &["run", name, "--db", "gone\n::error::z/x.db"],
        &["run", name, "--agent-provider", "gone\n::error::p"],
        &["history", "gone\n::error::r"],
        &["doctor", "gone\n::error::d"],
        &["run", name, "--budget", "5\n::error::q"],
        &["run", name, "--gone\n::error::s"],
        &["gone\n::error::t"],
    ] {
        is_harmless(&args.join(" "), &in_actions(&place, args));
    }
}

/// ESC, NUL and what cannot be seen, for the readers of XML and Markdown.
#[test]
fn one_sanitiser_serves_every_reader() {
    let place = Place::new();
    let hidden = r"a\u{61c}\u{ad}\u{180e}\u{115f}\u{3164}\u{202e}\u{1b}[31m\0b\u{200d}\u{200c}c";
    let script = format!(
        "export const meta = {{ name: 'n', description: 'd' }}\nlog('{hidden}')\nreturn await agent('p', {{ label: '{hidden}' }})\n"
    );
    place.write("s.mjs", &script);
    place.run(&["run", "s.mjs"]).ok();
    place.run(&["export", "latest", "--fixture", "f.swf"]).fails(0, &[]);
    place.write("s.mjs", script.replace("agent('p'", "agent('q'"));
    let mut command = place.command(&["test", "f.swf", "--junit", "report.xml"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
    let tested = finish(command.spawn().unwrap());
    assert_eq!(tested.code, 7, "{}", tested.stderr);
    let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    let shown = place.run(&["history", "latest", "--output", "text"]);
    let ran = place.run(&["run", "s.mjs"]);
    let texts = [
        read("report.xml"),
        read("summary.md"),
        tested.stdout,
        tested.stderr,
        shown.stdout,
        ran.stderr,
    ];
    for text in texts {
        let unseen =
            |c: &char| "\u{61c}\u{ad}\u{180e}\u{115f}\u{3164}\u{202e}\u{1b}\0".contains(*c);
        assert_eq!(text.chars().find(unseen), None, "{text:?}");
        assert!(text.contains("b\u{200d}\u{200c}c"), "joiners are kept: {text:?}");
    }
    assert!(read("report.xml").contains(" type=\"difference\""));
    assert!(!read("report.xml").contains("classname=\"\""));
}
