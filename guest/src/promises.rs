//! The promises worth knowing of: those that were rejected and that nobody
//! handled, and, when asked for, those that never settle.
//!
//! Never judges: a rejection may still be handled later.

use std::cell::RefCell;
use std::collections::BTreeMap;

use javy::quickjs::promise::{PromiseHookType, PromiseState};
use javy::quickjs::{Ctx, Persistent, Promise, Runtime, Value};

use crate::author::Position;
use crate::engine::{self, Entry};
use crate::{failure, raw};

/// How many unsettled promises are named at the most.
const UNSETTLED_LIMIT: usize = 20;

/// What stands in a stack when a promise is made by hand.
const CONSTRUCTORS: [&str; 2] = ["at Promise (native)", "at withResolvers (native)"];

struct Rejection {
    order: u64,
    reason: Persistent<Value<'static>>,
    /// Held so that no other promise can come to stand at this address.
    _promise: Persistent<Value<'static>>,
}

struct Watched {
    promise: Persistent<Promise<'static>>,
    made_at: Position,
}

thread_local! {
    /// By the promise's address, so that a fan-out of ten thousand stays linear.
    static REJECTIONS: RefCell<(u64, BTreeMap<usize, Rejection>)> =
        const { RefCell::new((0, BTreeMap::new())) };
    static WATCHED: RefCell<Vec<Watched>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn track_rejections(quickjs: &Runtime) {
    quickjs.set_host_promise_rejection_tracker(Some(Box::new(|ctx, promise, reason, handled| {
        let address = raw::address(&promise);
        let removed = if handled {
            REJECTIONS.with_borrow_mut(|(_, rejections)| rejections.remove(&address))
        } else {
            let promise = Persistent::save(&ctx, promise);
            let reason = Persistent::save(&ctx, reason);
            REJECTIONS.with_borrow_mut(|(count, rejections)| {
                *count += 1;
                rejections.insert(address, Rejection { order: *count, reason, _promise: promise })
            })
        };
        // Outside the borrow: freeing a value can run further code.
        drop(removed);
    })));
}

/// The reasons of rejections that are still unhandled, the oldest first.
pub(crate) fn unhandled<'js>(ctx: &Ctx<'js>) -> Vec<Value<'js>> {
    let mut reasons = REJECTIONS.with_borrow(|(_, rejections)| {
        rejections.values().map(|one| (one.order, one.reason.clone())).collect::<Vec<_>>()
    });
    reasons.sort_by_key(|(order, _)| *order);
    reasons.into_iter().filter_map(|(_, reason)| reason.restore(ctx).ok()).collect()
}

/// Remembers from now on where each promise of the author's is made.
pub(crate) fn watch() {
    engine::quickjs().set_promise_hook(Some(Box::new(|ctx, kind, promise, _| {
        if !matches!(kind, PromiseHookType::Init) {
            return;
        }
        let Some(made_at) = author_constructs(&ctx) else { return };
        let Ok(promise) = Promise::from_value(promise) else { return };
        let promise = Persistent::save(&ctx, promise);
        WATCHED.with_borrow_mut(|watched| watched.push(Watched { promise, made_at }));
    })));
}

/// Where the author called `new Promise` or the like, if that is what runs now.
/// Promises that the engine makes by itself (`then`, async functions) wait for
/// one of those in the end.
fn author_constructs(ctx: &Ctx<'_>) -> Option<Position> {
    let stack: String = engine::entry(ctx, Entry::WhereAmI).ok()?.call(()).ok()?;
    // The top line is that of `whereAmI` itself.
    let mut callers = stack.lines().skip(1).map(str::trim).peekable();
    if !CONSTRUCTORS.contains(callers.peek()?) {
        return None;
    }
    let caller = callers.find(|line| !CONSTRUCTORS.contains(line))?;
    // Of a promise that a module makes, the place in the script is not known here.
    Some(failure::place_in_script(caller)).filter(|at| *at != Position::default())
}

/// `line:column` of the watched promises that are still pending, oldest first.
pub(crate) fn unsettled() -> Vec<String> {
    let mut found = Vec::new();
    engine::with(|ctx| {
        WATCHED.with_borrow(|watched| {
            for one in watched {
                let Ok(promise) = one.promise.clone().restore(ctx) else { continue };
                if promise.state() == PromiseState::Pending && found.len() < UNSETTLED_LIMIT {
                    found.push(format!("{}:{}", one.made_at.line, one.made_at.column));
                }
            }
        });
    });
    found
}
