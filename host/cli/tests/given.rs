//! What a step gives its agent: text, folders, images, servers, an earlier session.
//!
//! The agent is a program of the test's own that says what it was told.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test or a benchmark may stop where it stands"
)]

mod common;

use common::{Place, Ran, finish, snapshot};
use serde_json::{Value, json};

/// Says what it was told of the call, in a session of its own, or in the one that it was
/// given.
const TELLS: &str = "provider = 'own'\n[providers.own]\nkind = 'command'\ncommand = ['sh', '-c', '''\
cat >/dev/null
echo \"{\\\"output\\\": \\\"${SMOL_WF_SESSION_ID:-new} ${SMOL_WF_CALL_SYSTEM:-}\\\", \\\"sessionId\\\": \\\"s-$SMOL_WF_CALL\\\"}\"''']\n";

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

fn place(more: &str) -> Place {
    let place = Place::new();
    let file = format!("{TELLS}{more}");
    place.write("home/.config/smol-workflows/config.toml", &file);
    place
}

fn ask(place: &Place, body: &str, args: &[&str]) -> Ran {
    place.write("w.js", format!("{META}{body}\n"));
    let args: Vec<&str> = ["run", "w.js"].into_iter().chain(args.iter().copied()).collect();
    finish(place.at_home(&args).spawn().unwrap())
}

fn results(ran: &Ran) -> Value {
    ran.ok()["results"].clone()
}

#[test]
fn a_step_continues_the_last_session_of_a_label() {
    let place = place("");
    let body = "const a = await agent('one', { label: 'x' })\n\
        const b = await agent('two', { label: 'x', session: 'x' })\n\
        return [a, b, await agent('three', { session: 'x' })]";
    let ran = ask(&place, body, &[]);
    assert_eq!(results(&ran), json!(["new ", "s-1 ", "s-2 "]));
    let again = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
    again(&["replay", "latest"]).ok();
    // Nobody is asked again, so the sessions are those that there were.
    let forked = again(&["fork", "latest"]);
    assert_eq!(results(&forked), json!(["new ", "s-1 ", "s-2 "]));
    assert_eq!(forked.ok()["reused"]["agents"], 3);
}

#[test]
fn a_fork_does_not_go_on_in_a_session_of_its_parent() {
    let place = place("");
    let body = "const a = await agent('one', { label: 'x' })\n\
        return [a, await agent('two', { session: 'x' }).catch(error => error.message)]";
    assert_eq!(results(&ask(&place, body, &[])), json!(["new ", "s-1 "]));
    let again = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
    let parent = again(&["fork", "latest"]).ok()["parent"]["run"].as_str().unwrap().to_owned();
    let forked = again(&["fork", &parent, "--from", "2"]);
    let says = format!(
        "option `session` of agent() names `x`, whose answer was taken over from {parent}, and the session belongs to that run; ask that step again in the fork"
    );
    assert_eq!(results(&forked), json!(["new ", says]));
    again(&["replay", "latest"]).ok();
    // The same in a fork of the fork, whose answer is the first run's still.
    assert_eq!(results(&again(&["fork", "latest"])), json!(["new ", says]));
    let forked = again(&["fork", &parent, "--from", "1"]);
    assert_eq!(results(&forked), json!(["new ", "s-1 "]));
    assert_eq!(forked.ok()["reused"]["agents"], 0);
}

#[test]
fn an_answer_by_hand_has_no_session_for_a_later_step() {
    let place = place("");
    let body = |more: &str| {
        format!(
            "const a = await agent('one', {{ label: 'x' }})\n\
            const b = await agent('two', {{ label: 'x', session: 'x' }}).catch(error => error.message)\n\
            return [a, b{more}]"
        )
    };
    let parent = ask(&place, &body(""), &[]).run_id();
    let fork = |args: &[&str]| {
        let args: Vec<&str> = ["fork", &parent].iter().chain(args).copied().collect();
        finish(place.at_home(&args).spawn().unwrap())
    };
    snapshot!(fork(&["--set-result", "1=\"by hand\""]).said(2), @"error: --set-result 1: step 2 continues the session of step 1, and an answer written by hand has no session; leave it out, or give a script in which that step has no `session` [request_invalid]");
    // Nobody goes on in the session of the last step.
    let forked = fork(&["--set-result", "2=\"by hand\""]);
    assert_eq!(results(&forked), json!(["new ", "by hand"]));
    place.write("other.js", format!("{META}{}\n", body(", 1")));
    let forked = fork(&["other.js", "--set-result", "1=\"by hand\""]);
    let says = "option `session` of agent() names `x`, whose answer was written by hand, so that there is no session to go on with; ask that step again in the fork";
    assert_eq!(results(&forked), json!(["by hand", says, 1]));
}

#[test]
fn a_session_that_cannot_be_gone_on_with_is_refused_in_the_call() {
    let place = place("");
    let mut said = String::new();
    for body in [
        "return agent('p', { session: 'x' })",
        "agent('p', { label: 'x' })\nreturn agent('p', { session: 'x' })",
        "await agent('p', { label: 'x' })\nagent('q', { session: 'x' })\nreturn agent('r', { session: 'x' })",
        "await agent('p', { label: 'x' })\nreturn agent('q', { session: 'x', provider: 'debug' })",
    ] {
        said += ask(&place, body, &[]).said(1);
    }
    snapshot!(said, "given-sessions-refused");
}

#[test]
fn what_a_script_names_is_what_its_user_allows() {
    let place = place("[mcp.known]\nurl = 'http://127.0.0.1:9/'\n");
    let mut said = String::new();
    for options in [
        "{ dirs: ['/'] }",
        "{ dirs: ['nowhere'] }",
        "{ mcp: ['known'] }",
        "{ mcp: ['unheard-of'], provider: 'debug' }",
        "{ images: ['w.js'], provider: 'debug' }",
        "{ maxTurns: 3 }",
        "{ mcp: ['known'], provider: 'claude-code', permissions: 'read' }",
    ] {
        said += ask(&place, &format!("return agent('p', {options})"), &[]).said(1);
    }
    snapshot!(said, "given-options-refused");
    let ran = ask(&place, "return agent('p', { system: 'be brief', dirs: ['.'] })", &[]);
    assert_eq!(results(&ran), json!("new be brief"));
}

#[test]
fn a_project_defines_no_servers_and_no_folders_until_it_is_trusted() {
    let place = place("");
    place.write(".agents/smol-wf.toml", "dirs = ['/']\n[mcp.theirs]\ncommand = ['true']\n");
    let ran = ask(&place, "return agent('p', { mcp: ['theirs'], provider: 'debug' })", &[]);
    snapshot!(ran.said(1), "given-project-defines-servers");
    let ran = ask(&place, "return agent('p', { dirs: ['/'] })", &[]);
    snapshot!(ran.said(1), "given-project-defines-servers-2");
}

#[test]
fn what_the_settings_give_to_servers_in_secret_is_masked() {
    let place = place(
        "[mcp.one]\ncommand = ['true']\nenv = { API_TOKEN = 'canary-env', MODE = 'readable' }\n\
        [mcp.two]\nurl = 'http://127.0.0.1:9/'\nheaders = { authorization = 'Bearer canary-head' }\n",
    );
    let body =
        "return agent('p', { system: 'canary-env, Bearer canary-head, canary-head, readable' })";
    let ran = ask(&place, body, &[]);
    assert_eq!(results(&ran), json!("new [masked], [masked], [masked], readable"));
}

#[test]
fn a_step_that_continues_a_session_records_what_it_has_used_so_far() {
    let place = Place::new();
    let agent = "provider = 'own'\n[providers.own]\nkind = 'command'\ncommand = ['sh', '-c', '''\
        cat >/dev/null; echo \"{\\\"output\\\": \\\"ok\\\", \\\"sessionId\\\": \\\"s\\\", \
        \\\"usage\\\": {\\\"inputTokens\\\": 10, \\\"outputTokens\\\": 1}}\"''']\n";
    place.write("home/.config/smol-workflows/config.toml", agent);
    let body = "await agent('one', { label: 'x' })\nawait agent('two', { session: 'x' })\n\
        return agent('three', { session: 'x' })";
    assert_eq!(results(&ask(&place, body, &[])), json!("ok"));
    let again = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
    again(&["replay", "latest"]).ok();
    assert_eq!(again(&["export", "latest", "--fixture", "all.swf"]).code, 0);
    let text = std::fs::read_to_string(place.path("all.swf")).unwrap();
    // The second step is told of the first, the third of both, whatever their labels.
    for used in [r#""used":{"inputTokens":10,"#, r#""used":{"inputTokens":20,"#] {
        assert_eq!(text.matches(used).count(), 1, "{used}: {text}");
    }
}

#[test]
fn a_run_in_detail_shows_what_its_steps_were_given() {
    let place = place("[mcp.known]\nurl = 'http://127.0.0.1:9/'\n");
    let system = format!("Be brief. {}", "x".repeat(500));
    let body = format!(
        "await agent('one', {{ label: 'first', system: '{system}', dirs: ['.'] }})\n\
        await agent('two', {{ session: 'first' }})\n\
        await agent('three', {{ tools: [], maxTurns: 3, images: ['w.js'], mcp: ['known'] }})\n\
        return agent('four')"
    );
    let given = ask(&place, &body, &[]);
    let details = |args: &[&str]| {
        let args: Vec<&str> = ["history", "latest"].iter().chain(args).copied().collect();
        finish(place.at_home(&args).spawn().unwrap())
    };
    let full = details(&["--output", "json"]).ok();
    let options = |step: usize| full["details"]["steps"][step]["options"].clone();
    let shown = format!("{}…", &system[..99]);
    assert_eq!(options(0), json!({ "dirs": ["."], "system": shown }), "{}", given.stderr);
    assert_eq!(options(1), json!({ "session": "first" }));
    let third = json!({ "tools": [], "maxTurns": 3, "images": ["w.js"], "mcp": ["known"] });
    assert_eq!(options(2), third);
    assert_eq!(options(3), Value::Null);
    let text = details(&["--output", "text"]).stdout;
    snapshot!(text, "given-history-run");
}

#[test]
fn what_the_settings_do_not_allow_is_found_before_a_run() {
    let place = place("[mcp.known]\nurl = 'http://127.0.0.1:9/'\n");
    let mut said = String::new();
    for option in ["mcp: ['known', 'other']", "dirs: ['/']", "images: ['/etc/passwd']"] {
        let call = format!("return agent('p', {{ provider: 'debug', {option} }})");
        said += ask(&place, &call, &[]).said(1);
        let found = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
        said += found(&["check", "w.js"]).printed(0);
        for command in ["plan", "explore"] {
            let ran = found(&[command, "w.js"]);
            assert_ne!(ran.code, 0, "{command}: {option}");
            said += &format!("{}{}", ran.stdout, ran.stderr);
        }
    }
    snapshot!(said, "given-found-before-a-run");
    let phase = "export const meta = { name: 'n', description: 'd', phases: [{ title: 'P', mcp: ['other'] }] }\nphase('P')\nreturn agent('p', { provider: 'debug' })\n";
    place.write("w.js", phase);
    let checked = finish(place.at_home(&["check", "w.js"]).spawn().unwrap());
    snapshot!(checked.printed(0), @"
    w.js:1:1: warning: option `mcp` of agent() has `other`, which is a server that the settings do not define; they define known [call_invalid] [not-allowed]
       1 │ export const meta = { name: 'n', description: 'd', phases: [{ title: 'P', mcp: ['other']…
         │ ^
      a run here refuses this call; another user's settings may allow it
    1 script checked: 0 errors, 1 warning
    ");
    // What an agent may have made by then, and what the settings do define.
    let fine = "return agent('p', { provider: 'debug', mcp: ['known'], dirs: ['later'], images: ['later/x.png'] })";
    place.write("w.js", format!("{META}{fine}\n"));
    for command in ["check", "plan", "explore"] {
        let ran = finish(place.at_home(&[command, "w.js"]).spawn().unwrap());
        assert_eq!(ran.code, 0, "{command}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn check_goes_on_without_settings_that_it_cannot_use() {
    let place = place("[mcp.known]\nurl = 'http://127.0.0.1:9/'\n");
    let call = "return agent('p', { provider: 'debug', mcp: ['other'], colour: 1 })";
    place.write("w.js", format!("{META}{call}\n"));
    let check = |variable: &str, value: &str| {
        finish(place.at_home(&["check", "w.js"]).env(variable, value).spawn().unwrap())
    };
    let mut said = String::new();
    for (variable, value) in [("SMOL_WF_PRICES", "/nope"), ("SMOL_WF_MAX_AGENTS", "abc")] {
        let checked = check(variable, value);
        said += &format!("{}{}", checked.printed(0), checked.stderr);
    }
    snapshot!(said, "given-check-without-settings");
    // A server of the project's own file, which nobody has trusted.
    place.write(".agents/smol-wf.toml", "[mcp.other]\nurl = 'http://127.0.0.1:9/'\n");
    for command in ["check", "plan", "explore"] {
        let ran = finish(place.at_home(&[command, "w.js"]).spawn().unwrap());
        assert!(ran.stderr.contains("smol-wf trust"), "{command}: {}", ran.stderr);
    }
}

#[test]
fn a_phase_gives_its_calls_what_they_do_not_say() {
    let place = place("[mcp.known]\nurl = 'http://127.0.0.1:9/'\n");
    let run = |phase: &str, body: &str| {
        let meta = format!(
            "export const meta = {{ name: 'n', description: 'd', phases: [{{ title: 'P', {phase} }}] }}"
        );
        place.write("w.js", format!("{meta}\nphase('P')\n{body}\n"));
        finish(place.at_home(&["run", "w.js"]).spawn().unwrap())
    };
    let body = "return [await agent('a'), await agent('b', { system: 'own' }), await agent('c', { phase: 'other' })]";
    let ran = run("system: 'of the phase', dirs: ['.']", body);
    assert_eq!(results(&ran), json!(["new of the phase", "new own", "new "]));
    finish(place.at_home(&["replay", "latest"]).spawn().unwrap()).ok();
    // What holds an agent is held or refused, and a call may want none.
    snapshot!(run("maxTurns: 3", "return agent('a')").said(1), @"
    run run_1 in /folder
    [phase] P
    [agent] a: failed: provider `own` does not support the option `maxTurns`; these do: claude-code, debug; or leave the option out
    error: workflow failed at 3:8: AgentError: provider `own` does not support the option `maxTurns`; these do: claude-code, debug; or leave the option out [provider_unsupported]
       3 │ return agent('a')
         │        ^
    report: smol-wf history run_1
    1 of 1 agent failed; the reasons: smol-wf history run_1
    ");
    snapshot!(run("mcp: ['known']", "return agent('a')").said(1), @"
    run run_1 in /folder
    [phase] P
    [agent] a: failed: provider `own` does not support the option `mcp`; these do: claude-code, codex, debug, opencode; or leave the option out
    error: workflow failed at 3:8: AgentError: provider `own` does not support the option `mcp`; these do: claude-code, codex, debug, opencode; or leave the option out [provider_unsupported]
       3 │ return agent('a')
         │        ^
    report: smol-wf history run_1
    1 of 1 agent failed; the reasons: smol-wf history run_1
    ");
    let ran = run("mcp: ['known']", "return agent('a', { mcp: [] })");
    assert_eq!(results(&ran), json!("new "));
    snapshot!(run("session: 'x'", "return 1").said(3), @"
    error: `meta.phases[0]`: no phase takes the option `session`; give it to the calls of the phase [meta_invalid]
    w.js:1:75
       1 │ export const meta = { name: 'n', description: 'd', phases: [{ title: 'P', session: 'x' }…
         │                                                                           ^
    ");
}
