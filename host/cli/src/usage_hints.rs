//! Hints for wrong command lines: what was probably meant, and what to type.
//!
//! Owns: hints in addition to clap's own, and the parser of whole numbers. Never:
//! what a command does.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use smol_wf_core::near;

use crate::workflow_args::{Named, TAKE_ARGS};
use crate::{sanitize, shell};

/// Words that people type for a command with another name.
const OTHER_COMMANDS: [(&[&str], &str); 14] = [
    (&["start", "exec", "launch"], "`smol-wf run SCRIPT` runs a workflow"),
    (
        &["ls", "workflows"],
        "`smol-wf list` lists workflows, `smol-wf history` runs, `smol-wf ps` those at work",
    ),
    (&["create", "template", "scaffold", "generate"], "`smol-wf new` writes a workflow"),
    (
        &["status", "runs", "show", "inspect", "info"],
        "`smol-wf history` lists runs, `smol-wf history RUN` shows one, `smol-wf ps` lists those at work",
    ),
    (
        &["watch", "follow", "tail", "log"],
        "`smol-wf attach RUN` follows a run, `smol-wf logs RUN` prints what it has done",
    ),
    (
        &["kill", "abort", "halt"],
        "`smol-wf cancel RUN` stops a run, `smol-wf stop RUN#STEP` one step of it",
    ),
    (
        &["approve", "decline", "reply", "respond", "ask"],
        "`smol-wf answer RUN` answers a question of a run",
    ),
    (
        &["message", "tell", "steer", "say", "send"],
        "`smol-wf msg RUN#STEP TEXT` tells an agent something while it works",
    ),
    (&["retry", "unpause"], "`smol-wf continue RUN` lets a run go on"),
    (&["validate", "lint", "verify"], "`smol-wf check SCRIPT` finds what is wrong with a script"),
    (&["dry-run", "dryrun", "estimate"], "`smol-wf plan SCRIPT` shows what a run would ask"),
    (&["rm", "remove", "gc", "vacuum", "clean", "prune"], "`smol-wf history delete` deletes runs"),
    (
        &["manual", "doc", "guide", "topics"],
        "`smol-wf docs` is the manual, `smol-wf help COMMAND` explains a command",
    ),
    (
        &["settings", "set", "get"],
        "`smol-wf config show` shows the settings and where they come from",
    ),
];

/// Flags that people type for one with another name, in commands that run a
/// script.
const OTHER_FLAGS: [(&[&str], &str); 6] = [
    (
        &["--json", "--format"],
        "--output json writes the report as JSON, --output jsonl the event stream",
    ),
    (&["-v", "--verbose", "--debug"], "--log-level debug says more"),
    (&["-q", "--quiet", "--silent"], "--log-level error says less"),
    (&["-n", "--dry-run"], "`smol-wf plan SCRIPT` shows what a run would ask, without agents"),
    (&["--provider"], "--agent-provider NAME chooses who answers"),
    (&["-d", "--background", "--detached"], "--detach runs it in the background"),
];

/// Commands whose subcommands print, and the subcommand that lists.
const LISTED_BY: [(&str, &str); 2] = [("config", "show"), ("worktrees", "list")];

/// Commands that run a script; [`OTHER_FLAGS`] is for these.
const RUNS_SCRIPTS: [&str; 3] = ["run", "resume", "fork"];

/// Words after `help` that are not commands, and where they are explained.
const HELP_TOPICS: [(&str, [&str; 2]); 2] =
    [("exit-codes", ["docs", "exit-codes"]), ("errors", ["docs", "errors"])];

/// The command line that explains a topic, for `help exit-codes`.
pub(crate) fn with_help_topic(mut argv: Vec<OsString>) -> Vec<OsString> {
    let topic = argv.get(2).filter(|_| argv.get(1).is_some_and(|word| word == "help"));
    let known = HELP_TOPICS.iter().find(|(word, _)| topic.is_some_and(|topic| topic == word));
    if let Some((_, command)) = known {
        argv.splice(1..3, command.iter().map(OsString::from));
    }
    argv
}

/// Moves `--db` from before the command to after it and its subcommands, where clap expects
/// it.
pub(crate) fn with_command_first(argv: Vec<OsString>) -> Vec<OsString> {
    let word = |nth: usize| argv.get(nth).and_then(|word| word.to_str()).unwrap_or_default();
    let moved_words = match word(1) {
        "--db" => 2,
        flag if flag.starts_with("--db=") => 1,
        _ => return argv,
    };
    let commands = commands_in(argv.get(moved_words + 1..).unwrap_or_default());
    let mut moved = argv;
    if let Some(words) = moved.get_mut(1..=moved_words + commands) {
        words.rotate_left(moved_words);
    }
    moved
}

/// Number of words that name a command and its subcommands; the first one counts in any
/// case, so that an error is about it.
fn commands_in(words: &[OsString]) -> usize {
    use clap::CommandFactory;
    let cli = crate::Cli::command();
    let mut command = Some(&cli);
    let known = words.iter().take_while(|word| {
        command = command.and_then(|command| command.find_subcommand(word));
        command.is_some()
    });
    known.count().max(1)
}

/// Adds to an error about a missing script that an argument of the workflow took its name.
pub(crate) fn with_taken_script(
    mut error: clap::Error,
    argv: &[OsString],
    named: &Named,
) -> clap::Error {
    let taken = named.iter().rev().find_map(|(name, value)| {
        let value = value.as_deref()?;
        (is_script_name(value) || Path::new(value).is_file()).then_some((name, value))
    });
    let command = argv.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    let is_missing = error.kind() == ErrorKind::MissingRequiredArgument;
    if let Some((name, script)) = taken.filter(|_| is_missing && TAKE_ARGS.contains(&command)) {
        let (name, script) = (sanitize::one_line(name), shell::word(script));
        let hint = format!(
            "--args-{name} took {script} as its value; name the script before it: smol-wf {command} {script} --args-{name}"
        );
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// Adds to an error of clap what was probably meant.
pub(crate) fn with_hint(mut error: clap::Error, argv: &[OsString]) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let command = argv.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    let hint = match error.kind() {
        ErrorKind::UnknownArgument => of_flag(&text(ContextKind::InvalidArg), command),
        ErrorKind::InvalidSubcommand => of_command(&text(ContextKind::InvalidSubcommand)),
        _ => None,
    };
    if let Some(hint) = hint {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// The hint for an unknown flag of `command`.
fn of_flag(flag: &str, command: &str) -> Option<String> {
    let is_of_output = ["--json", "-o", "--output"].contains(&flag);
    if let Some((_, verb)) = LISTED_BY.iter().find(|(listed, _)| *listed == command)
        && is_of_output
    {
        return Some(format!("`smol-wf {command} {verb} --json` prints JSON"));
    }
    let takes_args = TAKE_ARGS.contains(&command);
    let flag = flag.split('=').next().unwrap_or_default();
    if let (true, Some(name)) = (takes_args, flag.strip_prefix("--arg-")) {
        return Some(format!("arguments of the workflow begin with --args: --args-{name} VALUE"));
    }
    let other = OTHER_FLAGS.iter().find(|(names, _)| names.contains(&flag));
    if let Some((_, hint)) = other {
        return RUNS_SCRIPTS.contains(&command).then(|| (*hint).to_owned());
    }
    if let Some(hint) = of_another_command(flag, command) {
        return Some(hint);
    }
    let is_name = flag.starts_with("--") && flag.len() > 2;
    // If it resembles a flag of this command, clap's own suggestion is better.
    if !takes_args || !is_name || is_near(flag, command) {
        return None;
    }
    let name = flag.trim_start_matches('-');
    Some(format!("an argument of the workflow is --args-{name} VALUE"))
}

/// The hint for a flag that only another command has.
fn of_another_command(flag: &str, command: &str) -> Option<String> {
    let long = flag.strip_prefix("--")?;
    let has = |command: &str| flags_of(command).iter().any(|own| own == long);
    Some(match command {
        "resume" if has("fork") => format!(
            "a resumed run keeps the values that it was started with; smol-wf fork RUN {flag} … starts a new run that reuses its answers"
        ),
        "resume" | "fork" if has("run") => format!(
            "a run keeps the values that it was started with; smol-wf run SCRIPT {flag} … starts another run"
        ),
        _ => {
            let owner = RUNS_SCRIPTS.into_iter().find(|owner| has(owner))?;
            format!("`smol-wf {command}` has no flag {flag}; `smol-wf {owner}` has it")
        }
    })
}

/// The long names of the flags of a command.
fn flags_of(command: &str) -> Vec<String> {
    use clap::CommandFactory;
    let cli = crate::Cli::command();
    let commands = cli.get_subcommands().filter(|one| one.get_name() == command);
    let flags = commands.flat_map(|one| one.get_arguments().filter_map(|arg| arg.get_long()));
    flags.map(str::to_owned).collect()
}

/// Whether a flag of this command is similar.
fn is_near(flag: &str, command: &str) -> bool {
    let typed = flag.trim_start_matches('-');
    flags_of(command).iter().any(|long| strsim::jaro(long, typed) > NEAR)
}

/// Similarity above which a word counts as a mistyped one; clap uses the same.
const NEAR: f64 = 0.7;

/// The hint for an unknown command: another name, a script, or a similar command.
fn of_command(typed: &str) -> Option<String> {
    use clap::CommandFactory;
    let other = OTHER_COMMANDS.iter().find(|(names, _)| names.contains(&typed));
    if let Some((_, hint)) = other {
        return Some((*hint).to_owned());
    }
    if is_script_name(typed) {
        return Some(format!("to run this script: smol-wf run {}", shell::word(typed)));
    }
    let cli = crate::Cli::command();
    let names = cli.get_subcommands().map(clap::Command::get_name);
    let name = near::nearest(typed, names)?;
    Some(format!("did you mean `{name}`?"))
}

fn is_script_name(text: &str) -> bool {
    let ending = Path::new(text).extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("js" | "mjs" | "ts" | "mts"))
}

/// The hint for a provider's name in place of a script or folder.
pub(crate) fn provider(missing: &Path) -> Option<String> {
    use crate::config::ProviderKind;
    let name = missing.to_str()?;
    let known = ProviderKind::BUILT_IN.iter().map(|one| one.word()).chain([crate::config::DEBUG]);
    let near = near::nearest(name, known)?;
    Some(if near == name {
        format!(
            "{name} is a provider, but a script or folder was expected; `smol-wf doctor` and `smol-wf providers` show all providers; to run a script with this one, add --agent-provider {name}"
        )
    } else {
        format!("did you mean the provider {near}? `smol-wf providers` shows all of them")
    })
}

/// Most files of a folder that are searched for a similar name.
const FILES_LOOKED_AT_MAX: usize = 1_000;

/// Most wrong letters in the name of a file.
const WRONG_MAX: usize = 2;

/// Names whose lengths differ by more differ by more letters: one has four bytes at most.
const WRONG_BYTES_MAX: usize = 4 * WRONG_MAX;

/// The file that was probably meant by a missing one.
pub(crate) fn nearest_file(missing: &Path) -> Option<String> {
    let wanted = missing.file_name()?.to_str()?;
    if missing.symlink_metadata().is_ok() {
        return None;
    }
    let folder = missing.parent().filter(|folder| !folder.as_os_str().is_empty());
    let files = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names = files
        .take(FILES_LOOKED_AT_MAX)
        .filter_map(|file| file.ok()?.file_name().into_string().ok());
    let stem =
        |name: &str| Path::new(name).file_stem().and_then(|stem| stem.to_str().map(str::to_owned));
    let near = names.filter_map(|name| {
        let distance = match stem(&name) {
            // `run hello` beside hello.mjs.
            Some(stem) if stem == wanted => 0,
            _ if name.len().abs_diff(wanted.len()) > WRONG_BYTES_MAX => return None,
            _ => strsim::damerau_levenshtein(&name, wanted),
        };
        (distance <= WRONG_MAX).then_some((distance, name))
    });
    let (_, name) = near.min()?;
    let path = folder.map_or_else(|| name.clone().into(), |folder| folder.join(&name));
    Some(format!("did you mean {}?", crate::sanitize::path(&path)))
}

/// The hint that a path is a dangling link.
pub(crate) fn dangling_link(path: &Path) -> Option<String> {
    let target = std::fs::read_link(path).ok()?;
    let (path, target) = (crate::sanitize::path(path), crate::sanitize::path(&target));
    Some(format!("{path} is a link to {target}, which does not exist"))
}

/// A value parser for clap: a whole number from `least` to `most`.
pub(crate) fn whole_number<T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let read = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
        let most = if most == u64::MAX { "2^64 - 1".to_owned() } else { most.to_string() };
        let wrong = || format!("expected a whole number from {least} to {most}");
        read.and_then(|number| T::try_from(number).ok()).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn said(argv: &[&str]) -> String {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let error = crate::Cli::try_parse_from(&argv).unwrap_err();
        with_hint(error, &argv).to_string()
    }

    #[test]
    fn hints_name_what_was_probably_meant() {
        for (argv, says) in [
            (&["smol-wf", "rnu", "x.js"][..], "did you mean `run`?"),
            (&["smol-wf", "ok.js"], "smol-wf run ok.js"),
            (&["smol-wf", "status"], "smol-wf history"),
            (&["smol-wf", "ls"], "smol-wf list"),
            (&["smol-wf", "nwe"], "did you mean `new`?"),
            (&["smol-wf", "kill"], "smol-wf cancel"),
            (&["smol-wf", "validate"], "smol-wf check"),
            (&["smol-wf", "run", "x.js", "-o", "yaml"], "possible values: text, json, jsonl, none"),
            (&["smol-wf", "run", "x.js", "--json"], "--output json writes the report as JSON"),
            (&["smol-wf", "config", "--json"], "smol-wf config show --json"),
            (&["smol-wf", "worktrees", "--output", "json"], "smol-wf worktrees list --json"),
            (&["smol-wf", "run", "x.js", "-v"], "--log-level debug"),
            (&["smol-wf", "run", "x.js", "--quiet"], "--log-level error"),
            (&["smol-wf", "run", "x.js", "--dry-run"], "smol-wf plan SCRIPT"),
            (&["smol-wf", "run", "x.js", "--name", "Ada"], "--args-name VALUE"),
            (&["smol-wf", "run", "x.js", "--arg-name", "Ada"], "--args-name VALUE"),
            (&["smol-wf", "plan", "x.js", "--name", "Ada"], "--args-name VALUE"),
            (&["smol-wf", "fork", "latest", "--name", "Ada"], "--args-name VALUE"),
            (&["smol-wf", "explore", "x.js", "--arg-topic", "Ada"], "--args-topic VALUE"),
            (&["smol-wf", "run", "x.js", "--max-agnets", "3"], "--max-agents"),
            (&["smol-wf", "run", "x.js", "--seed", "abc"], "a whole number from 0 to 2^64 - 1"),
            (&["smol-wf", "explore", "x.js", "--runs", "0"], "a whole number from 1 to"),
        ] {
            let said = said(argv);
            assert!(said.contains(says), "{argv:?}: {said}");
            assert!(!said.contains("to pass '-"), "{argv:?}: {said}");
        }
    }

    #[test]
    fn workflow_arguments_are_proposed_only_where_they_are_accepted() {
        for argv in [
            &["smol-wf", "resume", "latest", "--name", "x"][..],
            &["smol-wf", "resume", "latest", "--arg-topic", "x"],
            &["smol-wf", "replay", "latest", "--name", "x"],
            &["smol-wf", "plan", "x.js", "--quiet"],
        ] {
            let said = said(argv);
            assert!(!said.contains("--args-"), "{argv:?}: {said}");
        }
    }

    #[test]
    fn the_database_may_be_named_before_every_command() {
        fn check(command: &clap::Command, names: &mut Vec<String>) {
            for inner in command.get_subcommands() {
                names.push(inner.get_name().to_owned());
                check(inner, names);
                if inner.get_arguments().any(|one| one.get_long() == Some("db")) {
                    let argv = ["smol-wf", "--db", "x"].into_iter().map(OsString::from);
                    let argv = argv.chain(names.iter().map(OsString::from)).collect();
                    let moved = with_command_first(argv);
                    let words = ["smol-wf"].into_iter().chain(names.iter().map(String::as_str));
                    let expected: Vec<&str> = words.chain(["--db", "x"]).collect();
                    assert_eq!(moved, expected);
                }
                names.pop();
            }
        }
        check(&<crate::Cli as clap::CommandFactory>::command(), &mut Vec::new());
    }

    #[test]
    fn an_argument_that_took_the_script_is_named() {
        let argv: Vec<OsString> = ["smol-wf", "run"].map(OsString::from).into();
        let error = crate::Cli::try_parse_from(&argv).unwrap_err();
        let named = vec![("deep".to_owned(), Some("a.js".to_owned()))];
        let said = with_taken_script(error, &argv, &named).to_string();
        assert!(said.contains("name the script before it: smol-wf run a.js --args-deep"), "{said}");
    }

    #[test]
    fn a_file_with_a_similar_name_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ok.js", "hello.mjs", "other.js"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for (missing, meant) in
            [("okk.js", Some("ok.js")), ("hello", Some("hello.mjs")), ("nothing.js", None)]
        {
            let said = nearest_file(&folder.path().join(missing));
            assert_eq!(said.is_some(), meant.is_some(), "{missing}");
            assert!(said.is_none_or(|said| said.contains(meant.unwrap())), "{missing}");
        }
        assert_eq!(nearest_file(Path::new("/nowhere/at/all.js")), None);
    }

    #[test]
    fn a_database_may_be_named_before_the_command() {
        let moved = |argv: &[&str]| -> Vec<String> {
            let argv = argv.iter().map(OsString::from).collect();
            with_command_first(argv).into_iter().map(|one| one.into_string().unwrap()).collect()
        };
        assert_eq!(moved(&["s", "--db", "x.db", "run", "a"]), ["s", "run", "--db", "x.db", "a"]);
        assert_eq!(moved(&["s", "--db=x.db", "run", "a"]), ["s", "run", "--db=x.db", "a"]);
        assert_eq!(moved(&["s", "--db"]), ["s", "--db"]);
        assert_eq!(moved(&["s", "--db", "x.db"]), ["s", "--db", "x.db"]);
        assert_eq!(moved(&["s", "run", "--db", "x.db"]), ["s", "run", "--db", "x.db"]);
    }
}
