//! The fuel that passing values as JSON costs.

mod common;

use common::*;
use smol_wf_core::guest::Status;
use smol_wf_core::limits::FUEL_PER_AGENT;

/// Rows as scripts collect them, about 46 bytes each.
fn rows(count: usize) -> String {
    format!(
        "const big = {{ rows: Array.from({{ length: {count} }}, (_, i) => ({{ id: i, name: 'row' + i, tags: ['a', 'b'] }})) }}\n"
    )
}

/// Fuel of the first turn of a script.
async fn fuel(text: &str) -> u64 {
    let ran = run(&sandbox(), &body(text)).await;
    assert!(matches!(ran.end, Ok(Status::Done(_))), "{:?}", ran.end);
    ran.fuel[0]
}

#[tokio::test]
async fn a_result_of_4_mb_is_not_taken_for_an_endless_loop() {
    let ran = run(&sandbox(), &body(&format!("{}return big", rows(90_000)))).await;
    assert!(ran.done().len() > 4_000_000, "{}", ran.done().len());
    println!("a result of 4 MB: {} of {FUEL}", ran.fuel[0]);
}

#[tokio::test]
async fn large_arguments_of_many_children_are_not_taken_for_an_endless_loop() {
    let text = format!("{}for (let i = 0; i < 12; i++) workflow('x', big)\nreturn 1", rows(22_000));
    let ran = run(&sandbox(), &body(&text)).await;
    assert_eq!(ran.done(), "1");
    let lengths: Vec<_> = ran.host.args.iter().flatten().map(String::len).collect();
    assert!(lengths.len() == 12 && lengths.iter().all(|&length| length > 1_000_000), "{lengths:?}");
    println!("12 times 1 MB of arguments: {} of {FUEL}", ran.fuel[0]);
}

/// Plain data costs little more than `JSON.stringify`, and a value that has to be copied
/// at most three times as much.
#[tokio::test]
async fn values_cost_at_most_three_times_as_much_as_json_stringify() {
    for (value, most) in [
        ("({ id: i, name: 'row' + i, tags: ['a', 'b'] })", 1.5),
        ("i", 1.5),
        ("['text', true]", 1.5),
        ("i / 7", 1.5),
        ("new Row(i)", 3.0),
        ("({ id: i, name: 'row' + i, n: i % 100 ? 1 : NaN, d: new Date(i) })", 3.0),
    ] {
        let script = |end: &str| {
            format!(
                "class Row {{ constructor(i) {{ this.id = i; this.name = 'row' + i; this.tags = ['a', 'b'] }} }}
                const big = Array.from({{ length: 5000 }}, (_, i) => {value})\n{end}"
            )
        };
        let made = fuel(&script("return 1")).await;
        let stringified = fuel(&script("JSON.stringify(big); return 1")).await - made;
        for end in ["return big", "workflow('x', big); return 1"] {
            let written = fuel(&script(end)).await - made;
            let times = written as f64 / stringified as f64;
            println!("{value}, {end}: {times:.2} times JSON.stringify");
            assert!(times < most, "{value}, {end}: {times}");
        }
    }
}

/// One turn may ask for 100,000 agents, each with its own schema.
#[tokio::test]
async fn a_turn_has_fuel_for_agents_with_schemas_of_their_own() {
    let agents = 100_000;
    let turn = FUEL + (agents - 1_000) * FUEL_PER_AGENT;
    let schema = "schema: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' }, c: { type: 'array', items: { type: 'string' } }, d: { enum: ['x', 'y'] } }, required: ['a', 'b'] }";
    for (what, most, more) in
        [("a schema of its own", turn / agents, schema), ("a label alone", FUEL_PER_AGENT, "")]
    {
        let count = 20_000;
        let text = format!(
            "for (let i = 0; i < {count}; i++) agent('p' + i, {{ label: 'l' + i, {more} }})\nreturn 1"
        );
        let ran = run(&sandbox(), &body(&text)).await;
        assert_eq!((ran.done(), ran.host.options.len()), ("1", count));
        let each = ran.fuel[0] / count as u64;
        println!("{what}: {each} for each call");
        assert!(each < most, "{what}: {each}");
    }
}
