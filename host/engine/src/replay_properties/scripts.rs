//! Generates random workflow scripts.
//!
//! Owns: the statements of a generated script. Never: loops forever, or waits for a promise
//! that never settles. A generated script may fail.

use std::fmt::Write as _;

/// Most levels of nested statements.
const DEPTH_MAX: u32 = 3;

/// The random choices of a generated script and its run.
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A number from 0 to `below` - 1. `below` must not be 0.
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0.u64(0..below)
    }
}

/// A script in the body dialect.
pub(super) fn script(dice: &mut Dice) -> String {
    let mut text = META.to_owned();
    let statements = 2 + dice.roll(4);
    for _ in 0..statements {
        statement(dice, DEPTH_MAX, true, &mut text);
    }
    text.push_str("return { out, time: Date.now(), random: Math.random() }\n");
    text
}

/// A script for a child workflow, which starts no other.
pub(super) fn child(dice: &mut Dice) -> String {
    let mut text = META.to_owned();
    for _ in 0..1 + dice.roll(2) {
        statement(dice, 1, false, &mut text);
    }
    text.push_str("return out.length + args.length\n");
    text
}

const META: &str = "// größer – ✓\nexport const meta = { name: 'generated', description: 'out of dice' }\nconst out = []\nconst show = value => { try { return JSON.stringify(value)?.slice(0, 40) } catch { return 'odd' } }\n";

fn statement(dice: &mut Dice, depth: u32, children: bool, text: &mut String) {
    let n = dice.roll(1_000);
    // Writing to a string cannot fail.
    let _ = match dice.roll(if depth > 0 { 9 } else { 5 }) {
        0 => writeln!(text, "log('at', Date.now(), {n})"),
        1 => writeln!(text, "phase('phase {}')", n % 3),
        2 => writeln!(text, "out.push(Math.floor(Math.random() * {}))", n + 1),
        3 => writeln!(text, "agent('left alone {n}').catch(() => {{}})"),
        4 => writeln!(text, "out.push(show({}))", expression(dice, depth, children)),
        5 => {
            let _ = writeln!(text, "try {{");
            statement(dice, depth - 1, children, text);
            let _ = writeln!(text, "}} catch (error) {{");
            let _ = writeln!(text, "out.push(error.code ?? error.name)");
            statement(dice, depth - 1, children, text);
            writeln!(text, "}} finally {{ log('done', out.length) }}")
        }
        6 => {
            let _ = writeln!(text, "for (let i = 0; i < {}; i++) {{", 1 + n % 3);
            statement(dice, depth - 1, children, text);
            writeln!(text, "}}")
        }
        7 => {
            let _ = writeln!(text, "if (Math.random() < 0.5) {{");
            statement(dice, depth - 1, children, text);
            let _ = writeln!(text, "}} else {{");
            statement(dice, depth - 1, children, text);
            writeln!(text, "}}")
        }
        _ => {
            let _ = writeln!(text, "await Promise.all(args.files?.map?.(async file => {{");
            statement(dice, depth - 1, children, text);
            writeln!(text, "}}) ?? [])")
        }
    };
}

fn expression(dice: &mut Dice, depth: u32, children: bool) -> String {
    let n = dice.roll(1_000);
    let below = depth.saturating_sub(1);
    match dice.roll(if depth > 0 { 9 } else { 4 }) {
        0 => format!("await agent('ask {n} é')"),
        1 => format!(
            "await agent('ask {n} ' + out.length, {{ label: 'l{n}', schema: {{ type: 'object' }} }})"
        ),
        2 => format!("await SW.sleep({n})"),
        3 => match n % 3 {
            0 => format!(
                "(await SW.extra.approve('ok {n}?', {{ timeout: {n}, onTimeout: {{ value: false }} }})).approved"
            ),
            1 => format!(
                "await SW.extra.ask('what {n}?', {{ schema: {{ type: 'integer' }}, timeout: {n} }})"
            ),
            _ => format!("await SW.extra.waitFor('event {n}', {{ onTimeout: {{ value: null }} }})"),
        },
        4 => {
            let list = several(dice, below, children, "async () => ");
            format!("await parallel([{list}])")
        }
        5 => {
            let (one, two) = (expression(dice, 0, false), expression(dice, below, children));
            format!(
                "await pipeline(['x', 'y', {n}], async item => {one}, async (seen, item, index) => {two})"
            )
        }
        6 => {
            let list = several(dice, below, children, "(async () => ");
            format!("await Promise.race([{}])", list.replace("/**/", ")()"))
        }
        7 if children => format!("await workflow({{ scriptPath: './c{n}.js' }}, [{n}])"),
        _ => {
            let inner = expression(dice, below, children);
            format!("[{inner}, budget.spent(), budget.remaining()]")
        }
    }
}

/// Two to four expressions, each between `before` and a mark.
fn several(dice: &mut Dice, depth: u32, children: bool, before: &str) -> String {
    let count = 2 + dice.roll(3);
    let one = |dice: &mut Dice| format!("{before}{}/**/", expression(dice, depth, children));
    (0..count).map(|_| one(dice)).collect::<Vec<_>>().join(", ")
}
