//! A run in trace formats that other programs show on a time line.
//!
//! Owns: which part of [`Details`](crate::details::Details) becomes which event or
//! span. Never: sends a trace.

mod chrome;
mod otlp;

pub use chrome::{chrome, chrome_events};
pub use otlp::{SpanTexts, Spans, otlp};
