//! The terminal UI: a run on the whole screen, as it happens or as it was.
//!
//! Owns: taking the terminal, and the threads that read, draw and ask the engine. Never:
//! the run: it reads the journal and posts messages as commands do, so leaving it does
//! nothing to the run.

mod app;
mod browse;
mod check;
mod clipboard;
mod desk;
mod detail;
mod detail_pane;
mod entry;
mod errands;
mod event_lines;
mod farewell;
mod file_events;
mod input;
mod jobs;
mod keys;
mod live;
mod log_search;
mod mailbox;
mod mode;
mod paint;
mod player;
mod saying;
mod stage;
mod stored;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod text_pane;
mod theme;
mod timings;
mod tree_pane;
mod unread;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use smol_wf_core::ids::RunId;
use smol_wf_engine::Engine;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use crate::failure::{CommandError, FileError, print_message};
use crate::posting::Posting;
use crate::{exit, signals, streams};
use app::{App, Origin};
pub(crate) use check::{Checker, Findings, Severity};
use desk::Desk;
use errands::Errands;
use farewell::Farewell;
use file_events::FileEvents;
use input::Input;
use mailbox::{Mailbox, Urgency};
use player::{Pace, Played, Player, Stream};
use stage::{Ended, Happened, Stage};
use stored::StoredRun;
use terminal::{Session, give_back};
use theme::Theme;

/// How the screen looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looks {
    pub(crate) has_colors: bool,
    pub(crate) is_ascii: bool,
    /// At the end, how long frames took is said.
    pub(crate) has_timings: bool,
}

impl From<Looks> for Theme {
    fn from(looks: Looks) -> Self {
        Self { has_colors: looks.has_colors, is_ascii: looks.is_ascii }
    }
}

/// Shows a run that any process may hold. `posting` posts to it, or says why not.
pub(crate) async fn attach(
    engine: &Engine,
    run: &RunId,
    posting: Result<Posting, String>,
    looks: Looks,
) -> Result<ExitCode, CommandError> {
    let status = engine.status(run).await?;
    let origin = Origin::Live {
        created_at_us: status.created_at_us,
        is_held: status.holder.is_some(),
        is_gone: false,
    };
    let app = App::new(origin, Some(run.clone()), looks.into());
    let desk = Desk::of_run(engine, run, posting);
    let mailbox = Mailbox::new();
    let follower = tokio::spawn(live::follow(engine.clone(), run.clone(), mailbox.clone()));
    let shown = show(app, desk, mailbox, None, looks.has_timings).await;
    follower.abort();
    shown
}

/// Plays a stored run.
pub(crate) async fn replay_run(
    engine: &Engine,
    run: &RunId,
    longest: Duration,
    looks: Looks,
) -> Result<ExitCode, CommandError> {
    engine.status(run).await?;
    let desk = Desk::of_run(engine, run, Err("this is a replay".to_owned()));
    replay(StoredRun::new(engine.tail(run)), Some(run.clone()), desk, longest, looks).await
}

/// Plays a file of events.
pub(crate) async fn replay_file(
    path: &Path,
    longest: Duration,
    looks: Looks,
) -> Result<ExitCode, CommandError> {
    let unreadable = |error| FileError::Read { path: path.to_owned(), error };
    let events = FileEvents::open(path).map_err(unreadable)?;
    replay(events, None, Desk::of_file(path), longest, looks).await
}

async fn replay(
    stream: impl Stream,
    run: Option<RunId>,
    desk: Desk,
    longest: Duration,
    looks: Looks,
) -> Result<ExitCode, CommandError> {
    let origin = Origin::Replay { pace: Pace::Playing, is_over: false, is_damaged: false };
    let app = App::new(origin, run, looks.into());
    let mailbox = Mailbox::new();
    let plays = mailbox.clone();
    let player = Player::begin(stream, longest, move |played| match played {
        Played::Event(event) => {
            plays.wait_for_room();
            plays.put(Happened::Events(vec![*event]), Urgency::NextFrame);
        }
        Played::End(end) => plays.put(Happened::Played(end), Urgency::NextFrame),
    })?;
    mailbox.put(Happened::CaughtUp, Urgency::AtOnce);
    let shown = show(app, desk, mailbox, Some(player.clone()), looks.has_timings).await;
    player.end();
    shown
}

/// Takes the terminal and shows what happens until the person leaves.
async fn show(
    app: App,
    desk: Desk,
    mailbox: Mailbox<Happened>,
    player: Option<Player>,
    has_timings: bool,
) -> Result<ExitCode, CommandError> {
    let began = Instant::now();
    streams::start_queue();
    let farewell = Farewell::default();
    farewell.note(&app);
    let words = farewell.clone();
    signals::end_with_message(move || {
        give_back();
        words.words()
    });
    let session = Session::begin()?;
    let typed = mailbox.clone();
    let input = Input::begin(move |it| typed.put(Happened::Typed(it), Urgency::AtOnce))?;
    let changes = mailbox.clone();
    jobs::listen(move |change| changes.put(Happened::Job(change), Urgency::AtOnce))?;
    let (asks, mut asked) = unbounded_channel();
    let (ends, mut ended) = oneshot::channel::<()>();
    let replies = mailbox.clone();
    let stage = Stage::new(app, session, mailbox, asks, player, began)?.saying(farewell.clone());
    let screen = std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
        let result = stage.run();
        drop(ends);
        result
    })?;
    let mut errands = Errands::new(desk, replies);
    loop {
        tokio::select! {
            _ = &mut ended => break,
            Some(request) = asked.recv() => errands.begin(request),
        }
    }
    drop(input);
    let result = screen.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    give_back();
    while let Ok(request) = asked.try_recv() {
        errands.begin(request);
    }
    let late = errands.end().await;
    let shown = result?;
    shown.unread.iter().chain(&late).for_each(|said| print_message(said));
    if has_timings {
        print_message(&shown.timings.sentence(shown.events));
    }
    farewell.words().iter().for_each(|words| print_message(words));
    Ok(match shown.ended {
        Ended::Left => ExitCode::SUCCESS,
        Ended::Gone => ExitCode::from(exit::HUNG_UP),
    })
}
