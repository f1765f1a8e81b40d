//! One script from start to end: what each export of the interface does.
//!
//! Never looks into values; the prelude and `failure` do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use javy::quickjs::{Array, Ctx, Error, Function, Value};

use crate::author::Author;
use crate::bindings::smol::workflow::calls;
use crate::bindings::smol::workflow::types::{
    CallId, Dialect, Outcome, ScriptError, Source, StartInput, Status, TimerId, Warning,
};
use crate::engine::{self, Entry};
use crate::{compile, failure, promises, random, raw, surface, wellformed};

const THROWN: &str = "thrown";
const UNHANDLED: &str = "unhandled_rejection";

/// Unhandled rejections that are told of.
const UNHANDLED_MAX: usize = 20;

thread_local! {
    /// How the script ended, once it has.
    static ENDED: RefCell<Option<Status>> = const { RefCell::new(None) };
    static IS_BODY: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn inspect(source: Source, surface: u32) -> Result<Dialect, ScriptError> {
    surface::set(surface);
    let author = open(source);
    engine::with(|ctx| compile::dialect(ctx, &author))
}

/// The script itself; all its files are known from here on.
fn open(source: Source) -> Rc<Author> {
    let (script, modules) = Author::of(source);
    failure::set_files(&script, modules);
    script
}

pub(crate) fn start(input: StartInput) -> Status {
    let author = open(input.source);
    surface::set(input.surface);
    random::seed(input.seed);
    if input.diagnose {
        promises::watch();
    }
    author.read_as(input.dialect);
    let begun = engine::with(|ctx| {
        let is_body = matches!(input.dialect, Dialect::Body);
        IS_BODY.set(is_body);
        call(ctx, Entry::Open, (input.args, input.meta, input.surface, is_body))?;
        match input.dialect {
            Dialect::Module => start_module(ctx, &author),
            Dialect::Body => start_body(ctx, &author),
        }
    });
    match begun {
        Ok(()) => turn(),
        Err(error) => end(Status::Failed(error)),
    }
}

pub(crate) fn settle(id: CallId, outcome: Outcome) -> Status {
    if let Some(status) = ENDED.with_borrow(Clone::clone) {
        return status;
    }
    let (ok, text, message, name) = match outcome {
        Outcome::Value(json) => (true, json, None, None),
        Outcome::Failed(failure) => (false, failure.code, Some(failure.message), failure.name),
    };
    go_on(|ctx| call(ctx, Entry::Settle, (id, ok, text, message, name)))
}

pub(crate) fn fire(timer: TimerId) -> Status {
    if let Some(status) = ENDED.with_borrow(Clone::clone) {
        return status;
    }
    go_on(|ctx| call(ctx, Entry::Fire, (timer,)))
}

fn go_on(begin: impl FnOnce(&Ctx<'_>) -> Result<(), ScriptError>) -> Status {
    match engine::with(begin) {
        Ok(()) => turn(),
        Err(error) => end(Status::Failed(error)),
    }
}

pub(crate) fn unsettled() -> Vec<String> {
    promises::unsettled()
}

fn start_module(ctx: &Ctx<'_>, author: &Author) -> Result<(), ScriptError> {
    let module = compile::module(ctx, author)?;
    let (module, evaluated) = module.eval().map_err(|error| thrown(ctx, &error))?;
    let namespace = module.namespace().map_err(|error| thrown(ctx, &error))?;
    call(ctx, Entry::RunModule, (evaluated, namespace))
}

fn start_body(ctx: &Ctx<'_>, author: &Author) -> Result<(), ScriptError> {
    let compiled = compile::body(ctx, author)?;
    let body: Function<'_> = raw::run(ctx, &compiled).map_err(|error| thrown(ctx, &error))?;
    call(ctx, Entry::RunBody, (body,))
}

/// Runs what is runnable, and looks where that has led.
fn turn() -> Status {
    engine::run_jobs();
    engine::with(|ctx| {
        let outcome = engine::entry(ctx, Entry::Outcome)
            .and_then(|outcome| outcome.call::<_, Option<Array<'_>>>(()))
            .map_err(|error| thrown(ctx, &error));
        match outcome {
            Ok(None) => Status::Pending,
            Ok(Some(outcome)) => end(status(ctx, &outcome)),
            Err(error) => end(Status::Failed(error)),
        }
    })
}

/// From `["done", json]` or `["failed", code, description]`.
fn status(ctx: &Ctx<'_>, outcome: &Array<'_>) -> Status {
    let read = || -> javy::quickjs::Result<Status> {
        let kind: String = outcome.get(0)?;
        let text: String = outcome.get(1)?;
        if kind != "done" {
            return Ok(Status::Failed(failure::of_description(&outcome.get(2)?, &text)));
        }
        // Only a script that succeeded is blamed for what it left unhandled, and a
        // body keeps its result.
        let mut unhandled = promises::unhandled(ctx).into_iter();
        if surface::sees(2) && IS_BODY.get() {
            unhandled.take(UNHANDLED_MAX).for_each(|reason| warn_of_unhandled(ctx, reason));
            return Ok(Status::Done(wellformed::json(text)));
        }
        Ok(match unhandled.next() {
            Some(reason) => Status::Failed(failure::of_value(ctx, reason, UNHANDLED)),
            None => Status::Done(wellformed::json(text)),
        })
    };
    read().unwrap_or_else(|error| Status::Failed(thrown(ctx, &error)))
}

fn warn_of_unhandled<'js>(ctx: &Ctx<'js>, reason: Value<'js>) {
    let (step, error) = failure::with_step(ctx, reason, UNHANDLED);
    let ScriptError { name, message, line, column, .. } = error;
    calls::warn(&Warning {
        code: UNHANDLED.to_owned(),
        message: format!("a promise failed and nobody awaited it: {name}: {message}"),
        path: None,
        step,
        line,
        column,
    });
}

fn end(status: Status) -> Status {
    ENDED.set(Some(status.clone()));
    status
}

fn call<'js, A>(ctx: &Ctx<'js>, entry: Entry, args: A) -> Result<(), ScriptError>
where
    A: javy::quickjs::function::IntoArgs<'js>,
{
    engine::entry(ctx, entry)
        .and_then(|function| function.call::<_, ()>(args))
        .map_err(|error| thrown(ctx, &error))
}

fn thrown(ctx: &Ctx<'_>, error: &Error) -> ScriptError {
    if error.is_exception() {
        failure::of_value(ctx, ctx.catch(), THROWN)
    } else {
        failure::unplaced(THROWN, "InternalError", error.to_string())
    }
}
