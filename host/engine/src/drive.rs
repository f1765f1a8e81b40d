//! Drives one live run until it ends or stops.
//!
//! Owns: what happens to agents, answers and the journal when a run stops. Never: the
//! turns; [`crate::turn`] has those.

use smol_wf_core::journal::{Body, Entry, StopReason};
use smol_wf_core::limits::LimitError;
use smol_wf_core::machine::Machine;

use crate::agent_events::AgentEvent;
use crate::clock;
use crate::effects::RunnerEvent;
use crate::error::EngineError;
use crate::live::{Cut, Halt, Live, at, guest_fault, limit, milliseconds};
use crate::stop_reasons::lets_agents_finish;
use crate::turn::driver::Turns;
use crate::turn::pause::Pause;

/// Drives the run until it ends. The reason of a stop is journaled if possible.
pub(crate) async fn drive(live: &mut Live<'_>, machine: Machine) -> Result<(), EngineError> {
    // Dropped with its guests: agents that still work need no script.
    let mut turns = Turns::new(live.sandbox.clone());
    // Boxed: the future holds a machine and everything a turn needs.
    let driven = Box::pin(turns.drive(machine, live)).await;
    let cut_fuel = turns.cut_fuel();
    drop(turns);
    let halted = match ended(live, driven.map(|(_, pause)| pause), cut_fuel).await {
        Err(Halt::Stop(reason))
            if !live.cuts_agents && (lets_agents_finish(&reason) || live.is_drained()) =>
        {
            Err(let_finish(live, reason).await)
        }
        halted => halted,
    };
    let answered = live.runner.answered();
    let left = live.runner.cancel_all().await;
    for said in live.runner.agent_events() {
        if let AgentEvent::Warning(message) = said {
            live.recorder.warn(&message);
        }
    }
    match halted {
        Ok(()) => Ok(()),
        Err(Halt::Error(error)) => Err(error),
        Err(Halt::Stop(reason)) => {
            let left = left.into_iter().map(|(step, record)| record.into_body(step));
            let ended = std::iter::once(Body::EpochEnded { reason, fuel: cut_fuel });
            keep(live, answered.into_iter().chain(left).chain(ended)).await
        }
    }
}

/// Makes the end of a run durable, or returns why the run stops.
async fn ended(live: &mut Live<'_>, driven: Result<Pause, Cut>, fuel: u64) -> Result<(), Halt> {
    match driven {
        // No agent has to end first, so the lease is released in the same commit.
        Ok(Pause::Ended) if live.runner.is_idle() => Ok(live.recorder.flush_last().await?),
        Ok(Pause::Ended) => live.flush().await,
        Ok(Pause::Stopped(stop)) => Err(live.halt(stop)),
        Ok(Pause::Fault(said)) => Err(guest_fault(&said)),
        // Unreachable: a live run waits, and gives up stuck scripts.
        Ok(Pause::Rest | Pause::Stuck(_)) => Err(guest_fault("it waits for nothing")),
        Err(Cut::Halted(halt)) => Err(halt),
        Err(Cut::Late) => {
            let limit_ms = milliseconds(live.times.turn);
            Err(limit(LimitError::TurnTime { limit_ms, used: fuel }))
        }
    }
}

/// Waits for the agents at work: the next holder uses their answers. No other agent
/// begins.
async fn let_finish(live: &mut Live<'_>, reason: StopReason) -> Halt {
    // Nobody knows when a person comes: these begin again in the next epoch, and ask again.
    for step in live.runner.waits.agents.steps() {
        live.runner.cut(step, None);
    }
    // Their script is gone.
    live.runner.forget_waits();
    let at_work = live.runner.at_work();
    if at_work > 0 {
        live.recorder.waits_for_agents(at_work, &reason);
    }
    let cancel = live.cancel.clone();
    while live.runner.at_work() > 0 {
        let deadline = live.deadline();
        let event = tokio::select! {
            biased;
            () = cancel.cancelled() => return Halt::Stop(StopReason::Cancelled),
            event = live.runner.next_event() => event,
            () = at(deadline) => {
                // The deadline is later now if this process stood still.
                if live.deadline() == deadline {
                    return Halt::Stop(reason);
                }
                continue;
            }
            // A message may cut them off. It stays in the inbox: nothing takes it any more.
            () = live.inbox.rung() => match live.inbox.cut().await {
                Ok(Some(_)) => return Halt::Stop(reason),
                Ok(None) => continue,
                Err(error) => return Halt::Error(error),
            },
        };
        let entries = match event {
            RunnerEvent::Said(AgentEvent::Recorded(step, record)) => vec![record.into_body(step)],
            RunnerEvent::Said(AgentEvent::Fleeting(activity)) => {
                live.recorder.activity(activity);
                continue;
            }
            RunnerEvent::Said(AgentEvent::Warning(message)) => {
                live.recorder.warn(&message);
                continue;
            }
            RunnerEvent::Said(AgentEvent::Asks(asked)) => {
                // Before its question is dropped, so that it hears no refusal.
                live.runner.cut(asked.step, None);
                continue;
            }
            RunnerEvent::Said(AgentEvent::Withdrew(_)) => continue,
            RunnerEvent::Agent(step, ended) => {
                live.runner.ended(step, *ended);
                live.runner.answered()
            }
            RunnerEvent::Lost(step, error) => {
                live.runner.lose(step, error);
                continue;
            }
            RunnerEvent::Cut(cut) => match cut.kept {
                Some(worktree) => vec![Body::WorktreeKept { step: cut.step, worktree }],
                None => continue,
            },
            RunnerEvent::Child(..) | RunnerEvent::Woke => continue,
        };
        if let Err(error) = keep(live, entries).await {
            return Halt::Error(error);
        }
    }
    Halt::Stop(reason)
}

/// Writes entries that the machine no longer takes.
async fn keep(
    live: &mut Live<'_>,
    bodies: impl IntoIterator<Item = Body>,
) -> Result<(), EngineError> {
    let at_us = clock::now_us();
    live.recorder.absorb(bodies.into_iter().map(|body| Entry { at_us, body }).collect());
    live.recorder.flush(None).await
}
