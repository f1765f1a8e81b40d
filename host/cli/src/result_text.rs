//! A value of a script or an agent as text for people.
//!
//! Owns: when a value is shown as text and when as JSON, and how much of it a
//! terminal gets. Never: prints.

use serde_json::{Map, Value};

use crate::humanize::plural;
use crate::{output, sanitize};

/// Most lines of a result on a terminal: a few screens, so that what was printed
/// before it is still in reach.
pub(crate) const ROWS_MAX: usize = 200;

/// A text that is longer than this, or has several lines, is written to be read.
const SHORT_CHARS_MAX: usize = 120;

/// Most fields beside such a text; with more, an object is a record.
const FIELDS_MAX: usize = 8;

/// A result as text, safe to print.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResultText {
    pub(crate) text: String,
    /// Whether the text has all of the result.
    pub(crate) is_whole: bool,
}

/// The text of a result. `None` if there is nothing to show: null, or a text without
/// content.
pub(crate) fn of_result(json: &str) -> Option<ResultText> {
    let whole = |text| ResultText { text, is_whole: true };
    let shown = match serde_json::from_str(json) {
        Ok(Value::Null) => return None,
        Ok(Value::Object(fields)) => match article(&fields) {
            Some(text) => text,
            None => whole(of_value(&Value::Object(fields))),
        },
        Ok(value) => whole(of_value(&value)),
        Err(_) => whole(output::escape(json)),
    };
    Some(shown).filter(|shown| !shown.text.trim().is_empty())
}

/// The text of any JSON value, safe to print: text as it is, all else as indented
/// JSON. A value that is nested too deeply stays on one line.
pub(crate) fn of_json(json: &str) -> String {
    serde_json::from_str(json).map_or_else(|_| output::escape(json), |value| of_value(&value))
}

/// See [`of_json`].
fn of_value(value: &Value) -> String {
    match value {
        Value::String(text) => sanitize::with_tabs(text),
        value => output::escape(&format!("{value:#}")),
    }
}

/// An object that is mostly one text to read: the other fields as lines, lists and
/// objects by their size alone, then the text. `None` for any other object.
fn article(fields: &Map<String, Value>) -> Option<ResultText> {
    let is_article = |value: &&Value| value.as_str().is_some_and(is_to_read);
    let mut articles = fields.values().filter(is_article);
    let (article, None) = (articles.next()?.as_str()?, articles.next()) else { return None };
    let others = fields.iter().filter(|(_, value)| !is_article(value));
    let (mut lines, mut bytes_left_out) = (Vec::new(), 0);
    for (name, value) in others {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) if !items.is_empty() => plural(items.len(), "item"),
            Value::Object(fields) if !fields.is_empty() => plural(fields.len(), "field"),
            plain => plain.to_string(),
        };
        if matches!(value, Value::Array(_) | Value::Object(_)) {
            bytes_left_out += value.to_string().len();
        }
        lines.push(sanitize::one_line(&format!("{name}: {shown}")));
    }
    if lines.len() > FIELDS_MAX || bytes_left_out > article.len() {
        return None;
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(sanitize::with_tabs(article));
    let is_whole = bytes_left_out <= "[]".len();
    Some(ResultText { text: lines.join("\n"), is_whole })
}

/// Whether a text is long, or has several lines.
fn is_to_read(text: &str) -> bool {
    text.trim_end().contains('\n') || text.chars().nth(SHORT_CHARS_MAX).is_some()
}

/// A text that was cut to the rows of a terminal.
pub(crate) struct Cut {
    pub(crate) text: String,
    /// Rows that it takes.
    pub(crate) rows: usize,
    /// Lines that are missing, the cut one included.
    pub(crate) lines_left_out: usize,
}

/// Cuts a text to [`ROWS_MAX`] rows of a terminal of so many columns, with `…` at the
/// cut.
pub(crate) fn to_rows(text: &str, columns: usize) -> Cut {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let (mut rows, mut lines_left_out) = (0, 0);
    let mut rest = text.lines();
    while let Some(line) = rest.next() {
        let takes = sanitize::columns(line).div_ceil(columns).max(1);
        if rows + takes > ROWS_MAX {
            let room = (ROWS_MAX - rows) * columns;
            lines.push(if room > 0 { sanitize::cut(line, room) } else { "…".to_owned() });
            (rows, lines_left_out) = (ROWS_MAX, 1 + rest.count());
            break;
        }
        rows += takes;
        lines.push(line.to_owned());
    }
    Cut { text: lines.join("\n"), rows, lines_left_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &Value) -> Option<String> {
        of_result(&value.to_string()).map(|shown| shown.text)
    }

    #[test]
    fn text_is_shown_as_it_is_and_data_as_json() {
        assert_eq!(shown(&"# Hello\n\n- a\tb".into()).unwrap(), "# Hello\n\n- a\tb");
        assert_eq!(shown(&serde_json::json!({"a": [1]})).unwrap(), "{\n  \"a\": [\n    1\n  ]\n}");
        assert_eq!(shown(&1.5.into()).unwrap(), "1.5");
        assert_eq!(shown(&false.into()).unwrap(), "false");
        assert_eq!(shown(&Value::Null), None);
        assert_eq!(shown(&" \n".into()), None);
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(of_result(&deep).unwrap().text, deep);
    }

    #[test]
    fn one_text_among_short_fields_is_read_as_text() {
        let report =
            serde_json::json!({"score": 3, "by": "Ada\u{1b}", "text": "# All\nfine", "left": null});
        assert_eq!(shown(&report).unwrap(), "score: 3\nby: Ada\u{fffd}\nleft: null\n\n# All\nfine");
        assert_eq!(shown(&serde_json::json!({"text": "a\nb"})).unwrap(), "a\nb");
        for record in [
            serde_json::json!({"a": "1\n2", "b": "1\n2"}),
            serde_json::json!({"a": "1\n2", "b": [1, 2]}),
            serde_json::json!({"a": "short", "b": "one line\n"}),
        ] {
            assert!(shown(&record).unwrap().starts_with('{'), "{record}");
        }
    }

    #[test]
    fn beside_a_long_text_lists_are_counted() {
        let of = |pods: Value| {
            let report = serde_json::json!({"healthy": false, "pods": pods, "report": "# All\n\nfine and well"});
            of_result(&report.to_string()).unwrap()
        };
        let counted = of(serde_json::json!([{"a": 1}, {}]));
        assert_eq!(counted.text, "healthy: false\npods: 2 items\n\n# All\n\nfine and well");
        assert!(!counted.is_whole);
        let empty = of(serde_json::json!([]));
        assert_eq!(empty.text, "healthy: false\npods: []\n\n# All\n\nfine and well");
        assert!(empty.is_whole);
    }

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        let hostile = "a\u{1b}]0;t\u{7}\n::error::x\u{202e}";
        assert_eq!(shown(&hostile.into()).unwrap(), "a\u{fffd}]0;t\u{fffd}\n: :error::x\u{fffd}");
        let nested = shown(&serde_json::json!([hostile])).unwrap();
        assert!(nested.contains("\\u001b]0;t\\u0007\\n::error::x\\u202e"), "{nested}");
    }

    #[test]
    fn a_long_text_is_cut_to_the_rows_of_its_terminal() {
        let lines = |count: usize| vec!["0123456789"; count].join("\n");
        let whole = to_rows(&lines(ROWS_MAX), 10);
        assert_eq!((whole.rows, whole.lines_left_out), (ROWS_MAX, 0));
        assert_eq!(whole.text, lines(ROWS_MAX));
        let cut = to_rows(&lines(ROWS_MAX + 5), 10);
        assert_eq!(cut.lines_left_out, 5);
        assert_eq!(cut.text, format!("{}\n…", lines(ROWS_MAX)));
        let wrapped = to_rows(&lines(ROWS_MAX), 5);
        assert_eq!(wrapped.lines_left_out, ROWS_MAX / 2);
        let one = to_rows(&"x".repeat(5_000), 10);
        assert_eq!(one.lines_left_out, 1);
        assert_eq!(one.text.chars().count(), ROWS_MAX * 10);
    }
}
