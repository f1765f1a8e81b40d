//! `smol-wf export`: a run as events, trace, spans, journal or fixture.
//!
//! Streams: a run may be larger than memory. Owns: which format goes to which
//! file. Never: a format; the core has those.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;
use smol_wf_core::archive;
use smol_wf_core::details::Details;
use smol_wf_core::event::EventFold;
use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::journal::Body;
use smol_wf_core::report::RunState;
use smol_wf_core::trace::{self, SpanTexts, Spans};
use smol_wf_engine::{EngineError, RunReader};

use super::fixture::FixtureFlags;
use super::history::{reader, settings_of};
use crate::failure::{CommandError, FileError};
use crate::file_output::{OutputFile, Overwrites, is_stdout};
use crate::flags::DbFlags;
use crate::output::Sink;
use crate::setup;
use crate::working_folder::LatestFlags;

/// Export a run in a format that other programs read
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// Format of the export
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        required_unless_present = "fixture",
        conflicts_with = "fixture"
    )]
    format: Option<ExportFormat>,

    /// File to write; an existing export is replaced [default: stdout]
    #[arg(long, short, value_name = "FILE", requires = "format")]
    out: Option<PathBuf>,

    /// Include prompts and answers in the spans of otlp-json
    #[arg(long, requires = "format")]
    content: bool,

    #[command(flatten)]
    fixture: FixtureFlags,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

/// Bytes of a prompt that stay in memory: traces show its first line only.
const SHOWN_BYTES_MAX: usize = 4 * 1024;

const EXAMPLES: &str = "\
Examples:
  smol-wf export latest --format chrome-trace --out trace.json
  smol-wf export run_0k3 --format otlp-json --content
  smol-wf export run_0k3 --format journal --out run.journal
  smol-wf export latest --fixture tests/review.swf --redact 'ACME-[0-9]+'";

/// Values of `-o` in other commands; here `-o` names a file.
const FORMATS_OF_OTHERS: [&str; 4] = ["text", "table", "json", "jsonl"];

/// The values of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// The event stream, as --events writes it
    Jsonl,
    /// A timeline for Perfetto or chrome://tracing
    ChromeTrace,
    /// OpenTelemetry spans, with the conventions for generative AI
    OtlpJson,
    /// The journal itself, for `smol-wf import`
    Journal,
}

impl ExportArgs {
    /// Writes the export to stdout or a file. Fails if the run does not exist or
    /// cannot be read, or if the file must not be replaced; a failed export
    /// leaves the old file.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        if self.content && self.format != Some(ExportFormat::OtlpJson) {
            let message = "--content is for otlp-json; jsonl and journal hold prompts and answers, \
                           chrome-trace never does";
            return Err(CommandError::Usage(message.to_owned()));
        }
        if let Some(form) =
            self.out.as_deref().and_then(Path::to_str).filter(|it| FORMATS_OF_OTHERS.contains(it))
        {
            let message = format!(
                "-o names the file to write, and `{form}` is a format: --format jsonl -o FILE; to write a file with this name, use ./{form}"
            );
            return Err(CommandError::Usage(message));
        }
        let Some(form) = self.format else {
            // A fixture is replayed before it is written.
            let engine = setup::engine_with_run(&settings_of(&self.db)?, &self.run)?;
            let run = self.latest.find(&engine, &self.run).await?;
            return self.fixture.export(&engine, run).await;
        };
        let engine = reader(&self.db, Some(&self.run))?;
        let run = self.latest.find(&engine, &self.run).await?;
        let reader = engine.run_reader(&run).await?;
        match self.out.as_deref().filter(|path| *path != Path::new("-") && !is_stdout(path)) {
            None => Box::pin(self.write(form, Sink::stdout(), &run, reader)).await?,
            Some(path) => {
                let failed = |error| FileError::Write { path: path.to_owned(), error };
                // A failed export leaves the old file as it was.
                let file = OutputFile::begin(path, Overwrites::Exports).map_err(failed)?;
                let sink = Sink::file(file.handle().map_err(failed)?);
                Box::pin(self.write(form, sink, &run, reader)).await.map_err(
                    |error| match error {
                        CommandError::Output(error) => failed(error).into(),
                        other => other,
                    },
                )?;
                file.finish().map_err(failed)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Writes the run in pieces where the format allows it, because it may be
    /// larger than memory.
    async fn write(
        &self,
        form: ExportFormat,
        mut sink: Sink,
        run: &RunId,
        mut reader: RunReader,
    ) -> Result<(), CommandError> {
        match form {
            ExportFormat::Jsonl => {
                let mut events = EventFold::new();
                while let Some((_, entries)) = reader.next().await? {
                    for event in entries.iter().flat_map(|entry| events.after(entry)) {
                        sink.json(&serde_json::to_string(&event).map_err(io::Error::from)?)?;
                    }
                }
            }
            ExportFormat::Journal => {
                let mut is_first = true;
                while let Some((records, entries)) = reader.next().await? {
                    if let (true, Some(Body::RunStarted(head))) =
                        (is_first, entries.first().map(|entry| &entry.body))
                    {
                        let (length, tip) = (reader.entries(), reader.tip());
                        sink.json(&archive::head_line(run, &head.name, length, tip))?;
                    }
                    is_first = false;
                    for record in &records {
                        sink.json(&archive::line(record))?;
                    }
                }
            }
            ExportFormat::ChromeTrace | ExportFormat::OtlpJson => {
                let mut whole = Vec::new();
                let mut large = LargeTexts::default();
                while let Some((_, mut entries)) = reader.next().await? {
                    for (seq, entry) in (whole.len() as u64..).zip(&mut entries) {
                        large.note(seq, &entry.body);
                        entry.body.shorten(SHOWN_BYTES_MAX);
                    }
                    whole.append(&mut entries);
                }
                let unknown = |_| EngineError::UnknownRun { asked: run.to_string() };
                let details = Details::fold(&whole, reader.held).map_err(unknown)?;
                if form == ExportFormat::ChromeTrace {
                    let mut list = JsonList::begin(&mut sink, &trace::chrome(&details))?;
                    trace::chrome_events(&details, &mut |event| list.push(event))?;
                    list.finish()?;
                } else {
                    let last = whole.last().map(|last| RunState::after(&last.body, reader.held));
                    let state = last.unwrap_or(RunState::Interrupted);
                    self.spans(&mut sink, &details, state, (&large, &reader)).await?;
                }
            }
        }
        Ok(sink.finish()?)
    }

    /// Writes one span at a time: with prompts and answers, all of them may be
    /// larger than memory.
    async fn spans(
        &self,
        sink: &mut Sink,
        details: &Details<'_>,
        state: RunState,
        (large, reader): (&LargeTexts, &RunReader),
    ) -> Result<(), CommandError> {
        let mut list = JsonList::begin(sink, &trace::otlp(env!("CARGO_PKG_VERSION")))?;
        let spans = Spans::of(details);
        list.push(spans.root(state))?;
        for step in &details.steps {
            let said = match self.content {
                true => Some(large.said(step.step, reader).await?),
                false => None,
            };
            list.push(spans.step(step, said.as_ref()))?;
        }
        Ok(list.finish()?)
    }
}

/// A JSON document whose last list is written one item at a time.
struct JsonList<'a> {
    sink: &'a mut Sink,
    /// What follows the list.
    tail: String,
    /// Spaces before the end of the list; items have two more.
    indent: usize,
    /// The item that is written when it is known whether another follows.
    last: Option<Value>,
}

impl<'a> JsonList<'a> {
    /// Writes `document` up to its last empty list, which the items then fill.
    fn begin(sink: &'a mut Sink, document: &Value) -> io::Result<Self> {
        let frame = serde_json::to_string_pretty(document)?;
        let (before, tail) = frame.rsplit_once("[]").unwrap_or((&frame, ""));
        let indent = before.lines().last().map_or(0, |line| line.len() - line.trim_start().len());
        sink.json(&format!("{before}["))?;
        Ok(Self { sink, tail: tail.to_owned(), indent, last: None })
    }

    /// Writes the item before this one, with a comma, and keeps this one.
    fn push(&mut self, item: Value) -> io::Result<()> {
        match self.last.replace(item) {
            Some(last) => self.sink.indented(self.indent + 2, &last, true),
            None => Ok(()),
        }
    }

    /// Writes the last item without a comma, then the end of the document.
    fn finish(self) -> io::Result<()> {
        if let Some(last) = self.last {
            self.sink.indented(self.indent + 2, &last, false)?;
        }
        let indent = self.indent;
        self.sink.json(&format!("{:indent$}]{}", "", self.tail))
    }
}

/// Entry numbers of large prompts and answers, which are read again when needed.
#[derive(Default)]
struct LargeTexts {
    prompts: HashMap<StepId, u64>,
    answers: HashMap<StepId, u64>,
}

impl LargeTexts {
    /// Remembers the entry `seq` if its text is too large to keep.
    fn note(&mut self, seq: u64, body: &Body) {
        let (at, step) = match body {
            Body::StepAsked { step, .. } => (&mut self.prompts, *step),
            Body::Settled { step, .. } | Body::AgentAnswered { step, .. } => {
                (&mut self.answers, *step)
            }
            _ => return,
        };
        if body.weight() > SHOWN_BYTES_MAX {
            at.insert(step, seq);
        }
    }

    /// Prompt and answer of a step, each only if it is large; the fold has the
    /// others. Fails if an entry cannot be read.
    async fn said(&self, step: StepId, reader: &RunReader) -> Result<SpanTexts, EngineError> {
        let mut said = SpanTexts::default();
        if let Some(seq) = self.prompts.get(&step)
            && let Some((_, request)) = reader.entry(*seq).await?.body.asked_agent()
        {
            said.prompt = Some(request.prompt.clone());
        }
        if let Some(seq) = self.answers.get(&step)
            && let Body::Settled { outcome: Outcome::Value(answer), .. }
            | Body::AgentAnswered { outcome: Outcome::Value(answer), .. } =
                reader.entry(*seq).await?.body
        {
            said.answer = Some(answer);
        }
        Ok(said)
    }
}
