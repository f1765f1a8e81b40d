//! Whether a file is a whole event stream, of this program or of an older one.
//!
//! Owns: what is wrong with a stream, and where. Never: shows one; a stream with warnings
//! can still be shown.

use serde::Serialize;
use serde_json::{Map, Value};

/// Most problems that are kept; of the others there is only the number.
const PROBLEMS_MAX: usize = 1_000;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// The line is not an event.
    Error,
    /// The stream can be shown, but something is missing or odd.
    Warning,
}

/// Something wrong with a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// The line, from 1; none for the stream as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    pub(crate) severity: Severity,
    /// A word for machines.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// What was found in a stream.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Findings {
    /// Lines that are not empty.
    pub(crate) events: u64,
    pub(crate) errors: u64,
    pub(crate) warnings: u64,
    /// The first problems, in the order of their lines.
    pub(crate) problems: Vec<Problem>,
}

/// Checks a stream line by line.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    found: Findings,
    lines: u64,
    starts: u64,
    is_ended: bool,
    /// The latest time, and its line.
    latest: Option<(u64, u64)>,
}

impl Checker {
    /// Checks the next line.
    pub(crate) fn line(&mut self, text: &str) {
        self.lines += 1;
        if text.trim().is_empty() {
            return;
        }
        self.found.events += 1;
        match serde_json::from_str(text) {
            Ok(Value::Object(event)) => self.event(&event),
            Ok(_) => self.error("not_an_object", "not a JSON object".to_owned()),
            Err(error) => {
                self.error("not_json", format!("not JSON, at column {}: {error}", error.column()));
            }
        }
    }

    /// A line that cannot be read as text.
    pub(crate) fn unreadable(&mut self, why: &str) {
        self.lines += 1;
        self.found.events += 1;
        self.error("not_text", why.to_owned());
    }

    fn event(&mut self, event: &Map<String, Value>) {
        let Some(kind) = event.get("type").and_then(Value::as_str).filter(|kind| !kind.is_empty())
        else {
            return self.error("no_type", "`type` is missing".to_owned());
        };
        if event.get("data").is_none_or(Value::is_null) {
            self.error("no_data", format!("`data` is missing in `{kind}`"));
        }
        let metadata = event.get("metadata");
        let depth = metadata.and_then(|metadata| metadata.get("workflowDepth"));
        let depth = depth.and_then(Value::as_u64).unwrap_or(0);
        let parent = metadata.and_then(|metadata| metadata.get("parentStepId"));
        if depth > 0 && parent.is_none_or(Value::is_null) {
            self.warning(
                "no_parent",
                format!("`{kind}` is of a child workflow, and `metadata.parentStepId` is missing"),
            );
        }
        if let Some(nanos) = event.get("elapsedNanos").and_then(Value::as_u64) {
            self.time(nanos);
        }
        if depth == 0 {
            self.root(kind);
        }
    }

    fn time(&mut self, nanos: u64) {
        match self.latest {
            Some((latest, line)) if nanos < latest => self.warning(
                "time_backwards",
                format!("`elapsedNanos` is {nanos}, less than {latest} in line {line}"),
            ),
            _ => self.latest = Some((nanos, self.lines)),
        }
    }

    fn root(&mut self, kind: &str) {
        match kind {
            "workflow.started" => {
                self.starts += 1;
                if self.starts == 2 {
                    self.warning("two_starts", "the run starts for the second time".to_owned());
                }
            }
            // A run that stopped may have been resumed behind it.
            "workflow.resumed" => self.is_ended = false,
            "workflow.result" | "workflow.error" | "workflow.stopped" => self.is_ended = true,
            _ => {}
        }
    }

    /// What was found, after the last line.
    pub(crate) fn finish(mut self) -> Findings {
        let whole = |code, message: &str| Problem {
            line: None,
            severity: Severity::Warning,
            code,
            message: message.to_owned(),
        };
        if self.found.events == 0 {
            let severity = Severity::Error;
            self.add(Problem { severity, ..whole("no_events", "there are no events") });
            return self.found;
        }
        if self.starts == 0 {
            self.add(whole("no_start", "there is no `workflow.started` of the run itself"));
        }
        if !self.is_ended {
            let missing = "there is no end: no `workflow.result`, `workflow.error` or \
                `workflow.stopped` of the run itself";
            self.add(whole("no_end", missing));
        }
        self.found
    }

    fn error(&mut self, code: &'static str, message: String) {
        let line = Some(self.lines);
        self.add(Problem { line, severity: Severity::Error, code, message });
    }

    fn warning(&mut self, code: &'static str, message: String) {
        let line = Some(self.lines);
        self.add(Problem { line, severity: Severity::Warning, code, message });
    }

    fn add(&mut self, problem: Problem) {
        match problem.severity {
            Severity::Error => self.found.errors += 1,
            Severity::Warning => self.found.warnings += 1,
        }
        if self.found.problems.len() < PROBLEMS_MAX {
            self.found.problems.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(stream: &str) -> Vec<(Option<u64>, &'static str)> {
        let mut checker = Checker::default();
        stream.lines().for_each(|line| checker.line(line));
        let found = checker.finish();
        assert_eq!(found.errors + found.warnings, found.problems.len() as u64);
        found.problems.iter().map(|problem| (problem.line, problem.code)).collect()
    }

    const START: &str = r#"{"type":"workflow.started","elapsedNanos":0,"data":{"name":"n"}}"#;
    const END: &str = r#"{"type":"workflow.result","elapsedNanos":9,"data":{"result":1}}"#;

    #[test]
    fn a_whole_stream_has_no_problem() {
        assert_eq!(found(&format!("{START}\n\n{END}\n")), []);
        let unknown = r#"{"type":"of.tomorrow","data":{}}"#;
        assert_eq!(found(&format!("{START}\n{unknown}\n{END}")), []);
    }

    #[test]
    fn each_problem_is_found_in_its_line() {
        for (line, code) in [
            ("{", "not_json"),
            ("[]", "not_an_object"),
            (r#"{"data":{}}"#, "no_type"),
            (r#"{"type":7,"data":{}}"#, "no_type"),
            (r#"{"type":"workflow.log"}"#, "no_data"),
            (r#"{"type":"workflow.log","data":{},"metadata":{"workflowDepth":1}}"#, "no_parent"),
            (START, "two_starts"),
        ] {
            assert_eq!(found(&format!("{START}\n{line}\n{END}")), [(Some(2), code)], "{line}");
        }
        let backwards = format!("{START}\n{END}\n{}", END.replace('9', "3"));
        assert_eq!(found(&backwards), [(Some(3), "time_backwards")]);
        assert_eq!(found(END), [(None, "no_start")]);
        assert_eq!(found(START), [(None, "no_end")]);
        let resumed = r#"{"type":"workflow.resumed","data":{"attempt":2}}"#;
        assert_eq!(found(&format!("{START}\n{END}\n{resumed}")), [(None, "no_end")]);
        assert_eq!(found("\n"), [(None, "no_events")]);
        // A child's end is not the end of the run.
        let child = r#"{"type":"workflow.result","data":{},"metadata":{"workflowDepth":1,"parentStepId":"2"}}"#;
        assert_eq!(found(&format!("{START}\n{child}")), [(None, "no_end")]);
    }

    #[test]
    fn the_problems_of_a_hopeless_file_are_counted_and_not_all_kept() {
        let mut checker = Checker::default();
        (0..5_000).for_each(|_| checker.line("x"));
        let found = checker.finish();
        assert_eq!((found.errors, found.problems.len()), (5_000, PROBLEMS_MAX));
    }
}
