//! TypeScript scripts: what runs, what is refused and where, and that nothing strips a
//! recorded text again.

mod common;

use common::{Place, journal};

/// A body with every usual kind of type.
const TYPED: &str = "\
import type { Other } from 'nowhere'
type Level = 'low' | 'high'
interface Finding { file: string; level: Level }
export const meta: { name: string; description: string } = {
  name: 'typed',
  description: 'd',
} as const
function asked(file: string, level?: Level): string { return `${level!} ${file}` }
const files = (args as { files: string[] }).files satisfies string[]
const found = await parallel(files.map((file) => () => agent<Finding>(asked(file, 'low'))))
return found as unknown[]
";

const ARGS: [&str; 4] = ["--agent-provider", "debug", "--args", "{\"files\":[\"a\",\"b\"]}"];

fn with<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    first.iter().chain(rest).copied().collect()
}

#[test]
fn a_script_with_types_runs_and_its_journal_holds_both_texts() {
    let place = Place::new();
    place.write("typed.ts", TYPED);
    let ran = place.run(&with(&["run", "typed.ts"], &ARGS));
    assert_eq!(ran.ok()["result"].as_array().unwrap().len(), 2);
    let run = ran.run_id();
    let entries = journal(&place.db(), &run);
    let start = entries.iter().find(|entry| entry["kind"] == "scope_started").unwrap();
    assert_eq!(start["author_text"], TYPED);
    let text = start["text"].as_str().unwrap();
    assert_eq!(text.len(), TYPED.len());
    assert!(!text.contains("interface") && text.contains("name: 'typed'"), "{text}");

    // Nothing reads the file again, or takes types out of the recorded text.
    place.write("typed.ts", "no script at all <");
    assert_eq!(place.run(&["replay", &run]).ok()["fuelCompared"], true);
    let fork = place.run(&["fork", &run, "--agent-provider", "debug"]);
    assert_eq!(fork.ok()["reused"]["agents"], 2);
    place.write("typed.ts", TYPED);
    let fixture = place.run(&["export", &run, "--fixture", "typed.swf"]);
    assert_eq!(fixture.code, 0, "{}", fixture.stderr);
    let tested = place.run(&["test", "typed.swf"]);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
    // Another type is another text, but no other run.
    place.write("typed.ts", TYPED.replace("'low' | 'high'", "string"));
    let tested = place.run(&["test", "typed.swf"]);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
}

#[test]
fn an_error_is_at_the_authors_line_and_shows_it() {
    let place = Place::new();
    let script = "export const meta = { name: 'b', description: 'd' }\n\
                  type X = { a: number }\n\
                  const f = (x: X): number => (x as any).b.c\n\
                  return f({ a: 1 })\n";
    place.write("b.ts", script);
    let ran = place.run(&["run", "b.ts", "--agent-provider", "debug"]);
    ran.fails(1, &["failed at 3:42", "const f = (x: X): number => (x as any).b.c"]);
    let planned = place.run(&["plan", "b.ts"]);
    assert!(planned.stderr.contains("3:42"), "{}", planned.stderr);
    let explored = place.run(&["explore", "b.ts"]);
    assert!(explored.stdout.contains("(x: X): number"), "{}", explored.stdout);
}

#[test]
fn what_is_more_than_a_type_is_refused_with_what_to_write() {
    let place = Place::new();
    let meta = "export const meta = { name: 'r', description: 'd' }\n";
    for (line, code, says) in [
        ("enum Level { Low }", "typescript_refused", "as const"),
        ("namespace A { export const b = 1 }", "typescript_refused", "write an object"),
        (
            "class A { constructor(private b: string) {} }",
            "typescript_refused",
            "in the constructor",
        ),
        ("const a = <string>args", "typescript_refused", "`x as T`"),
        ("const a: = 1", "typescript_syntax", ""),
    ] {
        place.write("r.ts", format!("{meta}{line}\nreturn 1\n"));
        let ran = place.run(&["run", "r.ts", "--agent-provider", "debug"]);
        ran.fails(3, &["r.ts:2:", code, says, line]);
        place.run(&["check", "r.ts"]).printed(7).contains("r.ts:2:").then_some(()).unwrap();
    }
    // Types in a file of JavaScript name the ending.
    place.write("r.js", format!("{meta}const a: string = 'a'\nreturn a\n"));
    place.run(&["run", "r.js", "--agent-provider", "debug"]).fails(3, &[".ts or .mts"]);
}

/// Code that overflows the stack of a parser that recurses.
fn deep(of: &str) -> String {
    const DEPTH: usize = 20_000;
    let many = |part: &str| part.repeat(DEPTH);
    match of {
        "brackets" => format!("const a = {}1{}", many("["), many("]")),
        "braces" => format!("{}{}", many("{"), many("}")),
        "generics" => format!("type A = {}B{}", many("C<"), many(">")),
        "ternaries" => format!("const a = {}1{}", many("1?"), many(":1")),
        _ => format!("const a = {}1", many("!")),
    }
}

#[test]
fn hostile_nesting_is_an_error_with_a_line() {
    let place = Place::new();
    let meta = "export const meta = { name: 'h', description: 'd' }\n";
    place.write("h.mjs", format!("{meta}import './deep.mjs'\nexport default 1\n"));
    place.write("t.mjs", format!("{meta}import './deep.ts'\nexport default 1\n"));
    for of in ["brackets", "braces", "generics", "ternaries", "unary"] {
        let text = deep(of);
        place.write("deep.mjs", format!("\n{text}\n"));
        place.write("deep.ts", format!("\n{text}\n"));
        place.write("own.js", format!("{meta}{text}\nreturn 1\n"));
        place.write("own.ts", format!("{meta}{text}\nreturn 1\n"));
        for script in ["own.js", "own.ts", "h.mjs", "t.mjs"] {
            for command in ["run", "check", "plan"] {
                let flags: &[&str] =
                    if command == "run" { &["--agent-provider", "debug"] } else { &[] };
                let ran = place.run(&with(&[command, script], flags));
                let said = format!("{}{}", ran.stdout, ran.stderr);
                // QuickJS reads a chain of operators in a loop: it runs.
                let runs = ran.code == 0 && of == "unary" && !script.ends_with(".ts");
                let is_told = [1, 3, 7].contains(&ran.code) && said.contains(":2:");
                assert!(runs || is_told, "{of} in {script}, {command}: {} {said:.600}", ran.code);
            }
        }
    }
}

#[test]
fn child_workflows_may_be_typescript_by_path_and_by_name() {
    let place = Place::new();
    place.write(".git/HEAD", "");
    let child = |name: &str, value: &str| {
        format!(
            "export const meta = {{ name: '{name}', description: 'd' }} as const\nreturn '{value}' as string\n"
        )
    };
    place.write("child.ts", child("c", "by path"));
    place.write(".agents/workflows/named.mts", child("of-meta", "by name"));
    place.write(".agents/workflows/named.d.mts", "export const meta: { name: 'of-meta' }");
    let ran = place.script(
        "export const meta = { name: 'p', description: 'd' }\n\
         return [await workflow({ scriptPath: './child.ts' }), await workflow('of-meta')]",
        &["--agent-provider", "debug"],
    );
    assert_eq!(ran.ok()["result"], serde_json::json!(["by path", "by name"]));
}
