//! The host's imports as JavaScript functions, for the prelude alone.
//!
//! Translates arguments and answers. Checks nothing: the host does.

use javy::quickjs::{Array, Ctx, Function, IntoJs, Object, Result, Value, function::Opt};

use crate::bindings::smol::workflow::calls;
use crate::bindings::smol::workflow::types::{
    AskKind, CallId, Failure, GroupKind, NullSlot, Warning,
};
use crate::{failure, prompt, random, raw, wellformed};

/// The object that the prelude gets.
pub(crate) fn host_object<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    host.set("agent", Function::new(ctx.clone(), agent)?)?;
    host.set("workflow", Function::new(ctx.clone(), workflow)?)?;
    host.set("sleep", Function::new(ctx.clone(), sleep)?)?;
    host.set("ask", Function::new(ctx.clone(), ask)?)?;
    host.set("setTimer", Function::new(ctx.clone(), set_timer)?)?;
    host.set("clearTimer", Function::new(ctx.clone(), |timer: u32| calls::clear_timer(timer))?)?;
    host.set("phase", Function::new(ctx.clone(), |title: String| calls::phase(&title))?)?;
    host.set("log", Function::new(ctx.clone(), |message: String| calls::log(&message))?)?;
    host.set("nullSlot", Function::new(ctx.clone(), null_slot)?)?;
    host.set("warn", Function::new(ctx.clone(), warn)?)?;
    host.set("budgetTotal", Function::new(ctx.clone(), budget_total)?)?;
    host.set("budgetSpent", Function::new(ctx.clone(), || calls::budget().spent as f64)?)?;
    host.set(
        "useKinds",
        Function::new(ctx.clone(), |ctx: Ctx<'js>, kinds: Vec<Value<'js>>| {
            raw::use_kinds(&ctx, &kinds);
        })?,
    )?;
    host.set("isPlain", Function::new(ctx.clone(), |value: Value<'js>| raw::is_plain(&value))?)?;
    host.set("random", Function::new(ctx.clone(), random::random)?.with_name("random")?)?;
    Ok(host)
}

/// `stack` is where in the author's text the call is; none looks for nothing in
/// the prompt. `nulled` is the agent that was given as `null` last.
fn agent<'js>(
    ctx: Ctx<'js>,
    prompt: String,
    options: String,
    stack: Option<String>,
    nulled: Option<u32>,
) -> Result<Value<'js>> {
    let called = calls::agent(&prompt, &wellformed::json(options));
    if let (Ok(call), Some(stack)) = (&called, stack) {
        prompt::look_into(&prompt, *call, &stack, nulled);
    }
    answer(&ctx, called)
}

fn workflow<'js>(ctx: Ctx<'js>, target: String, args: Opt<Option<String>>) -> Result<Value<'js>> {
    let args = args.0.flatten().map(wellformed::json);
    answer(&ctx, calls::workflow(&wellformed::json(target), args.as_deref()))
}

fn sleep(ctx: Ctx<'_>, milliseconds: f64) -> Result<Value<'_>> {
    answer(&ctx, calls::sleep(milliseconds))
}

/// `kind` is the name of the function that was called.
fn ask<'js>(ctx: Ctx<'js>, kind: String, question: String, options: String) -> Result<Value<'js>> {
    let kind = match kind.as_str() {
        "approve" => AskKind::Approve,
        "ask" => AskKind::Ask,
        _ => AskKind::WaitFor,
    };
    answer(&ctx, calls::ask(kind, &question, &wellformed::json(options)))
}

fn set_timer(ctx: Ctx<'_>, milliseconds: f64) -> Result<Value<'_>> {
    answer(&ctx, calls::set_timer(milliseconds))
}

/// A number, or `[code, message]`.
fn answer<'js>(ctx: &Ctx<'js>, answer: std::result::Result<CallId, Failure>) -> Result<Value<'js>> {
    match answer {
        Ok(call) => call.into_js(ctx),
        Err(failure) => {
            let refusal = Array::new(ctx.clone())?;
            refusal.set(0, failure.code)?;
            refusal.set(1, failure.message)?;
            Ok(refusal.into_value())
        }
    }
}

fn budget_total(ctx: Ctx<'_>) -> Result<Value<'_>> {
    match calls::budget().total {
        Some(total) => (total as f64).into_js(&ctx),
        None => Ok(Value::new_null(ctx)),
    }
}

fn null_slot(
    kind: String,
    ordinal: u32,
    index: u32,
    stage: Option<u32>,
    description: Array<'_>,
) -> Result<()> {
    let group = if kind == "pipeline" { GroupKind::Pipeline } else { GroupKind::Parallel };
    let step = failure::step_of(&description);
    let error = failure::of_description(&description, "thrown");
    calls::null_slot(&NullSlot { group, ordinal, index, stage, error, step });
    Ok(())
}

/// `stack` is where in the author's text it is.
fn warn(
    code: String,
    message: String,
    path: Option<String>,
    step: Option<u32>,
    stack: Option<String>,
) {
    let at = failure::place_in_script(&stack.unwrap_or_default());
    let (line, column) = (at.line, at.column);
    calls::warn(&Warning { code, message, path, step, line, column });
}
