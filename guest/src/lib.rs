//! The guest: runs one workflow script in QuickJS, turn by turn. Script text
//! becomes calls, outcomes become promises.
//!
//! Owns the WIT boundary. Never decides: no retry, no budget, no limit lives
//! here, for a script that has taken over the guest must gain nothing by it.

mod author;
mod compile;
mod engine;
mod failure;
mod imports;
mod modules;
mod promises;
mod prompt;
mod random;
mod raw;
mod session;
mod surface;
mod wellformed;
mod words;

mod bindings {
    //! What `wit-bindgen` makes of `wit/`.
    wit_bindgen::generate!({ path: "../wit", world: "workflow" });
}

use bindings::exports::smol::workflow::script::Guest;
use bindings::smol::workflow::types::{
    CallId, Dialect, Outcome, ScriptError, Source, StartInput, Status, TimerId,
};

struct Script;

impl Guest for Script {
    fn initialize() {
        engine::initialize();
    }

    fn inspect(source: Source, surface: u32) -> Result<Dialect, ScriptError> {
        session::inspect(source, surface)
    }

    fn start(input: StartInput) -> Status {
        session::start(input)
    }

    fn settle(call: CallId, outcome: Outcome) -> Status {
        session::settle(call, outcome)
    }

    fn fire(timer: TimerId) -> Status {
        session::fire(timer)
    }

    fn unsettled() -> Vec<String> {
        session::unsettled()
    }
}

bindings::export!(Script with_types_in bindings);
