//! The difference of two texts as `-` and `+` lines.
//!
//! Owns: the layout. Never: decides which fields are compared.

use similar::{ChangeTag, TextDiff};
use smol_wf_core::mismatch::FieldDiff;

use crate::sanitize;

/// Lines of context around a change.
const CONTEXT_LINES: usize = 2;

/// Most lines of one field; nobody reads more.
const LINES_MAX: usize = 60;

/// Most columns of a line.
const LINE_COLUMNS: usize = 160;

/// Characters shown before the first difference in a long line.
const LEAD_CHARS: usize = 40;

/// The differing fields, one below the other.
pub(crate) fn of_fields(fields: &[FieldDiff]) -> String {
    let shown = fields.iter().map(|field| {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "(not set)".to_owned());
        format!("{}:\n{}", field.field, of_texts(&side(&field.recorded), &side(&field.now)))
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// The difference of two texts; `-` is the recorded one.
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

/// Number of characters in the common beginning.
fn first_difference(left: &str, right: &str) -> usize {
    left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count()
}

/// The part of a long line around its first difference.
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
    fn long_texts_show_only_lines_around_the_change() {
        let old: String = (0..100).map(|line| format!("{line}\n")).collect();
        let shown = of_texts(&old, &old.replace("50\n", "fifty\n"));
        assert_eq!(shown, "  48\n  49\n- 50\n+ fifty\n  51\n  52");
    }
}
