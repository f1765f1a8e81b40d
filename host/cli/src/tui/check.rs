//! Whether a file is a whole event stream, of this program or of an older one.
//!
//! Owns: what is wrong with a stream, and where. Never: shows one; a stream with warnings
//! can still be shown, and one with errors as far as the first. Never: reads a line by
//! itself, so that what is right here can be shown.

use std::io::{self, BufRead};

use serde::Serialize;
use smol_wf_core::event::parse::{EventLine, EventLineFault, event_line};
use smol_wf_core::event::{Event, EventData};

use super::event_lines::{BadLine, EventLines};

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
    /// Number of the line.
    line: u64,
    starts: u64,
    is_ended: bool,
    /// The latest time, and its line.
    latest: Option<(u64, u64)>,
}

impl Checker {
    /// Checks the next line, which has this number.
    pub(crate) fn line(&mut self, number: u64, line: &Result<EventLine, BadLine>) {
        self.line = number;
        self.found.events += 1;
        match line {
            Ok(line) => self.event(line),
            Err(bad) => self.error(code_of(bad), bad.to_string()),
        }
    }

    /// Checks the next line of a stream that has no file.
    pub(crate) fn text(&mut self, text: &str) {
        self.line(self.line + 1, &event_line(text.trim_end()).map_err(BadLine::NotEvent));
    }

    /// Checks all lines. Fails if they cannot be read.
    pub(crate) fn lines(mut self, source: impl BufRead) -> io::Result<Findings> {
        let mut lines = EventLines::new(source);
        while let Some(line) = lines.next()? {
            self.line(lines.number(), &line);
        }
        Ok(self.finish())
    }

    fn event(&mut self, line: &EventLine) {
        let Event { metadata, data, elapsed_nanos, .. } = &line.event;
        if metadata.workflow_depth > 0 && metadata.parent_step_id.is_none() {
            let kind = match data {
                EventData::Other(other) => &other.kind,
                data => data.kind().word(),
            };
            let message =
                format!("`{kind}` is of a child workflow, and `metadata.parentStepId` is missing");
            self.warning("no_parent", message);
        }
        if line.has_time {
            self.time(*elapsed_nanos);
        }
        if metadata.workflow_depth == 0 {
            self.root(data);
        }
    }

    fn time(&mut self, nanos: u64) {
        match self.latest {
            Some((latest, line)) if nanos < latest => self.warning(
                "time_backwards",
                format!("`elapsedNanos` is {nanos}, less than {latest} in line {line}"),
            ),
            _ => self.latest = Some((nanos, self.line)),
        }
    }

    fn root(&mut self, data: &EventData) {
        match data {
            EventData::Started(_) => {
                self.starts += 1;
                if self.starts == 2 {
                    self.warning("two_starts", "the run starts for the second time".to_owned());
                }
            }
            // A run that stopped may have been resumed behind it.
            EventData::Resumed { .. } => self.is_ended = false,
            EventData::Completed { .. } | EventData::Failed { .. } | EventData::Stopped(_) => {
                self.is_ended = true;
            }
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
        let line = Some(self.line);
        self.add(Problem { line, severity: Severity::Error, code, message });
    }

    fn warning(&mut self, code: &'static str, message: String) {
        let line = Some(self.line);
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

/// The word for what is wrong with a line.
fn code_of(bad: &BadLine) -> &'static str {
    let BadLine::NotEvent(error) = bad else { return "not_text" };
    match &error.fault {
        EventLineFault::TooLong { .. } => "too_long",
        EventLineFault::NotJson { .. } => "not_json",
        EventLineFault::NotAnObject => "not_an_object",
        EventLineFault::Missing { field: "type" } | EventLineFault::Field { field: "type", .. } => {
            "no_type"
        }
        EventLineFault::Missing { .. } => "no_data",
        _ => "bad_field",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(stream: &str) -> Vec<(Option<u64>, &'static str)> {
        let found = Checker::default().lines(stream.as_bytes()).unwrap();
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
            (r#"{"type":"","data":{}}"#, "no_type"),
            (r#"{"type":"workflow.log"}"#, "no_data"),
            // What a replay refuses.
            (r#"{"type":"workflow.log","data":{}}"#, "bad_field"),
            (r#"{"type":"x","data":{},"seq":"7"}"#, "bad_field"),
            (r#"{"type":"x","data":{},"metadata":{"workflowDepth":1}}"#, "no_parent"),
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
        let found = Checker::default().lines("x\n".repeat(5_000).as_bytes()).unwrap();
        assert_eq!((found.errors, found.problems.len()), (5_000, PROBLEMS_MAX));
    }
}
