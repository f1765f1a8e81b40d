//! Modules that import other files: what is found, what is refused and where, and that a
//! changed module is a changed script.

mod common;

use std::fmt::Write;

use common::{Place, Ran, journal};

const META: &str = "export const meta = { name: 'm', description: 'd' }\n";

/// A project with a script in `flows` that imports in every way.
fn project() -> Place {
    let place = Place::new();
    place.write(".git/HEAD", "");
    place.write(
        "flows/main.mts",
        "import { ask, type Kind } from './lib/ask.ts'\n\
         import names from '../names.json' with { type: 'json' }\n\
         import * as all from '../common/all.js'\n\
         export const meta = { name: 'm', description: 'd' } as const\n\
         const kind: Kind = 'short'\n\
         export default async () => [await agent(ask(names.list[0], kind)), all.two(), all.main()]\n\
         export const main = () => 'main'\n",
    );
    place.write(
        "flows/lib/ask.ts",
        "export type Kind = 'short' | 'long'\n\
         export const ask = (name: string, kind: Kind): string => `${kind}: ${name}`\n",
    );
    place.write("names.json", "{ \"list\": [\"Ada\"], \"__proto__\": 1 }");
    place.write(
        "common/all.js",
        "export * from './two.mjs'\nexport { main } from '../flows/main.mts'\n",
    );
    // A cycle of two.
    place.write(
        "common/two.mjs",
        "import { one } from './one.mjs'\nexport const two = () => one() + 1\nexport const base = 1\n",
    );
    place.write(
        "common/one.mjs",
        "import { base } from './two.mjs'\nexport const one = () => base\n",
    );
    place
}

fn run(place: &Place) -> Ran {
    place.run(&["run", "flows/main.mts"])
}

#[test]
fn modules_of_the_project_are_found_and_recorded() {
    let place = project();
    let ran = run(&place);
    let report = ran.ok();
    assert!(report["result"][0].to_string().contains("short: Ada"), "{report}");
    assert_eq!(report["result"][1], 2);
    assert_eq!(report["result"][2], "main");
    let id = ran.run_id();
    let entries = journal(&place.db(), &id);
    let start = entries.iter().find(|entry| entry["kind"] == "scope_started").unwrap();
    let modules = start["modules"].as_array().unwrap();
    let paths: Vec<&str> = modules.iter().map(|one| one["path"].as_str().unwrap()).collect();
    let found =
        ["flows/lib/ask.ts", "names.json", "common/all.js", "common/two.mjs", "common/one.mjs"];
    assert_eq!(paths, found);
    assert_eq!(modules[1]["author_text"], "{ \"list\": [\"Ada\"], \"__proto__\": 1 }");

    for command in ["check", "plan", "explore"] {
        let ran = place.run(&[command, "flows/main.mts"]);
        assert_eq!(ran.code, 0, "{command}: {}{}", ran.stdout, ran.stderr);
    }
    // The recording needs no file.
    let archive = place.run(&["export", &id, "--format", "journal", "--out", "run.journal"]);
    assert_eq!(archive.code, 0, "{}", archive.stderr);
    let elsewhere = Place::new();
    std::fs::copy(place.path("run.journal"), elsewhere.path("run.journal")).unwrap();
    assert_eq!(elsewhere.run(&["import", "run.journal"]).code, 0);
    assert_eq!(elsewhere.run(&["replay", &id]).ok()["fuelCompared"], true);
}

#[test]
fn a_changed_or_missing_module_is_a_changed_script() {
    let place = project();
    let first = run(&place).run_id();
    let fixture = place.run(&["export", &first, "--fixture", "m.swf"]);
    assert_eq!(fixture.code, 0, "{}", fixture.stderr);
    let resumed = place.run(&["resume", &first]);
    assert_eq!(resumed.ok()["runId"], first.as_str());
    let tested = || place.run(&["test", "m.swf"]).code;
    assert_eq!(tested(), 0);

    let ask = std::fs::read_to_string(place.path("flows/lib/ask.ts")).unwrap();
    place.write("flows/lib/ask.ts", ask.replace("${kind}:", "very ${kind}:"));
    assert_eq!(tested(), 7);
    let fork = place.run(&["resume", &first]);
    let report = fork.ok();
    assert_eq!(report["parent"]["run"], first.as_str());
    assert!(report["result"][0].to_string().contains("very short"), "{report}");
    let kept = place.run(&["resume", &first, "--as-recorded"]);
    assert_eq!(kept.ok()["runId"], first.as_str());

    std::fs::remove_file(place.path("flows/lib/ask.ts")).unwrap();
    let gone = place.run(&["resume", &first]);
    gone.fails(3, &["[import]", "no file `flows/lib/ask.ts`", "main.mts:1:"]);
    assert_eq!(place.run(&["resume", &first, "--as-recorded"]).code, 0);
}

#[test]
fn an_import_that_cannot_be_is_refused_where_it_stands() {
    let place = Place::new();
    place.write(".git/HEAD", "");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.js"), "export default 1").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), place.path("link")).unwrap();
    place.write("near.ts", "export const a = 1");
    place.write("broken.js", "\nexport const a = )");
    place.write("bad.json", "{ 'a': 1 }");
    place.write("enum.ts", "enum A { B }");
    place.write("extra.js", "export { slep } from 'workflow:extra'");
    for (import, at, says) in [
        ("import 'lodash'", "f.mjs:1:8", "npx esbuild --bundle --format=esm --outfile=lodash.mjs"),
        ("import './near'", "f.mjs:1:8", "whole name"),
        ("import { a } from './near.js'", "f.mjs:1:19", "did you mean `near.ts`?"),
        ("import { b } from './near.ts'", "f.mjs:1:", "`b`"),
        ("import '../out.js'", "f.mjs:1:8", "outside the script's project"),
        ("import './link/secret.js'", "f.mjs:1:8", "leads outside the project"),
        ("import '/etc/passwd.js'", "f.mjs:1:8", "its own project"),
        ("import 'node:fs'", "f.mjs:1:8", "sandbox"),
        ("import a from './bad.json'", "f.mjs:1:15", "type: 'json'"),
        ("import a from './bad.json' with { type: 'json' }", "bad.json:1:3", "not JSON"),
        ("import './broken.js'", "broken.js:2:18", "SyntaxError"),
        ("import './enum.ts'", "enum.ts:1:1", "as const"),
        ("import './extra.js'", "extra.js:1:10", "did you mean `sleep`?"),
        ("import './f2.mjs'", "f2.mjs:3:8", "no file `none.js`"),
    ] {
        place.write("f.mjs", format!("{import}\n{META}export default 1\n"));
        place.write("f2.mjs", "// a\n// b\nimport './none.js'\n");
        for (command, code) in [("run", 3), ("check", 7), ("plan", 3)] {
            let ran = place.run(&[command, "f.mjs"]);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, code, "{import}, {command}: {said}");
            assert!(said.contains(at) && said.contains(says), "{import}, {command}: {said}");
        }
    }
    // A body is told first that it is one.
    place.write("body.js", format!("{META}import {{ a }} from './none.js'\nreturn 1\n"));
    place.run(&["run", "body.js"]).fails(3, &["body.js:2:1", "this script is a body"]);
    // `import()` finds no file, not even one that is loaded.
    place.write(
        "f.mjs",
        format!(
            "import './near.ts'\n{META}export default async () => (await import('./near.ts')).a\n"
        ),
    );
    place.run(&["run", "f.mjs"]).fails(1, &["cannot import `./near.ts`"]);
}

#[test]
fn an_error_in_a_module_is_at_its_line() {
    let place = Place::new();
    place.write(".git/HEAD", "");
    place.write("lib/f.ts", "type A = { b?: { c: number } }\nexport const f = (a: A) => a.b!.c\n");
    place.write(
        "main.mjs",
        format!("import {{ f }} from './lib/f.ts'\n{META}export default async () => f({{}})\n"),
    );
    let ran = place.run(&["run", "main.mjs"]);
    ran.fails(1, &["failed at lib/f.ts:2:33", "export const f = (a: A) => a.b!.c"]);
    let error = &ran.report()["error"];
    assert_eq!((&error["file"], &error["line"]), (&"lib/f.ts".into(), &2.into()));
    assert_eq!(error["stack"], "at f (lib/f.ts:2:33)\nat default (main.mjs:3:28)");
    let planned = place.run(&["plan", "main.mjs"]);
    assert!(planned.stderr.contains("lib/f.ts:2:33"), "{}", planned.stderr);
    let explored = place.run(&["explore", "main.mjs"]);
    assert!(explored.stdout.contains("(a: A) => a.b!.c"), "{}", explored.stdout);
}

#[test]
fn a_script_has_256_files_and_1_mib_at_the_most() {
    let place = Place::new();
    place.write(".git/HEAD", "");
    // The longest chain there may be: each file imports the next.
    let chain = |files: usize| {
        for file in 1..files {
            let next = match file + 1 == files {
                true => String::new(),
                false => format!("import './m{}.js'\n", file + 1),
            };
            place.write(&format!("m{file}.js"), next);
        }
        place.write("main.mjs", format!("import './m1.js'\n{META}export default 'all'\n"));
        place.run(&["run", "main.mjs"])
    };
    assert_eq!(chain(256).ok()["result"], "all");
    chain(257).fails(3, &["m255.js:1:8", "at most 256 files"]);
    place.write("m2.js", format!("// {}", "x".repeat(1024 * 1024 - 10)));
    place.run(&["run", "main.mjs"]).fails(3, &["m1.js:1:8", "1048576 bytes together"]);
}

#[test]
fn child_workflows_import_too() {
    let place = Place::new();
    place.write(".git/HEAD", "");
    place.write("flows/lib.ts", "export const one = (n: number) => n + 1");
    place.write(
        "flows/child.ts",
        format!("import {{ one }} from './lib.ts'\n{META}export default one(1)\n"),
    );
    let mut script = META.replace("'m'", "'p'");
    write!(script, "return await workflow({{ scriptPath: './flows/child.ts' }})").unwrap();
    let ran = place.script(&script, &[]);
    assert_eq!(ran.ok()["result"], 2);
    let id = ran.run_id();
    assert_eq!(place.run(&["replay", &id]).code, 0);
    let fixture = place.run(&["export", &id, "--fixture", "p.swf"]);
    assert_eq!(fixture.code, 0, "{}", fixture.stderr);
    assert_eq!(place.run(&["test", "p.swf"]).code, 0);
    place.write("flows/lib.ts", "export const one = (n: number) => n + 2");
    assert_eq!(place.run(&["test", "p.swf"]).code, 7);
}

/// As Node runs it.
#[test]
fn semicolons_may_be_left_out_and_export_is_a_name_of_properties() {
    let place = Place::new();
    place.write(".git/HEAD", "");
    place.write("a.js", "const a = 1\nexport { a }\nexport { b } from './b.js'\n");
    place.write("b.js", "const b = 2\nexport { b }\nimport './workflow-extra.js'\n");
    place.write(
        "workflow-extra.js",
        "const pdf = { export: () => 3 }\npdf.export()\nexport const c = pdf?.export()\n",
    );
    place.write("d.json", "\u{feff}{ \"d\": 4 }");
    place.write(
        "main.mjs",
        format!(
            "import {{ a, b }} from './a.js'\nimport {{ c }} from './workflow-extra.js'\n\
             import d from './d.json' with {{ type: 'json' }}\n{META}export default [a, b, c, d.d]\n"
        ),
    );
    assert_eq!(place.run(&["check", "main.mjs"]).code, 0);
    assert_eq!(place.run(&["run", "main.mjs"]).ok()["result"].to_string(), "[1,2,3,4]");
}

/// The rules know every file of a script, and the phases that begin in any of them.
#[test]
fn a_check_looks_at_the_modules_too() {
    let place = Place::new();
    place.write(".git/HEAD", "");
    place.write("names.json", "{ \"agent\": 1 }");
    place.write(
        "lib/ask.ts",
        "export async function ask(topic: string) {\n  phase('Read')\n  phase('Rest')\n  \
         agent('x', { lable: topic })\n  return nothing(topic)\n}\n",
    );
    let meta = "export const meta = { name: 'n', description: 'd', \
                phases: [{ title: 'Read' }, { title: 'Write' }] }\n";
    place.write(
        "main.mjs",
        format!(
            "import {{ ask }} from './lib/ask.ts'\nimport './names.json' with {{ type: 'json' }}\n\
             {meta}export default async () => {{ agent('y'); return await ask('z') }}\n"
        ),
    );
    let ran = place.run(&["check", "main.mjs"]);
    // Excerpts and hints are indented.
    let found = ran.stdout.lines().filter(|line| !line.starts_with(' '));
    let at = |line: &&str| line.split(": ").take(2).collect::<Vec<_>>().join(": ");
    assert_eq!(
        found.map(|line| at(&line)).collect::<Vec<_>>(),
        [
            "main.mjs:3:89: warning",
            "main.mjs:4:30: error",
            "lib/ask.ts:3:9: warning",
            "lib/ask.ts:4:3: error",
            "lib/ask.ts:4:16: warning",
            "lib/ask.ts:5:10: error",
            "1 script checked: 3 errors, 3 warnings",
        ],
        "{}",
        ran.stdout
    );
    assert_eq!(ran.code, 7);
}

/// Many texts that are slow to strip cost no more than one.
#[test]
fn the_modules_of_a_script_share_the_time_to_strip_them() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let place = Place::new();
    place.write(".git/HEAD", "");
    for name in NAMES {
        let slow = "p ? (q) : r => ".repeat(600);
        let text = format!("const p = 1, q = 1\nexport const {name} = {slow}1\n");
        place.write(&format!("{name}.ts"), text);
    }
    let importing = |names: &[&str]| {
        let imports: String = names.iter().map(|name| format!("import './{name}.ts'\n")).collect();
        place.write("main.mjs", format!("{imports}{META}export default 1\n"));
        place.run(&["check", "main.mjs"])
    };
    assert_eq!(importing(&NAMES[..1]).code, 0);
    let ran = importing(&NAMES);
    assert_eq!(ran.code, 7);
    assert!(ran.stdout.contains(".ts:2:") && ran.stdout.contains("split it up"), "{}", ran.stdout);
}
