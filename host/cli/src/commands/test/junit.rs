//! Verdicts as JUnit XML, which every CI reads.
//!
//! Owns: the form. Never: writes the file.

use jiff::Timestamp;

use super::FixtureResult;
use super::verdict_text;
use crate::sanitize;

/// The document of all fixtures: one test case each, times in seconds.
pub(super) fn document(tested: &[FixtureResult]) -> String {
    let failed = tested.iter().filter(|one| !one.pass).count();
    let took: f64 = tested.iter().map(|one| one.took.as_secs_f64()).sum();
    let sums = format!(
        "name=\"smol-wf\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{took:.3}\"",
        tested.len()
    );
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {sums}>\n  <testsuite {sums} skipped=\"0\" timestamp=\"{now}\" hostname=\"localhost\">\n",
    );
    for one in tested {
        let name = escape(&one.fixture);
        // Some readers require a class.
        let named = one.verdict.as_ref().map(|verdict| verdict.name.as_str());
        let class = escape(named.filter(|name| !name.is_empty()).unwrap_or("smol-wf"));
        let took = one.took.as_secs_f64();
        let open = format!(
            "    <testcase classname=\"{class}\" name=\"{name}\" file=\"{name}\" time=\"{took:.3}\""
        );
        match verdict_text::first(one) {
            None => text.push_str(&format!("{open}/>\n")),
            Some(message) => {
                let kind = if one.verdict.is_some() { "difference" } else { "error" };
                let (message, all) = (escape(&message), escape(&verdict_text::of_test(one)));
                text.push_str(&format!(
                    "{open}>\n      <failure message=\"{message}\" type=\"{kind}\">{all}</failure>\n    </testcase>\n"
                ));
            }
        }
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Text for elements and attributes; XML 1.0 cannot hold control characters.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            other if sanitize::is_unsafe(other) => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let safe = escape("\"/><x a='1'>&\u{1b}\n");
        assert_eq!(safe, "&quot;/&gt;&lt;x a='1'&gt;&amp;\u{fffd}&#10;");
    }
}
