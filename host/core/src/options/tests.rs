//! Options in modules and bodies, and refusals.
//!
//! Owns: the tables of values. Never: asks an agent.

use super::*;

fn read(options: &str, rules: OptionRules) -> Result<AgentRequest, Failure> {
    AgentRequest::read("p".into(), options, rules)
}

fn request(options: &str) -> AgentRequest {
    read(options, OptionRules::MODULE).unwrap()
}

/// The request of a body whose options give no warning.
fn body(options: &str) -> AgentRequest {
    let request = read(options, OptionRules::BODY).unwrap();
    assert_eq!((&request.ignored, &request.unknown), (&Vec::new(), &Vec::new()), "{options}");
    request
}

#[test]
fn a_mistyped_keyword_of_a_schema_gives_a_warning_and_the_schema_is_accepted() {
    let options = r#"{"schema":{"type":"object","require":["a"]}}"#;
    for rules in [OptionRules::MODULE, OptionRules::BODY] {
        let read = read(options, rules).unwrap();
        assert!(read.ignored[0].contains("did you mean `required`?"), "{:?}", read.ignored);
        assert!(read.schema.unwrap().contains("require"));
    }
    assert_eq!(read(options, OptionRules::First).unwrap().ignored, Vec::<String>::new());
}

#[test]
fn an_unknown_isolation_is_refused_with_alternatives() {
    for options in [r#"{"isolation":{"type":"sandbox"}}"#, r#"{"isolation":"sandbox"}"#] {
        for rules in [OptionRules::MODULE, OptionRules::BODY] {
            let said = read(options, rules).unwrap_err().message;
            assert!(said.contains("'worktree' gives the agent a checkout"), "{said}");
        }
        let first = read(options, OptionRules::First).unwrap_err().message;
        assert!(!first.contains("checkout"), "surface 1 keeps its message: {first}");
    }
}

#[test]
fn every_option_is_read() {
    let all = request(
        r#"{"timeout":"1.5m","retry":{"maxAttempts":4,"backoffMs":50.0},"permissions":"read",
            "isolation":"worktree","effort":"high","provider":"p"}"#,
    );
    assert_eq!(all.timeout_ms, Some(90_000));
    assert_eq!(all.retry, Some(Retry { max_attempts: 4, backoff_ms: 50 }));
    assert_eq!(all.permissions, Some(Permissions::Read));
    assert_eq!(all.isolation.as_deref(), Some("worktree"));
    assert_eq!(all.unknown, Vec::<String>::new());
    assert_eq!(request(r#"{"timeout":250}"#).timeout_ms, Some(250));
    assert_eq!(request(r#"{"timeout":"1h30m"}"#).timeout_ms, Some(5_400_000));
    let empty = request(r#"{"label":"","effort":""}"#);
    assert_eq!((empty.label, empty.effort), (None, None));
    assert_eq!(request(r#"{"retry":{}}"#).retry.unwrap().max_attempts, RETRY_ATTEMPTS_ASKED);
}

#[test]
fn the_list_of_options_is_complete() {
    for name in OPTIONS {
        // A value that is wrong for every option: only an unknown option accepts it.
        let options = format!(r#"{{"{name}":[3]}}"#);
        assert!(read(&options, OptionRules::MODULE).is_err(), "{name}");
        // Surface 1 has the first of them, and ignores the others.
        let first = read(&options, OptionRules::First);
        let is_known = OPTIONS[..OPTIONS_FIRST].contains(&name);
        assert_eq!(
            first.map(|request| request.unknown).ok(),
            (!is_known).then(|| vec![name.to_owned()])
        );
    }
}

#[test]
fn a_wrong_value_is_refused_with_the_option_and_what_it_takes() {
    for (options, says) in [
        (r#"{"label":1}"#, "`label` of agent() takes a string, and is a number"),
        (r#"{"timeout":0}"#, "`timeout` of agent() takes milliseconds"),
        (r#"{"timeout":"soon"}"#, "is \"soon\""),
        (r#"{"timeout":"25h"}"#, "up to 24 h"),
        (r#"{"timeout":"1h30"}"#, "is \"1h30\""),
        (r#"{"timeout":"1h-30m"}"#, "`timeout`"),
        (r#"{"timeout":1.5}"#, "`timeout`"),
        (r#"{"permissions":"all"}"#, "takes 'read' or 'write', and is 'all'"),
        (r#"{"isolation":"container"}"#, "takes 'worktree' or nothing, and is 'container'"),
        (r#"{"timeout":"NaN"}"#, "and is NaN"),
        (r#"{"timeout":"-Infinity"}"#, "and is -Infinity"),
        (r#"{"sharedHeadLength":"NaN"}"#, "takes a whole number of characters, and is NaN"),
        (r#"{"retry":{"maxAttempts":"Infinity"}}"#, "and is { maxAttempts: Infinity }"),
        (r#"{"retry":{"backoffMs":"NaN"}}"#, "and is { backoffMs: NaN }"),
        (r#"{"stallMs":"x"}"#, "`stallMs` of agent() takes milliseconds"),
        (r#"{"onFailure":"nil"}"#, "takes 'null' or 'throw', and is 'nil'"),
        (r#"{"onFailure":false}"#, "takes a string, and is a boolean"),
        (r#"{"sharedHeadLength":-1}"#, "takes a whole number of characters, and is -1"),
        (r#"{"sharedHeadLength":"3"}"#, "and is \"3\""),
        (r#"{"tools":["A"],"allowedTools":["A"]}"#, "and has both"),
        (r#"{"retry":3}"#, "`retry` of agent() takes { maxAttempts: 1 to 10"),
        (r#"{"retry":{"maxAttempts":0}}"#, "and is { maxAttempts: 0 }"),
        (r#"{"retry":{"maxAttempts":11}}"#, "1 to 10"),
        (r#"{"retry":{"backoffMs":-1}}"#, "and is { backoffMs: -1 }"),
        (r#"{"retry":{"times":1}}"#, "and is { times: 1 }"),
    ] {
        let refused = read(options, OptionRules::MODULE).unwrap_err();
        assert_eq!(refused.code, Code::CallInvalid, "{options}");
        assert!(refused.message.contains(says), "{options}: {}", refused.message);
    }
}

#[test]
fn a_body_may_have_values_that_claude_code_ignores() {
    // Numbers become text, line breaks become spaces.
    let named = body(r#"{"label":5,"phase":" a  b\n c ","key":1.5}"#);
    assert_eq!(named.label.as_deref(), Some("5"));
    assert_eq!(named.phase.as_deref(), Some("a b c"));
    assert_eq!(named.key.as_deref(), Some("1.5"));
    // Empty values count as unset.
    let plain = AgentRequest::plain("p");
    for nothing in ["false", "null", r#"{"label":" ","phase":false,"key":"","model":null}"#] {
        assert_eq!(body(nothing), plain, "{nothing}");
    }
    // False and empty values count as unset, with one warning.
    for (options, says) in [
        (r#"{"model":""}"#, "option `model` of agent() is empty and sets nothing"),
        (r#"{"agentType":""}"#, "`agentType`"),
        (r#"{"isolation":""}"#, "`isolation`"),
        (r#"{"onFailure":""}"#, "`onFailure`"),
        (r#"{"model":false}"#, "option `model` of agent() is false and sets nothing"),
        (r#"{"schema":false}"#, "`schema`"),
        (r#"{"retry":false}"#, "`retry`"),
        (r#"{"disallowedTools":false}"#, "`disallowedTools`"),
    ] {
        let read = read(options, OptionRules::BODY).unwrap();
        assert_eq!(read.ignored.len(), 1, "{options}");
        assert!(read.ignored[0].contains(says), "{options}: {:?}", read.ignored);
        assert_eq!(AgentRequest { ignored: Vec::new(), ..read }, plain, "{options}");
    }
    // Invalid values are ignored, with a warning.
    for (options, says) in [
        ("5", "the options of agent() are a number, not an object; they are ignored"),
        ("true", "are a boolean"),
        (r#""x""#, "are a string"),
        ("[]", "are an array"),
        (r#"{"effort":"bogus"}"#, "option `effort` of agent() takes one of none, off"),
        (r#"{"effort":3}"#, "and is 3; it is ignored"),
        (r#"{"isolation":"none"}"#, "takes 'worktree' or nothing, and is \"none\"; it is ignored"),
        (r#"{"isolation":true}"#, "and is true"),
        (r#"{"label":{}}"#, "option `label` of agent() takes text, and is an object"),
        (r#"{"stallMs":"x"}"#, "option `stallMs`"),
        (r#"{"timeout":0}"#, "takes milliseconds greater than 0, or text like '90s', and is 0"),
        (r#"{"timeout":-1}"#, "and is -1; it is ignored"),
        (r#"{"timeout":-0.0}"#, "option `timeout`"),
    ] {
        let read = read(options, OptionRules::BODY).unwrap();
        assert_eq!(read.ignored.len(), 1, "{options}");
        assert!(read.ignored[0].contains(says), "{options}: {:?}", read.ignored);
        assert_eq!(AgentRequest { ignored: Vec::new(), ..read }, plain, "{options}");
    }
    // Values that could send the step to the wrong agent, or that restrict, are refused.
    for wrong in [
        r#"{"model":5}"#,
        r#"{"agentType":5}"#,
        r#"{"timeout":"x"}"#,
        r#"{"timeout":"NaN"}"#,
        r#"{"timeout":"Infinity"}"#,
        r#"{"onFailure":"x"}"#,
        r#"{"permissions":"all"}"#,
        r#"{"permissions":""}"#,
        r#"{"isolation":"remote"}"#,
        r#"{"isolation":"Docker"}"#,
        r#"{"isolation":{"type":"sandbox"}}"#,
    ] {
        assert_eq!(read(wrong, OptionRules::BODY).unwrap_err().code, Code::CallInvalid, "{wrong}");
    }
}

#[test]
fn a_restricting_option_is_read_or_refused_and_never_ignored() {
    for rules in [OptionRules::MODULE, OptionRules::BODY] {
        let read = |options: &str| read(options, rules);
        let held = read(
            r#"{"disallowedTools":["Bash","mcp__git__push","Bash(git push *)","NoSuch"],
                "allowedTools":["Read"],"bashCommandClamp":["git status"]}"#,
        );
        let held = held.unwrap();
        assert_eq!(held.disallowed_tools.len(), 4);
        assert_eq!(held.tools, Some(vec!["Read".to_owned()]));
        assert_eq!(held.bash_command_clamp, Some(vec!["git status".to_owned()]));
        assert_eq!(read(r#"{"disallowedTools":[]}"#).unwrap(), AgentRequest::plain("p"));
        assert_eq!(read(r#"{"tools":[]}"#).unwrap().tools, Some(Vec::new()));
        for wrong in [
            r#"{"disallowedTools":"Bash"}"#,
            r#"{"disallowedTools":["bash"]}"#,
            r#"{"disallowedTools":["*"]}"#,
            r#"{"disallowedTools":[1]}"#,
            r#"{"disallowedTools":[""]}"#,
            r#"{"disallowedTools":["Bash("]}"#,
            r#"{"disallowedTools":["Bash,Edit"]}"#,
            r#"{"disallowedTools":["Bash\nEdit"]}"#,
            r#"{"disallowedTools":{"0":"Bash"}}"#,
            r#"{"disallowedTools":true}"#,
            r#"{"tools":["mcp__"]}"#,
            r#"{"tools":["--tools"]}"#,
            r#"{"bashCommandClamp":"git"}"#,
            r#"{"bashCommandClamp":[" "]}"#,
            r#"{"bashCommandClamp":[null]}"#,
            // Similar names, which would have no effect.
            r#"{"disallowed_tools":["Bash"]}"#,
            r#"{"denyTools":["Bash"]}"#,
            r#"{"readOnly":true}"#,
            r#"{"permissionMode":"plan"}"#,
            r#"{"sandbox_mode":"read-only"}"#,
            r#"{"approvalPolicy":"never"}"#,
            r#"{"network":false}"#,
            r#"{"write":false}"#,
            r#"{"noTools":true}"#,
            r#"{"dryRun":true}"#,
            r#"{"sandbox":"strict"}"#,
            r#"{"maxturns":3}"#,
            r#"{"max_turns":3}"#,
            r#"{"turns":"3"}"#,
            r#"{"maxSteps":3}"#,
            r#"{"Tools":["Read"]}"#,
            r#"{"Isolation":"worktree"}"#,
        ] {
            let refused = read(wrong).unwrap_err();
            assert_eq!(refused.code, Code::CallInvalid, "{wrong}");
        }
        let said = read(r#"{"read_only":true}"#).unwrap_err().message;
        assert!(said.contains("write `permissions: 'read'`"), "{said}");
        assert_eq!(read(r#"{"readOnly":false}"#).unwrap().unknown, ["readOnly"]);
        assert_eq!(read(r#"{"network":true}"#).unwrap().unknown, ["network"]);
    }
}

#[test]
fn options_that_an_older_program_ignored_are_ignored_in_its_runs() {
    let said = read(r#"{"maxturns":3}"#, OptionRules::BODY).unwrap_err().message;
    assert!(said.contains("`maxturns`") && said.contains("write `maxTurns`"), "{said}");
    let older = AgentRequest { unknown: vec!["maxturns".to_owned()], ..AgentRequest::plain("p") };
    for rules in [OptionRules::BODY, OptionRules::MODULE] {
        let schemas = &mut RecentSchemas::default();
        let options = r#"{"maxturns":3}"#;
        let again = AgentRequest::read_again("p", options, rules, Some(&older), schemas);
        assert_eq!(again.unwrap().unknown, older.unknown);
    }
    // Also in new calls of runs of that surface.
    for dialect in [Dialect::Body, Dialect::Module] {
        let second = OptionRules::Second(dialect);
        let passed_over =
            r#"{"maxturns":3,"Tools":["Read"],"outputSchema":{"a":1},"worktree":true}"#;
        assert_eq!(read(passed_over, second).unwrap().unknown.len(), 4);
        assert!(read(passed_over, OptionRules::Third(dialect)).is_err());
        assert!(read(r#"{"readOnly":true}"#, second).is_err(), "it was refused then");
    }
    let empty = r#"{"maxTurns":""}"#;
    assert_eq!(read(empty, OptionRules::Second(Dialect::Body)).unwrap().ignored.len(), 1);
    assert!(read(empty, OptionRules::BODY).is_err());
    let first =
        read(r#"{"disallowedTools":["Bash"],"readOnly":true,"maxturns":3}"#, OptionRules::First);
    assert_eq!(first.unwrap().unknown, ["disallowedTools", "readOnly", "maxturns"]);
}

#[test]
fn the_longest_silence_is_read() {
    for (value, ms) in [
        ("2000", 2_000),
        ("0.5", 1),
        ("\"90s\"", 90_000),
        ("0", 0),
        ("-5", 0),
        ("\"NaN\"", 0),
        ("\"Infinity\"", 0),
        ("1e300", AGENT_TIMEOUT_MS_MAX),
    ] {
        for rules in [OptionRules::MODULE, OptionRules::BODY] {
            let read = read(&format!(r#"{{"stallMs":{value}}}"#), rules).unwrap();
            assert_eq!(read.stall_ms, Some(ms), "{value}");
        }
    }
}

#[test]
fn text_folders_images_and_servers_are_read_within_bounds() {
    let given = r#"{"system":"be brief","dirs":["../a","/b"],"maxTurns":3.0,"images":["x.png"],"mcp":["git-hub"]}"#;
    for read in [request(given), body(given)] {
        assert_eq!(read.system.as_deref(), Some("be brief"));
        assert_eq!((read.dirs.len(), read.max_turns), (2, Some(3)));
        assert_eq!((&read.images[0][..], &read.mcp[0][..]), ("x.png", "git-hub"));
    }
    let long = "x".repeat(33 * 1024);
    let many = |entry: &'static str| vec![entry; 17];
    for (name, value, says) in [
        ("system", serde_json::json!(3), "takes text of at most 32768 bytes, and is a number"),
        ("system", long.clone().into(), "and is 33792 bytes long"),
        ("system", "a\0b".into(), "takes text without a NUL character"),
        ("dirs", "a".into(), "takes an array of paths of folders, such as ['../common'], and is"),
        ("dirs", vec![""].into(), "and is [\"\"]"),
        ("dirs", vec!["a\nb"].into(), "and is [\"a\\nb\"]"),
        ("dirs", vec![long.clone()].into(), "takes an array of paths of folders"),
        ("dirs", many("a").into(), "and is 17 entries; 16 are the most"),
        ("images", many("a").into(), "and is 17 entries; 8 are the most"),
        ("images", serde_json::json!([1]), "and is an array that holds a number"),
        ("maxTurns", 0.into(), "takes a whole number from 1 to 10000, and is 0"),
        ("maxTurns", serde_json::json!(1.5), "and is 1.5"),
        ("maxTurns", "Infinity".into(), "and is Infinity"),
        ("mcp", serde_json::json!({"a": {"command": "x"}}), "an array of names of MCP servers"),
        ("mcp", vec!["a__b"].into(), "and is [\"a__b\"]"),
        ("mcp", vec!["-a"].into(), "and is [\"-a\"]"),
        ("mcp", vec!["a/b"].into(), "and is [\"a/b\"]"),
    ] {
        for rules in [OptionRules::MODULE, OptionRules::BODY] {
            let options = serde_json::json!({ name: value }).to_string();
            let refused = read(&options, rules).unwrap_err();
            assert_eq!(refused.code, Code::CallInvalid, "{options:.60}");
            assert!(refused.message.contains(says), "{options:.60}: {}", refused.message);
        }
    }
}

#[test]
fn options_that_a_recorded_step_ignored_are_ignored_again() {
    let options = r#"{"system":3,"mcp":["a"],"color":1}"#;
    let mut recorded = AgentRequest::plain("p");
    recorded.unknown = ["system", "mcp", "color"].map(str::to_owned).into();
    let again = AgentRequest::read_again(
        "p",
        options,
        OptionRules::MODULE,
        Some(&recorded),
        &mut RecentSchemas::default(),
    )
    .unwrap();
    // The caller fills in the prompt.
    assert_eq!(again.content_key(), AgentRequest::plain("").content_key());
    assert_eq!(again.unknown.len(), 3);
    assert_eq!((again.system, again.mcp), (None, Vec::new()));
}

#[test]
fn options_are_read_and_unknown_ones_are_kept_by_name() {
    let options = r#"{"label":"l","model":"m","agentType":"x","color":"red","phase":null}"#;
    let request = AgentRequest::read("p".into(), options, OptionRules::MODULE).unwrap();
    assert_eq!(request.label.as_deref(), Some("l"));
    assert_eq!(request.model.as_deref(), Some("m"));
    assert_eq!(request.agent_type.as_deref(), Some("x"));
    assert_eq!(request.phase, None);
    assert_eq!(request.unknown, ["color"]);
}

#[test]
fn an_invalid_call_is_refused_with_a_code() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    for (prompt, options) in
        [("", "{}"), ("p", "[]"), ("p", "{\"label\":1}"), ("p", "{"), ("p", deep.as_str())]
    {
        let refused = AgentRequest::read(prompt.into(), options, OptionRules::MODULE).unwrap_err();
        assert_eq!(refused.code, Code::CallInvalid, "{options:.40}");
    }
    let long = "x".repeat(PROMPT_BYTES_MAX + 1);
    let refused = AgentRequest::read(long, "{}", OptionRules::BODY).unwrap_err();
    assert_eq!(refused.code, Code::CallTooLarge);
}
