//! Two texts, shown as what was taken away and what was put in.
//!
//! Owns: the layout. Never: decides what differs.

use similar::{ChangeTag, TextDiff};
use smol_wf_core::mismatch::FieldDiff;

use crate::sanitize;

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 2;

/// Lines of one field at the most: more is no longer read.
const LINES_MAX: usize = 60;

/// Columns of a line that are shown.
const LINE_COLUMNS: usize = 160;

/// Characters before the first difference of a long line.
const LEAD_CHARS: usize = 40;

/// Fields that differ, one under the other.
pub(crate) fn of_fields(fields: &[FieldDiff]) -> String {
    let shown = fields.iter().map(|field| {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "(not set)".to_owned());
        format!("{}:\n{}", field.field, of_texts(&side(&field.recorded), &side(&field.now)))
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// Two texts; `-` is the recorded one.
pub(crate) fn of_texts(recorded: &str, now: &str) -> String {
    if !recorded.contains('\n') && !now.contains('\n') {
        let from = first_difference(recorded, now);
        return format!("- {}\n+ {}", window(recorded, from), window(now, from));
    }
    let diff = TextDiff::from_lines(recorded, now);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if index > 0 {
            lines.push("  …".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let text = sanitize::one_line(change.value().trim_end_matches(['\n', '\r']));
            lines.push(format!("{sign} {}", sanitize::cut(&text, LINE_COLUMNS)));
        }
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("  … {more} more lines"));
    }
    lines.join("\n")
}

/// Characters that both begin with.
fn first_difference(left: &str, right: &str) -> usize {
    left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count()
}

/// The part of a line that the difference begins in.
fn window(text: &str, from: usize) -> String {
    let text = sanitize::one_line(text);
    if sanitize::columns(&text) <= LINE_COLUMNS {
        return text;
    }
    let skipped = from.saturating_sub(LEAD_CHARS);
    let rest: String = text.chars().skip(skipped).collect();
    let lead = if skipped > 0 { "…" } else { "" };
    format!("{lead}{}", sanitize::cut(&rest, LINE_COLUMNS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_where_it_differs() {
        let (old, new) = (format!("{}old", "x".repeat(500)), format!("{}new", "x".repeat(500)));
        let shown = of_texts(&old, &new);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("- …xx") && lines[0].ends_with("old"), "{shown}");
        assert!(lines[1].ends_with("new"), "{shown}");
    }

    #[test]
    fn of_many_lines_those_around_the_change_are_shown() {
        let old: String = (0..100).map(|line| format!("{line}\n")).collect();
        let shown = of_texts(&old, &old.replace("50\n", "fifty\n"));
        assert_eq!(shown, "  48\n  49\n- 50\n+ fifty\n  51\n  52");
    }
}
