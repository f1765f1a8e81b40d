//! Finding out which promise a stuck script waits for.
//!
//! Owns: the replay of a run in guests that watch their promises. Never: writes
//! or dispatches anything. It may fail to find out; then the list is empty.

use std::collections::HashMap;

use smol_wf_core::ids::{Digest, Scope};
use smol_wf_core::journal::Entry;
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Machine, Next};
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, TurnLimits};

use crate::drive::start_input;

/// Where the unsettled promises of this scope were made, as `line:column`.
pub(crate) async fn unsettled(
    sandbox: &Sandbox,
    entries: Vec<Entry>,
    limits: Limits,
    scope: Scope,
) -> Vec<String> {
    // Watching costs fuel: under another guest's name the fuel is not compared.
    let watching = Digest::of(b"diagnose");
    let limits = Limits { fuel: limits.fuel.saturating_mul(4), ..limits };
    let Ok(mut machine) = Machine::resume(entries, limits, watching, 0) else {
        return Vec::new();
    };
    let mut guests: HashMap<Scope, Guest> = HashMap::new();
    loop {
        for closed in machine.take_closed() {
            guests.remove(&closed);
        }
        let turn = match machine.next(0) {
            Ok(Next::Start { start, seed, now_us }) => {
                let instance = InstanceLimits { memory_mib: limits.memory_mib };
                let Ok(mut guest) = sandbox.instance(instance).await else { return Vec::new() };
                let input = start_input(&start, seed, true);
                let turn = TurnLimits { fuel: machine.turn_fuel(), now_us };
                let ended = guest.start(machine, turn, &input).await;
                guests.insert(start.scope, guest);
                (start.scope, ended)
            }
            Ok(Next::Settle { scope, call, outcome, now_us }) => {
                let Some(guest) = guests.get_mut(&scope) else { return Vec::new() };
                let turn = TurnLimits { fuel: machine.turn_fuel(), now_us };
                (scope, guest.settle(machine, turn, call, &outcome).await)
            }
            Ok(Next::Stuck(stuck)) if stuck == scope => break,
            _ => return Vec::new(),
        };
        let (ran, ended) = turn;
        machine = ended.host;
        let Ok(status) = ended.end else { return Vec::new() };
        if machine.end_turn(ran, ended.fuel, status).is_err() {
            return Vec::new();
        }
    }
    let Some(guest) = guests.get_mut(&scope) else { return Vec::new() };
    let turn = TurnLimits { fuel: machine.turn_fuel(), now_us: 0 };
    guest.unsettled(machine, turn).await.1
}
