//! `smol-wf export`: a run as events, trace, spans, journal or fixture.
//!
//! Streams: a run may be larger than memory. Owns: which format goes to which
//! file. Never: a format; the core has those.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use smol_wf_core::archive;
use smol_wf_core::details::Details;
use smol_wf_core::event::EventFold;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::Body;
use smol_wf_core::report::RunState;
use smol_wf_core::trace::{self, Spans};
use smol_wf_engine::{EngineError, RunReader};

use super::fixture::FixtureFlags;
use super::history::{reader, settings_of};
use crate::failure::{CommandError, FileError};
use crate::file_output::{OutputFile, Overwrites, is_stdout};
use crate::flags::DbFlags;
use crate::json_list::JsonList;
use crate::lean_run::LeanRun;
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
                let lean = LeanRun::read(reader).await?;
                let (entries, held) = (&lean.entries, lean.held());
                let unknown = |_| EngineError::UnknownRun { asked: run.to_string() };
                let details = Details::fold(entries, held).map_err(unknown)?;
                if form == ExportFormat::ChromeTrace {
                    let frame = serde_json::to_string_pretty(&trace::chrome(&details))
                        .map_err(io::Error::from)?;
                    let mut list = JsonList::begin(&mut sink, &frame)?;
                    trace::chrome_events(&details, &mut |event| list.push(event))?;
                    list.finish()?;
                } else {
                    let last = entries.last().map(|last| RunState::after(&last.body, held));
                    let state = last.unwrap_or(RunState::Interrupted);
                    self.spans(&mut sink, &details, state, &lean).await?;
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
        lean: &LeanRun,
    ) -> Result<(), CommandError> {
        let frame = serde_json::to_string_pretty(&trace::otlp(env!("CARGO_PKG_VERSION")))
            .map_err(io::Error::from)?;
        let mut list = JsonList::begin(sink, &frame)?;
        let spans = Spans::of(details);
        list.push(spans.root(state))?;
        for step in &details.steps {
            let said = match self.content {
                true => Some(lean.said(step.step).await?),
                false => None,
            };
            list.push(spans.step(step, said.as_ref()))?;
        }
        Ok(list.finish()?)
    }
}
