//! What keys do while nothing else has them.
//!
//! Owns: the meaning of each action. Never: which key it is on; the table has that.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use smol_wf_core::gate::AskRequest;
use smol_wf_core::ids::StepId;
use smol_wf_engine::Message;

use super::app::{App, Effect, Origin, Pane};
use super::desk::Request;
use super::entry::Entry;
use super::keys::{Action, action_of};
use super::mode::{Answering, Confirm, Early, LineFor, LineMode, Mode, Outcome};
use super::player::Pace;
use super::text;

/// Lines of one turn of the wheel.
const WHEEL: isize = 3;

impl App {
    /// Takes a key.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> Option<Effect> {
        self.forget_note();
        // Leaving is always the same key, whatever is open.
        let action = action_of(key, self.is_replay());
        let is_control = key.modifiers.contains(crossterm::event::KeyModifiers::CONTROL);
        let is_plain = matches!(self.mode, Mode::Browse | Mode::Help(_));
        if let Some(action @ (Action::Quit | Action::Suspend | Action::Redraw)) = action
            && (is_control || is_plain)
        {
            return self.act(action);
        }
        match &mut self.mode {
            Mode::Browse => action.and_then(|action| self.act(action)),
            Mode::Search(_) => self.search_key(key),
            Mode::Opening(early) => {
                early.key(key);
                if key.code == crossterm::event::KeyCode::Esc {
                    self.mode = Mode::Browse;
                }
                None
            }
            Mode::Help(top) => {
                match action {
                    Some(Action::Up) => *top = top.saturating_sub(1),
                    Some(Action::Down) => *top += 1,
                    Some(Action::PageDown) => *top += 10,
                    Some(Action::PageUp) => *top = top.saturating_sub(10),
                    _ => self.mode = Mode::Browse,
                }
                None
            }
            Mode::Answer(answering) => {
                let outcome = answering.key(key);
                self.after(outcome)
            }
            Mode::Line(line) => {
                let outcome = line.key(key);
                self.after(outcome)
            }
            Mode::Confirm(confirm) => {
                let outcome = confirm.key(key);
                self.after(outcome)
            }
        }
    }

    /// Takes pasted text. Where nothing is typed it is dropped: it is no key.
    pub(crate) fn paste(&mut self, pasted: &str) {
        let fits = match &mut self.mode {
            Mode::Search(entry) => entry.paste(pasted),
            Mode::Answer(answering) => answering.paste(pasted),
            Mode::Line(line) => line.entry.paste(pasted),
            Mode::Opening(early) => {
                *early = Early::Part;
                return;
            }
            Mode::Browse | Mode::Confirm(_) | Mode::Help(_) => return,
        };
        if let Mode::Search(entry) = &self.mode {
            let wanted = entry.text().to_owned();
            self.tree.set_search(&wanted);
        }
        if !fits {
            self.fail("not all of what you pasted fits; it was cut");
        }
    }

    /// Takes the mouse: the wheel scrolls the pane that has the keys.
    pub(crate) fn mouse(&mut self, mouse: &MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.scroll(-WHEEL),
            MouseEventKind::ScrollDown => self.scroll(WHEEL),
            _ => {}
        }
    }

    /// The form of a question, unless its reader has gone on to something else.
    pub(crate) fn open_answer(&mut self, step: StepId, request: Arc<AskRequest>) {
        if let Mode::Opening(early) = self.mode {
            self.mode = Mode::Answer(Box::new(Answering::new(step, request, early)));
        }
    }

    fn after(&mut self, outcome: Outcome) -> Option<Effect> {
        match outcome {
            Outcome::Stays => None,
            Outcome::Ends(said) => {
                self.mode = Mode::Browse;
                said.into_iter().for_each(|said| self.say(said));
                None
            }
            Outcome::Asks(request) => {
                self.mode = Mode::Browse;
                if !matches!(request, Request::Save(_)) {
                    self.say("posting…");
                }
                Some(Effect::Ask(request))
            }
        }
    }

    fn search_key(&mut self, key: &KeyEvent) -> Option<Effect> {
        let Mode::Search(entry) = &mut self.mode else { return None };
        match key.code {
            crossterm::event::KeyCode::Enter => self.mode = Mode::Browse,
            crossterm::event::KeyCode::Esc => {
                self.mode = Mode::Browse;
                self.tree.set_search("");
            }
            _ => {
                if entry.key(key) {
                    let wanted = entry.text().to_owned();
                    self.tree.set_search(&wanted);
                }
            }
        }
        None
    }

    fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Up => self.scroll(-1),
            Action::Down => self.scroll(1),
            Action::PageUp => self.scroll(-self.page()),
            Action::PageDown => self.scroll(self.page()),
            Action::First => self.go_to_end(false),
            Action::Last => self.go_to_end(true),
            Action::In => return self.go_in(),
            Action::Out => self.go_out(),
            Action::NextPane => self.turn_pane(1),
            Action::PreviousPane => self.turn_pane(2),
            Action::PaneOne => self.focus = Pane::Tree,
            Action::PaneTwo => return self.open_step_of_row(),
            Action::PaneThree => self.focus = Pane::Log,
            Action::Search => {
                self.mode = Mode::Search(Entry::with(self.tree.search()));
                self.focus = if self.focus == Pane::Detail { Pane::Tree } else { self.focus };
            }
            Action::NextState => self.tree.next_filter(),
            Action::Follow => self.toggle_follow(),
            Action::Unfold => self.tree.toggle_all(),
            Action::Raw => self.detail.toggle_raw(),
            Action::Copy => return self.copy(),
            Action::Help => self.mode = Mode::Help(0),
            Action::Mouse => {
                self.has_mouse = !self.has_mouse;
                return Some(Effect::SetMouse(self.has_mouse));
            }
            Action::Redraw => return Some(Effect::Redraw),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Quit => return Some(Effect::Quit),
            Action::Save => self.mode = Mode::Line(Box::new(self.line_to_save())),
            Action::Play | Action::Next | Action::ToEnd => return self.play(action),
            Action::Answer
            | Action::Pause
            | Action::Stop
            | Action::Restart
            | Action::Tell
            | Action::Raise
            | Action::Cancel => return self.reach(action),
        }
        None
    }

    /// Does something to the run.
    fn reach(&mut self, action: Action) -> Option<Effect> {
        if !self.is_open() {
            self.fail(match self.origin {
                Origin::Live { is_gone: true, .. } => "the run cannot be read any more",
                _ => "the run is over; nothing more can be done with it",
            });
            return None;
        }
        match action {
            Action::Answer => {
                match self.question().and_then(|ask| Some((ask.step?, ask.opened.digest.clone()))) {
                    Some((step, digest)) => {
                        self.mode = Mode::Opening(Early::Nothing);
                        return Some(Effect::Ask(Request::Question(step, digest)));
                    }
                    None => self.say("the run asks nothing at the moment"),
                }
            }
            Action::Pause => return Some(self.pause()),
            Action::Raise => self.mode = Mode::Line(Box::new(LineMode::new(LineFor::Raise, ""))),
            Action::Stop => match self.open_step() {
                Some((step, of)) => {
                    let label = text::one_line(&of.label);
                    let question =
                        format!("Stop step {step} ({label})? It fails, and the run goes on.");
                    let message = Message::Stop { step };
                    self.confirm(question, message, format!("step {step} is stopped"));
                }
                None => self.say("select a step that is not over yet"),
            },
            Action::Restart => match self.restartable() {
                Some((step, of)) => {
                    let label = text::one_line(&of.label);
                    let question = format!(
                        "Run step {step} ({label}) again? Its agent is ended and begins anew."
                    );
                    let message = Message::Restart { step };
                    self.confirm(question, message, format!("step {step} begins again"));
                }
                None => self.say("select an agent that is not over yet"),
            },
            Action::Tell => match self.restartable() {
                Some((step, _)) => {
                    self.mode = Mode::Line(Box::new(LineMode::new(LineFor::Tell(step), "")));
                }
                None => self.say("select an agent that is not over yet"),
            },
            _ => {
                let question = "Stop the whole run? Its agents are ended; it can be resumed.";
                self.confirm(question.to_owned(), Message::Cancel {}, "the run stops".to_owned());
            }
        }
        None
    }

    /// Pauses a run that somebody holds; lets another one go on.
    fn pause(&mut self) -> Effect {
        let goes_on = match self.origin {
            Origin::Live { is_held, .. } => is_held && self.view.facts().pausing.is_none(),
            Origin::Replay { .. } => false,
        };
        let (message, done) = if goes_on {
            (Message::Pause { now: false }, "the run pauses; agents at work finish")
        } else {
            (Message::Continue {}, "the run goes on")
        };
        self.say("posting…");
        Effect::Ask(Request::Post { message, done: done.to_owned() })
    }

    fn confirm(&mut self, question: String, message: Message, done: String) {
        let request = Request::Post { message, done };
        self.mode = Mode::Confirm(Box::new(Confirm { question, request }));
    }

    fn play(&mut self, action: Action) -> Option<Effect> {
        let Origin::Replay { pace, .. } = &mut self.origin else { return None };
        *pace = match (action, *pace) {
            (Action::Next, _) => {
                *pace = Pace::Halted;
                return Some(Effect::NextEvent);
            }
            (Action::ToEnd, _) => Pace::ToEnd,
            (_, Pace::Halted) => Pace::Playing,
            (_, Pace::Playing | Pace::ToEnd) => Pace::Halted,
        };
        Some(Effect::SetPace(*pace))
    }

    fn line_to_save(&self) -> LineMode {
        let name = self.run.as_ref().map_or("events", |run| run.as_str());
        LineMode::new(LineFor::Save, &format!("{name}.jsonl"))
    }

    fn copy(&mut self) -> Option<Effect> {
        let opened = self.detail.text(self.run.as_ref(), &self.view);
        let of_row = || {
            let step = self.step()?;
            Some(match &step.output {
                Some(output) => output.clone(),
                None => step.prompt.clone(),
            })
        };
        let text = opened.filter(|_| self.focus == Pane::Detail).or_else(of_row);
        match text {
            Some(text) => Some(Effect::Copy(text)),
            None => {
                self.say("open a step to copy it");
                None
            }
        }
    }

    fn toggle_follow(&mut self) {
        match self.focus {
            Pane::Tree => {
                self.tree.follows = !self.tree.follows;
                self.tree.set_stale();
            }
            Pane::Detail => self.detail.scroll.follows = !self.detail.scroll.follows,
            Pane::Log => self.log.follows = !self.log.follows,
        }
    }

    fn turn_pane(&mut self, by: usize) {
        const ORDER: [Pane; 3] = [Pane::Tree, Pane::Detail, Pane::Log];
        let at = ORDER.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        let next = |by: usize| ORDER.get((at + by) % ORDER.len()).copied().unwrap_or(Pane::Tree);
        self.focus = match next(by) {
            // There is nothing to read before a step is open.
            Pane::Detail if self.detail.key().is_none() => next(2 * by),
            pane => pane,
        };
    }

    fn go_in(&mut self) -> Option<Effect> {
        if self.focus != Pane::Tree {
            return None;
        }
        let is_closed = !self.tree.is_open(&self.view);
        if is_closed && self.tree.toggle(&self.view) {
            return None;
        }
        self.open_step_of_row()
    }

    fn open_step_of_row(&mut self) -> Option<Effect> {
        let key = self.step().map(|step| step.key.clone());
        let Some(key) = key else {
            if self.detail.key().is_some() {
                self.focus = Pane::Detail;
            }
            return None;
        };
        self.focus = Pane::Detail;
        self.detail.open(&key);
        Some(Effect::Ask(Request::Step(key)))
    }

    fn go_out(&mut self) {
        match self.focus {
            Pane::Detail => {
                self.detail.close();
                self.focus = Pane::Tree;
            }
            Pane::Log => self.focus = Pane::Tree,
            Pane::Tree if !self.tree.search().is_empty() => self.tree.set_search(""),
            Pane::Tree if self.tree.is_open(&self.view) => {
                self.tree.toggle(&self.view);
            }
            Pane::Tree => self.tree.select_parent(),
        }
    }

    fn page(&self) -> isize {
        match self.focus {
            Pane::Tree => self.tree.page(),
            Pane::Detail => self.detail.scroll.page(),
            Pane::Log => self.log.page(),
        }
    }

    fn scroll(&mut self, by: isize) {
        match self.focus {
            Pane::Tree => self.tree.step_by(by),
            Pane::Detail => self.detail.scroll.by(by, false),
            Pane::Log => self.log.by(by, true),
        }
    }

    fn go_to_end(&mut self, is_last: bool) {
        match (self.focus, is_last) {
            (Pane::Tree, true) => self.tree.select(usize::MAX),
            (Pane::Tree, false) => self.tree.select(0),
            (Pane::Detail, true) => self.detail.scroll.show_last(),
            (Pane::Detail, false) => self.detail.scroll.show_first(),
            (Pane::Log, true) => self.log.by(isize::MAX, true),
            (Pane::Log, false) => self.log.show_first(),
        }
    }
}
