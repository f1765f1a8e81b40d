//! The turns of a run: one driver for live runs, replays, simulations and
//! fixtures.
//!
//! Owns: the guests of a run, the loop of turns, and the queue of child workflows. Never:
//! an agent, a clock, a timer or a store; a [`backend::Backend`] has those.

pub(crate) mod backend;
pub(crate) mod children;
pub(crate) mod driver;
pub(crate) mod pause;
mod task;
