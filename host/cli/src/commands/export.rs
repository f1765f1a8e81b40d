//! `smol-wf export`.
//!
//! Owns: which form goes where. Never: what a form says; the core has them.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use smol_wf_core::archive;
use smol_wf_core::details::Details;
use smol_wf_core::event::EventFold;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::report::RunState;
use smol_wf_core::trace::{self, Content};
use smol_wf_engine::{EngineError, Reading};

use super::fixture::FixtureFlags;
use super::history::{reader, settings_of};
use super::run::INSTANCES_MAX;
use crate::failure::{CommandError, FileError};
use crate::flags::DbFlags;
use crate::output::Sink;
use crate::setup;
use crate::standing::LatestFlags;

/// Write a run in a form that other programs read
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// Run id, the beginning of one, or `latest`
    run: String,

    /// Which form
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        required_unless_present = "fixture",
        conflicts_with = "fixture"
    )]
    format: Option<Form>,

    /// File to write, in place of what it holds [default: stdout]
    #[arg(long, short, value_name = "FILE", requires = "format")]
    out: Option<PathBuf>,

    /// Put prompts and answers into the spans of otlp-json
    #[arg(long, requires = "format")]
    content: bool,

    #[command(flatten)]
    fixture: FixtureFlags,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

/// Of a prompt, where nothing but its first line is shown.
const SHOWN_BYTES_MAX: usize = 4 * 1024;

const EXAMPLES: &str = "\
Examples:
  smol-wf export latest --format chrome-trace --out trace.json
  smol-wf export run_0k3 --format otlp-json --content
  smol-wf export run_0k3 --format journal --out run.journal
  smol-wf export latest --fixture tests/review.swf --redact 'ACME-[0-9]+'";

/// What `-o` takes in other commands.
const FORMS: [&str; 4] = ["text", "table", "json", "jsonl"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The event stream, as --events gives it
    Jsonl,
    /// A time line for Perfetto or chrome://tracing
    ChromeTrace,
    /// OpenTelemetry spans, by the conventions for generative AI
    OtlpJson,
    /// The journal itself, for `smol-wf import`
    Journal,
}

impl ExportArgs {
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        if self.content && self.format != Some(Form::OtlpJson) {
            let message = "--content is for otlp-json; jsonl and journal hold prompts and answers, \
                           chrome-trace never does";
            return Err(CommandError::Usage(message.to_owned()));
        }
        if let Some(form) =
            self.out.as_deref().and_then(Path::to_str).filter(|it| FORMS.contains(it))
        {
            let message = format!(
                "-o names the file to write, and `{form}` is a form: --format jsonl -o FILE; a file of that name is ./{form}"
            );
            return Err(CommandError::Usage(message));
        }
        let Some(form) = self.format else {
            // A fixture is replayed before it is written.
            let engine = setup::engine_with_run(&settings_of(&self.db)?, INSTANCES_MAX, &self.run)?;
            let run = self.latest.find(&engine, &self.run).await?;
            return self.fixture.export(&engine, run).await;
        };
        let engine = reader(&self.db, Some(&self.run))?;
        let run = self.latest.find(&engine, &self.run).await?;
        let reading = engine.reading(&run).await?;
        match self.out.as_deref().filter(|path| *path != Path::new("-")) {
            None => Box::pin(self.write(form, Sink::stdout(), &run, reading)).await?,
            Some(path) => {
                let failed = |error| FileError::Write { path: path.to_owned(), error };
                let sink = Sink::file(path).map_err(failed)?;
                Box::pin(self.write(form, sink, &run, reading)).await.map_err(
                    |error| match error {
                        CommandError::Output(error) => failed(error).into(),
                        other => other,
                    },
                )?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Piece by piece where the form allows it: a run may be larger than memory.
    async fn write(
        &self,
        form: Form,
        mut sink: Sink,
        run: &RunId,
        mut reading: Reading,
    ) -> Result<(), CommandError> {
        match form {
            Form::Jsonl => {
                let mut events = EventFold::new();
                while let Some((_, entries)) = reading.next().await? {
                    for event in entries.iter().flat_map(|entry| events.after(entry)) {
                        sink.json(&serde_json::to_string(&event).map_err(io::Error::from)?)?;
                    }
                }
            }
            Form::Journal => {
                let mut is_first = true;
                while let Some((records, entries)) = reading.next().await? {
                    if let (true, Some(Body::RunStarted(head))) =
                        (is_first, entries.first().map(|entry| &entry.body))
                    {
                        let (length, tip) = (reading.entries(), reading.tip());
                        sink.json(&archive::head_line(run, &head.name, length, tip))?;
                    }
                    is_first = false;
                    for record in &records {
                        sink.json(&archive::line(record))?;
                    }
                }
            }
            Form::ChromeTrace | Form::OtlpJson => {
                let mut whole = Vec::new();
                while let Some((_, mut entries)) = reading.next().await? {
                    if !self.content {
                        entries.iter_mut().for_each(|entry| entry.body.shorten(SHOWN_BYTES_MAX));
                    }
                    whole.append(&mut entries);
                }
                self.trace(form, &mut sink, run, &whole, reading.held)?;
            }
        }
        Ok(sink.finish()?)
    }

    fn trace(
        &self,
        form: Form,
        sink: &mut Sink,
        run: &RunId,
        entries: &[Entry],
        held: bool,
    ) -> Result<(), CommandError> {
        let unknown = |_| EngineError::UnknownRun { asked: run.to_string() };
        let details = Details::fold(entries, held).map_err(unknown)?;
        if form == Form::ChromeTrace {
            return Ok(sink.document(&trace::chrome(&details))?);
        }
        let content = if self.content { Content::Included } else { Content::LeftOut };
        let state =
            entries.last().map_or(RunState::Interrupted, |last| RunState::after(&last.body, held));
        let version = env!("CARGO_PKG_VERSION");
        Ok(sink.document(&trace::otlp(&details, state, version, content))?)
    }
}
