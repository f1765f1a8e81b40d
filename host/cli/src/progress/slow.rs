//! Agents that take long: a mark in the moving lines, and lines elsewhere.
//!
//! Owns: when an agent is marked, and when a line is due: after a minute, and each time
//! that the time has doubled. Never: prints, or reads a clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use smol_wf_core::event::{Event, EventData};
use smol_wf_core::view::{RunView, StepView};

use crate::humanize::span;

/// Time after which an agent counts as slow.
const SLOW_AFTER: Duration = Duration::from_secs(60);

/// An agent is marked when it takes so many times as long as those that have ended.
const SLOWER_TIMES: u64 = 2;

/// Time after which an agent is marked while none has ended, in milliseconds.
const SLOW_ALONE_MS: u64 = 5 * 60 * 1_000;

/// Whether an agent at work is marked: it has worked for over a minute, and for twice as
/// long as agents of this run do on average; or for over five minutes if none has ended.
pub(super) fn is_slow(view: &RunView, step: &StepView, now_ms: u64) -> bool {
    let took_ms = step.took_ms(now_ms).unwrap_or(0);
    let usual_ms = view.tree().root().counts.mean_work_ms();
    let slow_ms = usual_ms.map_or(SLOW_ALONE_MS, |usual_ms| usual_ms.saturating_mul(SLOWER_TIMES));
    took_ms >= slow_ms.max(SLOW_AFTER.as_millis().try_into().unwrap_or(u64::MAX))
}

/// The agents at work, and when each is reported next.
#[derive(Debug, Default)]
pub(super) struct Slow {
    agents: BTreeMap<String, Agent>,
}

/// An agent at work. It is reported when its time reaches `due`, which then
/// doubles.
#[derive(Debug)]
struct Agent {
    label: String,
    doing: String,
    began: Instant,
    /// Time after its start at which it is reported next.
    due: Duration,
}

impl Slow {
    /// Updates the agents with an event.
    pub(super) fn note(&mut self, event: &Event, now: Instant) {
        if matches!(event.data, EventData::Resumed { .. } | EventData::Stopped(_)) {
            self.agents.clear();
        }
        let Some(step) = event.metadata.step_id.clone() else { return };
        match &event.data {
            EventData::AgentStarted(started) => {
                let label = started.label.clone();
                let agent = Agent { label, doing: String::new(), began: now, due: SLOW_AFTER };
                self.agents.insert(step, agent);
            }
            EventData::AgentEvent { kind, text } if kind != "text" => {
                if let Some(agent) = self.agents.get_mut(&step) {
                    agent.doing.clone_from(text);
                }
            }
            EventData::AgentCompleted(_)
            | EventData::AgentFailed(_)
            | EventData::AgentParked(_) => {
                self.agents.remove(&step);
            }
            _ => {}
        }
    }

    /// Whether no agent is at work.
    pub(super) fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Returns the lines that are due, and schedules the next ones.
    pub(super) fn due(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        for agent in self.agents.values_mut() {
            let took = now.saturating_duration_since(agent.began);
            if took < agent.due {
                continue;
            }
            while agent.due <= took {
                agent.due *= 2;
            }
            let took = span(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            let doing = match agent.doing.as_str() {
                "" => String::new(),
                doing => format!(", doing: {doing}"),
            };
            lines.push(format!("[slow] {}: {took} so far{doing}", agent.label));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use smol_wf_core::event::{AgentParked, AgentStarted, Metadata};
    use smol_wf_core::guest::Failure;
    use smol_wf_core::ids::RunId;

    use super::*;

    fn event(data: EventData) -> Event {
        let metadata = Metadata {
            run_id: RunId::from_bits(1),
            step_id: Some("1".into()),
            provider: None,
            session_id: None,
            workflow_depth: 0,
            parent_step_id: None,
        };
        Event { seq: 1, elapsed_nanos: 0, metadata, data }
    }

    fn started() -> EventData {
        EventData::AgentStarted(Box::new(AgentStarted {
            label: "build".into(),
            phase: None,
            model: None,
            prompt: "p".into(),
            attempt: 1,
            vendor: None,
        }))
    }

    fn parked() -> EventData {
        EventData::AgentParked(Box::new(AgentParked {
            label: "build".into(),
            phase: None,
            error: Failure::new("provider_quota", "m"),
            usage: smol_wf_core::step_request::Usage::default(),
        }))
    }

    #[test]
    fn a_slow_agent_is_reported_each_time_its_time_doubles() {
        let (mut slow, began) = (Slow::default(), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        slow.note(&event(started()), began);
        assert_eq!(slow.due(after(59)), Vec::<String>::new());
        assert_eq!(slow.due(after(60)), ["[slow] build: 1m00s so far"]);
        let doing = EventData::AgentEvent { kind: "tool".into(), text: "bash npm test".into() };
        slow.note(&event(doing), after(61));
        assert_eq!(slow.due(after(119)), Vec::<String>::new());
        assert_eq!(slow.due(after(500)), ["[slow] build: 8m20s so far, doing: bash npm test"]);
        assert_eq!(slow.due(after(501)), Vec::<String>::new(), "not until 16 minutes");
        slow.note(&event(parked()), after(502));
        assert_eq!(slow.due(after(5_000)), Vec::<String>::new());
    }
}
