//! Translates between WIT and core: the only file with the types of both.
//!
//! Owns: every translation, and the limits of what a guest returns. Never: trusts a
//! length, a code or an order, or decides about a call.

use std::future::Future;

use smol_wf_core::cut;
use smol_wf_core::gate::AskKind;
use smol_wf_core::guest::{
    Dialect, Failure, GroupKind, NullSlot, Outcome, Refusal, ScriptError, Source, StartInput,
    Status, StopTurn, WARNING_CODES, Warning,
};
use smol_wf_core::ids::{StepId, TimerId};
use smol_wf_core::limits::{LOG_BYTES_MAX, LimitError, RESULT_BYTES_MAX};
use smol_wf_core::surface::Surface;
use wasmtime::Store;

use crate::bindings::{Workflow, calls, types};
use crate::state::State;

/// Most bytes of a code, a name or a position. All of ours are far shorter.
const WORD_BYTES: usize = 128;

/// Most bytes of a path, the limit of the system.
const PATH_BYTES: usize = 4096;

/// The codes of script errors. Any other code comes from a guest that no longer runs our
/// prelude.
const ERROR_CODES: [&str; 6] =
    ["syntax", "import", "thrown", "unhandled_rejection", "result_not_json", "no_default_export"];

/// Most positions that `unsettled` may name.
const PLACES_MAX: usize = 20;

/// One call of an export of the guest.
pub(crate) trait GuestCall {
    /// The translated result.
    type Output;

    fn run(
        self,
        guest: &Workflow,
        store: &mut Store<State>,
    ) -> impl Future<Output = wasmtime::Result<Self::Output>> + Send;
}

/// Determines the dialect of a script.
pub(crate) struct Inspect<'a>(pub(crate) &'a Source, pub(crate) Surface);
/// Starts a script.
pub(crate) struct Start<'a>(pub(crate) &'a StartInput);
/// Settles a step.
pub(crate) struct Settle<'a>(pub(crate) StepId, pub(crate) &'a Outcome);
/// Calls the callback of a timer.
pub(crate) struct Fire(pub(crate) TimerId);
/// Names the positions of unsettled promises.
pub(crate) struct Unsettled;

impl GuestCall for Inspect<'_> {
    type Output = Result<Dialect, ScriptError>;

    async fn run(
        self,
        guest: &Workflow,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Self::Output> {
        let script = guest.smol_workflow_script();
        let answer = script.call_inspect(store, &source(self.0), self.1.number()).await?;
        Ok(match answer {
            Ok(types::Dialect::Module) => Ok(Dialect::Module),
            Ok(types::Dialect::Body) => Ok(Dialect::Body),
            Err(error) => Err(script_error(error)),
        })
    }
}

impl GuestCall for Start<'_> {
    type Output = Status;

    async fn run(self, guest: &Workflow, store: &mut Store<State>) -> wasmtime::Result<Status> {
        let input = types::StartInput {
            source: source(&self.0.source),
            dialect: match self.0.dialect {
                Dialect::Module => types::Dialect::Module,
                Dialect::Body => types::Dialect::Body,
            },
            args: self.0.args.clone(),
            meta: self.0.meta.clone(),
            seed: self.0.seed,
            surface: self.0.surface.number(),
            diagnose: self.0.diagnose,
        };
        let answer = guest.smol_workflow_script().call_start(&mut *store, &input).await?;
        status(answer, store)
    }
}

impl GuestCall for Settle<'_> {
    type Output = Status;

    async fn run(self, guest: &Workflow, store: &mut Store<State>) -> wasmtime::Result<Status> {
        let outcome = match self.1 {
            Outcome::Value(json) => types::Outcome::Value(json.clone()),
            Outcome::Failed(failure) => types::Outcome::Failed(failure_out(failure.clone())),
        };
        let script = guest.smol_workflow_script();
        let answer = script.call_settle(&mut *store, self.0.0, &outcome).await?;
        status(answer, store)
    }
}

impl GuestCall for Fire {
    type Output = Status;

    async fn run(self, guest: &Workflow, store: &mut Store<State>) -> wasmtime::Result<Status> {
        let answer = guest.smol_workflow_script().call_fire(&mut *store, self.0.0).await?;
        status(answer, store)
    }
}

impl GuestCall for Unsettled {
    type Output = Vec<String>;

    async fn run(
        self,
        guest: &Workflow,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Vec<String>> {
        let places = guest.smol_workflow_script().call_unsettled(store).await?;
        Ok(places
            .into_iter()
            .take(PLACES_MAX)
            .map(|place| cut::to_bytes(place, WORD_BYTES))
            .collect())
    }
}

impl calls::Host for State {
    fn agent(
        &mut self,
        prompt: String,
        options: String,
    ) -> wasmtime::Result<Result<u32, types::Failure>> {
        let answer = self.charged_host(prompt.len() + options.len())?.agent(prompt, options);
        self.answer(answer.map(|step| step.0))
    }

    fn workflow(
        &mut self,
        target: String,
        args: Option<String>,
    ) -> wasmtime::Result<Result<u32, types::Failure>> {
        let bytes = target.len() + args.as_ref().map_or(0, String::len);
        let answer = self.charged_host(bytes)?.workflow(target, args);
        self.answer(answer.map(|step| step.0))
    }

    fn sleep(&mut self, milliseconds: f64) -> wasmtime::Result<Result<u32, types::Failure>> {
        let answer = self.charged_host(0)?.sleep(milliseconds);
        self.answer(answer.map(|step| step.0))
    }

    fn ask(
        &mut self,
        kind: types::AskKind,
        question: String,
        options: String,
    ) -> wasmtime::Result<Result<u32, types::Failure>> {
        let kind = match kind {
            types::AskKind::Approve => AskKind::Approve,
            types::AskKind::Ask => AskKind::Ask,
            types::AskKind::WaitFor => AskKind::WaitFor,
        };
        let answer =
            self.charged_host(question.len() + options.len())?.ask(kind, question, options);
        self.answer(answer.map(|step| step.0))
    }

    fn set_timer(&mut self, milliseconds: f64) -> wasmtime::Result<Result<u32, types::Failure>> {
        let answer = self.charged_host(0)?.set_timer(milliseconds);
        self.answer(answer.map(|timer| timer.0))
    }

    fn clear_timer(&mut self, timer: u32) -> wasmtime::Result<()> {
        let answer = self.charged_host(0)?.clear_timer(TimerId(timer));
        answer.map_err(|stop| self.stop(stop))
    }

    fn phase(&mut self, title: String) -> wasmtime::Result<()> {
        let answer = self.charged_host(title.len())?.phase(title);
        answer.map_err(|stop| self.stop(stop))
    }

    fn log(&mut self, message: String) -> wasmtime::Result<()> {
        let answer = self.charged_host(message.len())?.log(message);
        answer.map_err(|stop| self.stop(stop))
    }

    fn null_slot(&mut self, slot: types::NullSlot) -> wasmtime::Result<()> {
        let bytes = slot.error.message.len() + slot.error.stack.len() + slot.error.name.len();
        let host = self.charged_host(bytes)?;
        let answer = host.null_slot(NullSlot {
            group: match slot.group {
                types::GroupKind::Parallel => GroupKind::Parallel,
                types::GroupKind::Pipeline => GroupKind::Pipeline,
            },
            ordinal: slot.ordinal,
            index: slot.index,
            stage: slot.stage,
            error: script_error(slot.error),
            step: slot.step.map(StepId),
        });
        answer.map_err(|stop| self.stop(stop))
    }

    fn warn(&mut self, warning: types::Warning) -> wasmtime::Result<()> {
        let bytes = warning.message.len() + warning.path.as_ref().map_or(0, String::len);
        let code = WARNING_CODES.into_iter().find(|code| *code == warning.code);
        let answer = self.charged_host(bytes)?.warn(Warning {
            code: code.unwrap_or("script_warning").to_owned(),
            message: cut::to_bytes(warning.message, LOG_BYTES_MAX),
            path: warning.path.map(|path| cut::to_bytes(path, LOG_BYTES_MAX)),
            step: warning.step.map(StepId),
            line: warning.line,
            column: warning.column,
        });
        answer.map_err(|stop| self.stop(stop))
    }

    fn budget(&mut self) -> wasmtime::Result<types::BudgetState> {
        let budget = self.charged_host(0)?.budget();
        Ok(types::BudgetState { total: budget.total, spent: budget.spent })
    }
}

impl types::Host for State {}

impl State {
    /// Passes a refusal to the script, or ends the turn.
    fn answer(
        &mut self,
        answer: Result<u32, Refusal>,
    ) -> wasmtime::Result<Result<u32, types::Failure>> {
        match answer {
            Ok(number) => Ok(Ok(number)),
            Err(Refusal::Call(failure)) => Ok(Err(failure_out(failure))),
            Err(Refusal::Stop(stop)) => Err(self.stop(stop)),
        }
    }
}

fn source(source: &Source) -> types::Source {
    types::Source {
        text: source.text.clone(),
        file_name: source.file_name.clone(),
        path: source.path.clone(),
        meta_export: source.meta_export,
        modules: source
            .modules
            .iter()
            .map(|module| types::ModuleSource {
                path: module.path.clone(),
                text: module.text.clone(),
            })
            .collect(),
    }
}

fn failure_out(failure: Failure) -> types::Failure {
    types::Failure { code: failure.code, message: failure.message, name: failure.name }
}

/// Translates a status. A result that is too large ends the run, like any other limit.
fn status(status: types::Status, store: &mut Store<State>) -> wasmtime::Result<Status> {
    Ok(match status {
        types::Status::Pending => Status::Pending,
        types::Status::Failed(error) => Status::Failed(script_error(error)),
        types::Status::Done(json) if json.len() <= RESULT_BYTES_MAX => Status::Done(json),
        types::Status::Done(json) => {
            let limit = LimitError::Result { bytes: json.len(), limit: RESULT_BYTES_MAX };
            return Err(store.data_mut().stop(StopTurn::Limit(limit)));
        }
    })
}

fn script_error(error: types::ScriptError) -> ScriptError {
    let code = ERROR_CODES.into_iter().find(|code| *code == error.code).unwrap_or("thrown");
    ScriptError {
        code: code.to_owned(),
        name: cut::to_bytes(error.name, WORD_BYTES),
        message: cut::to_bytes(error.message, LOG_BYTES_MAX),
        file: error.file.map(|path| cut::to_bytes(path, PATH_BYTES)),
        line: error.line,
        column: error.column,
        stack: cut::to_bytes(error.stack, LOG_BYTES_MAX),
        failure: error.failure.map(|code| cut::to_bytes(code, WORD_BYTES)),
    }
}
