//! Verdicts as JUnit XML, which every CI reads.
//!
//! Owns: the form. Never: writes the file.

use super::Tested;
use super::words;

/// The document of all fixtures.
pub(super) fn document(tested: &[Tested]) -> String {
    let failed = tested.iter().filter(|one| !one.pass).count();
    let took: f64 = tested.iter().map(|one| one.took.as_secs_f64()).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"smol-wf\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{took:.3}\">\n",
        tested.len()
    );
    for one in tested {
        let name = escape(&one.fixture);
        let class = escape(one.verdict.as_ref().map_or("", |verdict| &verdict.name));
        let took = one.took.as_secs_f64();
        let open = format!(
            "    <testcase classname=\"{class}\" name=\"{name}\" file=\"{name}\" time=\"{took:.3}\""
        );
        match words::first(one) {
            None => text.push_str(&format!("{open}/>\n")),
            Some(message) => {
                let (message, all) = (escape(&message), escape(&words::of_test(one)));
                text.push_str(&format!(
                    "{open}>\n      <failure message=\"{message}\">{all}</failure>\n    </testcase>\n"
                ));
            }
        }
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Text for elements and attributes; XML 1.0 has no place for controls.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => {
                safe.push('\u{fffd}');
            }
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
