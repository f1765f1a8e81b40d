//! Settings: which layer wins, what is said of mistakes, and what is shown.

mod common;

use common::{Place, Ran, finish, snapshot};
use serde_json::Value;

/// A setting: its name, its variable, its flag, and for each layer (user,
/// project, environment, flag) a value as a file or a command line has it.
type Row = (&'static str, &'static str, &'static str, [&'static str; 4]);

const ROWS: [Row; 18] = [
    (
        "provider",
        "SMOL_WF_AGENT_PROVIDER",
        "--agent-provider",
        ["pi", "codex", "opencode", "debug"],
    ),
    ("model", "SMOL_WF_MODEL", "--model", ["m1", "m2", "m3", "m4"]),
    ("effort", "SMOL_WF_EFFORT", "--effort", ["low", "medium", "high", "max"]),
    ("permissions", "SMOL_WF_PERMISSIONS", "--permissions", ["read", "write", "read", "write"]),
    ("timeout", "SMOL_WF_TIMEOUT", "--timeout", ["1h", "2h", "3h", "4h"]),
    ("turn_timeout", "SMOL_WF_TURN_TIMEOUT", "--turn-timeout", ["41s", "42s", "43s", "44s"]),
    ("agent_timeout", "SMOL_WF_AGENT_TIMEOUT", "--agent-timeout", ["1m", "2m", "3m", "4m"]),
    ("idle_timeout", "SMOL_WF_IDLE_TIMEOUT", "--idle-timeout", ["1s", "2s", "3s", "4s"]),
    ("max_agents", "SMOL_WF_MAX_AGENTS", "--max-agents", ["11", "12", "13", "14"]),
    (
        "max_parallel_agents",
        "SMOL_WF_MAX_PARALLEL_AGENTS",
        "--max-parallel-agents",
        ["1", "2", "3", "4"],
    ),
    ("fuel", "SMOL_WF_FUEL", "--fuel", ["1000001", "1000002", "1000003", "1000004"]),
    ("memory", "SMOL_WF_MEMORY", "--memory", ["64", "65", "66", "67"]),
    ("budget", "SMOL_WF_BUDGET", "--budget", ["$1.00", "$2.00", "300000", "$4.00"]),
    ("budget_mode", "SMOL_WF_BUDGET_MODE", "--budget-mode", ["stop", "pause", "stop", "pause"]),
    (
        "save_raw_sessions",
        "SMOL_WF_SAVE_RAW_SESSIONS",
        "--save-raw-sessions",
        ["/raw/1", "/raw/2", "/raw/3", "/raw/4"],
    ),
    ("prices", "SMOL_WF_PRICES", "--prices", ["/p1.json", "/p2.json", "/p3.json", "/p4.json"]),
    ("db", "SMOL_WF_DB", "--db", ["/db/1", "/db/2", "/db/3", "/db/4"]),
    ("log_level", "SMOL_WF_LOG_LEVEL", "--log-level", ["error", "warn", "info", "debug"]),
];

const LAYERS: [&str; 4] = ["user", "project", "environment", "flag"];

/// A home and a project with settings files that hold these words.
fn place(user: &str, project: &str) -> Place {
    let place = Place::new();
    place.write("home/.config/smol-workflows/config.toml", user);
    place.write("project/.agents/smol-wf.toml", project);
    place.write("project/.git/HEAD", "");
    place
}

fn in_project(place: &Place, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = place.at_home(args);
    command.current_dir(place.path("project")).envs(variables.iter().copied());
    finish(command.spawn().unwrap())
}

fn shown(ran: &Ran, key: &str) -> Value {
    let settings = ran.ok()["settings"].clone();
    let rows = settings.as_array().unwrap();
    rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}")).clone()
}

/// `key = value` as TOML has it.
fn line(key: &str, value: &str) -> String {
    let number = value.bytes().all(|byte| byte.is_ascii_digit());
    if number { format!("{key} = {value}\n") } else { format!("{key} = \"{value}\"\n") }
}

#[test]
fn each_layer_wins_over_the_next_for_every_setting() {
    let prices = tempfile::tempdir().unwrap();
    // A file of prices has to be there.
    let rows = ROWS.map(|(key, variable, flag, values)| {
        let values = values.map(|value| match key {
            "prices" => {
                let file = prices.path().join(&value[1..]);
                std::fs::write(&file, r#"{"version":"1","models":[]}"#).unwrap();
                file.to_str().unwrap().to_owned()
            }
            _ => value.to_owned(),
        });
        (key, variable, flag, values)
    });
    let file =
        |layer: usize| -> String { rows.iter().map(|row| line(row.0, &row.3[layer])).collect() };
    let place = place(&file(0), &file(1));
    assert_eq!(in_project(&place, &["trust"], &[]).code, 0);
    let all_variables: Vec<(&str, &str)> =
        rows.iter().map(|row| (row.1, row.3[2].as_str())).collect();
    let all_flags: Vec<&str> = rows.iter().flat_map(|row| [row.2, row.3[3].as_str()]).collect();
    // From the highest layer down, one taken away each time.
    for layer in (0..LAYERS.len()).rev() {
        if layer == 0 {
            std::fs::remove_file(place.path("project/.agents/smol-wf.toml")).unwrap();
        }
        let mut args = vec!["config", "show", "--output", "json"];
        if layer == 3 {
            args.extend(&all_flags);
        }
        let variables = if layer >= 2 { &all_variables[..] } else { &[] };
        let ran = in_project(&place, &args, variables);
        for (key, variable, flag, values) in &rows {
            let row = shown(&ran, key);
            assert_eq!(row["origin"], LAYERS[layer], "{key}: {row}");
            let value =
                row["value"].as_str().map_or_else(|| row["value"].to_string(), str::to_owned);
            assert_eq!(value, values[layer], "{key}");
            let source = row["source"].as_str().unwrap();
            match layer {
                3 => assert_eq!(source, *flag),
                2 => assert_eq!(source, *variable),
                1 => assert!(source.contains("/project/.agents/smol-wf.toml:"), "{source}"),
                _ => assert!(source.contains("/smol-workflows/config.toml:"), "{source}"),
            }
        }
    }
}

#[test]
fn without_any_layer_the_defaults_are_those_of_the_manual() {
    let place = Place::new();
    let ran = finish(place.at_home(&["config", "show", "--output", "json"]).spawn().unwrap());
    for (key, value) in [
        ("provider", "auto"),
        ("agent_timeout", "30m"),
        ("idle_timeout", "5m"),
        ("turn_timeout", "1m"),
        ("asks", "refuse"),
        ("budget_mode", "pause"),
        ("log_level", "info"),
    ] {
        let row = shown(&ran, key);
        assert_eq!((row["value"].as_str(), row["origin"].as_str()), (Some(value), Some("default")));
    }
    for (key, value) in [("max_agents", 1_000), ("max_parallel_agents", 16), ("memory", 256)] {
        assert_eq!(shown(&ran, key)["value"], value);
    }
    for key in ["model", "effort", "permissions", "timeout", "budget", "prices"] {
        assert_eq!(shown(&ran, key)["value"], Value::Null);
    }
    let text = finish(place.at_home(&["config", "show"]).spawn().unwrap());
    assert_eq!(text.code, 0);
    assert!(text.stdout.starts_with("SETTING"), "{}", text.stdout);
}

#[test]
fn aliases_and_providers_add_up_by_name() {
    let place = place(
        "[model_map]\nfast = 'u'\nslow = 'u'\n[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh']\nenv = { TOKEN = 'canary-7301' }\n",
        "[model_map]\nfast = 'p'\ndeep = 'p'\n[providers.theirs]\nkind = 'acp'\ncommand = ['tool', '--acp']\n",
    );
    assert_eq!(in_project(&place, &["trust"], &[]).code, 0);
    let args = ["config", "show", "--output", "json", "--model-map", "deep:f"];
    let variable = [("SMOL_WF_MODEL_MAP", "deep:e, wide:e-1?provider=pi")];
    let ran = in_project(&place, &args, &variable);
    for (key, value, origin) in [
        ("model_map.wide", "e-1?provider=pi", "environment"),
        ("model_map.slow", "u", "user"),
        ("model_map.fast", "p", "project"),
        ("model_map.deep", "f", "flag"),
    ] {
        let row = shown(&ran, key);
        assert_eq!((row["value"].as_str(), row["origin"].as_str()), (Some(value), Some(origin)));
    }
    let mine = shown(&ran, "providers.mine");
    // Relative to the file, not to where the program runs.
    let script = mine["value"]["command"][0].as_str().unwrap();
    assert!(script.ends_with("/home/.config/smol-workflows/./agent.sh"), "{script}");
    assert_eq!(mine["value"]["env"][0], "TOKEN");
    assert_eq!(shown(&ran, "providers.theirs")["value"]["kind"], "acp");
    // The values of an environment are nobody's business.
    let text = in_project(&place, &["config", "show"], &[]);
    for ran in [&ran, &text] {
        assert!(!ran.stdout.contains("canary-7301") && !ran.stderr.contains("canary-7301"));
    }
}

#[test]
fn a_mistake_in_a_file_names_its_place_and_stops_every_command() {
    let place = place("", "model = 'm'\nmax_agent = 3\n");
    place.write("project/w.mjs", "export const meta = { name: 'w', description: 'd' }\n");
    for args in [&["config", "show"][..], &["history"], &["run", "w.mjs"], &["trust"]] {
        let ran = in_project(&place, args, &[]);
        insta::allow_duplicates!(
            snapshot!(ran.said(2), @"error: /folder/project/.agents/smol-wf.toml:2:1: there is no setting `max_agent`; did you mean `max_agents`? `smol-wf config show` lists them [config_unknown_key]")
        );
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn a_mistake_in_a_variable_or_a_flag_names_it() {
    let place = Place::new();
    let mut command = place.at_home(&["config", "show"]);
    let ran = finish(command.env("SMOL_WF_MAX_AGENTS", "many").spawn().unwrap());
    snapshot!(ran.said(2), @"error: SMOL_WF_MAX_AGENTS: expected a whole number from 1 to 1000000 [config_value]");
    let ran = finish(place.at_home(&["config", "show", "--budget", "5$"]).spawn().unwrap());
    snapshot!(ran.said(2), @"
    error: invalid value '5$' for '--budget <AMOUNT>': a budget is dollars or output tokens: '$5', '$0.50', 200k, 1.5M; or none

    For more information, try '--help'.
    ");
    // An empty variable is none.
    let mut command = place.at_home(&["config", "show", "--output", "json"]);
    let ran = finish(command.env("SMOL_WF_MAX_AGENTS", "").spawn().unwrap());
    assert_eq!(shown(&ran, "max_agents")["origin"], "default");
}

#[test]
fn the_users_file_can_be_named_and_must_be_the_users_alone() {
    let place = Place::new();
    let file = place.write("elsewhere.toml", "model = 'm'\n");
    let show = |file: &std::path::Path| {
        let mut command = place.at_home(&["config", "show", "--output", "json"]);
        finish(command.env("SMOL_WF_CONFIG", file).spawn().unwrap())
    };
    assert_eq!(shown(&show(&file), "model")["origin"], "user");
    snapshot!(show(&place.path("missing.toml")).said(2), @"error: /folder/missing.toml: the settings cannot be read: No such file or directory (os error 2); check the path [config_unreadable]");
    let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&file, everyone).unwrap();
    snapshot!(show(&file).said(2), @"error: anyone may change /folder/elsewhere.toml, and it says which programs run; type: chmod o-w /folder/elsewhere.toml [config_writable]");
    let big = place.write("big.toml", "# x\n".repeat(100_000));
    snapshot!(show(&big).said(2), @"error: /folder/big.toml is larger than 262144 bytes, the most that a settings file may have [config_too_large]");
}

#[test]
fn the_closest_file_is_taken_up_to_the_root_of_the_project() {
    let place = place("", "model = 'outer'\n");
    place.write("project/a/.agents/smol-wf.toml", "model = 'inner'\n");
    place.write("project/a/b/w.mjs", "");
    place.write(".agents/smol-wf.toml", "model = 'outside'\n");
    let model = |from: &str| {
        let ran = in_project(&place, &["config", "show", from, "--output", "json"], &[]);
        shown(&ran, "model")["value"].clone()
    };
    assert_eq!(model("a/b/w.mjs"), "inner");
    assert_eq!(model("a/b"), "inner");
    assert_eq!(model("."), "outer");
    std::fs::remove_file(place.path("project/.agents/smol-wf.toml")).unwrap();
    // What lies above the project is not the project's.
    assert_eq!(model("."), Value::Null);
    // The home directory is no project.
    place.write("home/.agents/smol-wf.toml", "model = 'home'\n");
    let mut command = place.at_home(&["config", "show", "--output", "json"]);
    let ran = finish(command.current_dir(place.path("home")).spawn().unwrap());
    assert_eq!(shown(&ran, "model")["value"], Value::Null);
}

#[test]
fn a_run_uses_the_settings_and_a_resume_keeps_the_recorded_ones() {
    let place = place("provider = 'debug'\nmax_agents = 2\n", "");
    let script = "export const meta = { name: 'w', description: 'd' }\nfor (const i of [1,2,3]) await agent(`p${i}`)\nreturn 1\n";
    place.write("project/w.mjs", script);
    let ran = in_project(&place, &["run", "w.mjs"], &[]);
    snapshot!(ran.said(5), @"
    run run_1 in /folder/project
    [agent] p1
    [agent] p1: done in 0.0 s, 2 tokens
    [agent] p2
    [agent] p2: done in 0.0 s, 2 tokens
    error: the run may start 2 agents: it has started 2, and then the script asked for 1 or more at once, of which none was started; raise it with --max-agents 4 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 4
    ");
    // Its default database is in the home that it was given.
    assert!(place.path("home/.local/state/smol-workflows/smol-wf.db").exists());
    // Lower than what was recorded: a setting of a file does not reach back.
    std::fs::write(
        place.path("home/.config/smol-workflows/config.toml"),
        "provider = 'codex'\nmax_agents = 1\n",
    )
    .unwrap();
    let ran = in_project(&place, &["resume", "latest", "--max-agents", "5"], &[]);
    assert_eq!(ran.ok()["results"], 1);
}

#[test]
fn paths_are_shown_with_their_state() {
    let place = place("", "db = 'x.db'\n");
    let states = || {
        let ran = in_project(&place, &["config", "path", "--output", "json"], &[]);
        let files = ran.ok()["files"].clone();
        (files[0]["trust"].clone(), files[1]["exists"].clone())
    };
    assert_eq!(states(), ("untrusted".into(), true.into()));
    assert_eq!(in_project(&place, &["trust"], &[]).code, 0);
    assert_eq!(states().0, "trusted");
    place.write("project/.agents/smol-wf.toml", "db = 'y.db'\n");
    std::fs::remove_file(place.path("home/.config/smol-workflows/config.toml")).unwrap();
    assert_eq!(states(), ("changed".into(), false.into()));
    let text = in_project(&place, &["config", "path"], &[]).stdout;
    let project = text.lines().nth(1).unwrap();
    assert!(project.ends_with("not trusted: changed since"), "{text}");
}
