//! QuickJS with the prelude in it: built once, before the guest is snapshotted,
//! and woken up in every instance.
//!
//! Owns the runtime and the prelude's entry points. Knows nothing of scripts.

use std::cell::OnceCell;

use javy::quickjs::{CatchResultExt, Ctx, Function, Module, Object, Persistent, Runtime};
use javy::{BytecodeStripping, Config};

use crate::{imports, modules, promises};

/// QuickJS's own stack check: a script that recurses too deep gets a
/// `RangeError` after this much, some 9,000 plain calls and long before the
/// real stack ends.
const STACK_BYTES: usize = 2560 * 1024;

/// How much a script may allocate before the first search for cycles. javy's
/// default is never. QuickJS raises it to 1.5 times what survives each search.
const GC_THRESHOLD_BYTES: usize = 1024 * 1024;

/// The prelude's functions that this side calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Open,
    RunBody,
    RunModule,
    Settle,
    Fire,
    Outcome,
    Describe,
    WhereAmI,
    ImportError,
}

const ENTRIES: [(Entry, &str); 9] = [
    (Entry::Open, "open"),
    (Entry::RunBody, "runBody"),
    (Entry::RunModule, "runModule"),
    (Entry::Settle, "settle"),
    (Entry::Fire, "fire"),
    (Entry::Outcome, "outcome"),
    (Entry::Describe, "describe"),
    (Entry::WhereAmI, "whereAmI"),
    (Entry::ImportError, "importError"),
];

struct Engine {
    runtime: javy::Runtime,
    entries: Vec<Persistent<Function<'static>>>,
}

thread_local! {
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
}

/// Builds the engine. A failure here is a bug of the guest and ends its build.
#[expect(clippy::expect_used, reason = "runs when the guest is built, never in front of a script")]
pub(crate) fn initialize() {
    let mut config = Config::default();
    config.max_stack_size(STACK_BYTES);
    config.gc_threshold(GC_THRESHOLD_BYTES);
    config.bytecode_stripping(BytecodeStripping::None);
    let runtime = javy::Runtime::new(config).expect("QuickJS starts");

    let quickjs = runtime.context().runtime().clone();
    modules::allow_prelude(&quickjs);
    let entries: Vec<_> = runtime.context().with(|ctx| {
        let prelude = load_prelude(&ctx);
        let save = |(_, name): &(Entry, &str)| {
            let function: Function<'_> = prelude.get(*name).expect("the entry is there");
            Persistent::save(&ctx, function)
        };
        ENTRIES.iter().map(save).collect()
    });
    modules::allow_author(&quickjs);
    promises::track_rejections(&quickjs);
    ENGINE.with(|engine| {
        assert!(engine.set(Engine { runtime, entries }).is_ok(), "initialize is called once");
    });
    // What loading left behind is no part of the image.
    quickjs.run_gc();
}

#[expect(clippy::expect_used, reason = "runs when the guest is built, never in front of a script")]
fn load_prelude<'js>(ctx: &Ctx<'js>) -> Object<'js> {
    let (module, _) = Module::declare(ctx.clone(), modules::PRELUDE_MAIN, modules::prelude_main())
        .and_then(Module::eval)
        .catch(ctx)
        .expect("the prelude compiles");
    while ctx.execute_pending_job() {}
    let prelude = module.namespace().expect("the prelude has exports");
    let install: Function<'_> = prelude.get("install").expect("the prelude installs itself");
    let host = imports::host_object(ctx).expect("the imports can be functions");
    install.call::<_, ()>((host,)).catch(ctx).expect("the prelude installs itself");
    prelude
}

/// Lets `work` use the context. Without an engine the guest was not
/// initialised, which only a broken build can be.
pub(crate) fn with<R>(work: impl FnOnce(&Ctx<'_>) -> R) -> R {
    get(|engine| engine.runtime.context().with(|ctx| work(&ctx)))
}

/// The runtime, for what cannot be done while the context is in use.
pub(crate) fn quickjs() -> Runtime {
    get(|engine| engine.runtime.context().runtime().clone())
}

#[expect(clippy::expect_used, reason = "no script can take the engine away")]
fn get<R>(read: impl FnOnce(&Engine) -> R) -> R {
    ENGINE.with(|engine| read(engine.get().expect("initialize was called")))
}

/// One of the prelude's functions.
pub(crate) fn entry<'js>(ctx: &Ctx<'js>, entry: Entry) -> javy::quickjs::Result<Function<'js>> {
    let index = ENTRIES.iter().position(|(known, _)| *known == entry);
    let saved = get(|engine| index.and_then(|index| engine.entries.get(index).cloned()));
    saved.ok_or(javy::quickjs::Error::Unknown)?.restore(ctx)
}

/// Runs every job there is, and those that they make. A job that throws ends
/// only itself.
pub(crate) fn run_jobs() {
    let quickjs = quickjs();
    loop {
        match quickjs.execute_pending_job() {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => with(|ctx| drop(ctx.catch())),
        }
    }
}
