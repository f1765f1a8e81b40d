//! Permissions that agents ask people for.
//!
//! Owns: the verdict, and the questions of one attempt that wait for theirs. Never: asks a
//! person; the caller of the provider does.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use serde_json::{Map, Value};
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::gate::PermissionAsk;

use crate::Activity;

/// Questions of one attempt that may wait: more than the tools that an agent uses side by
/// side.
const WAITING_MAX: usize = 64;

/// The verdict on a permission that an agent asks people for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionVerdict {
    /// A person allows it, this once.
    Allowed,
    /// A person refuses it.
    Refused {
        /// What they said to the agent.
        comment: Option<String>,
    },
    /// Nobody can be asked.
    Nobody,
}

/// Waits for a verdict. Dropping it withdraws the question.
pub type Asking<'a> = Pin<Box<dyn Future<Output = PermissionVerdict> + Send + 'a>>;

/// The questions of one attempt that wait for a verdict, each with what is needed to pass
/// it on.
pub(crate) struct WaitingAsks<'a, T> {
    waiting: Vec<(T, Asking<'a>)>,
}

impl<'a, T> WaitingAsks<'a, T> {
    pub(crate) fn new() -> Self {
        Self { waiting: Vec::new() }
    }

    /// Asks a question; nobody is asked any more when too many wait.
    pub(crate) fn ask(&mut self, of: T, ask: PermissionAsk, activity: &'a dyn Activity) {
        let asking: Asking<'a> = match self.waiting.len() < WAITING_MAX {
            true => activity.ask(ask),
            false => Box::pin(std::future::ready(PermissionVerdict::Nobody)),
        };
        self.waiting.push((of, asking));
    }

    /// The next verdict. Never returns while nothing waits; dropping the future loses
    /// nothing.
    pub(crate) async fn next(&mut self) -> (T, PermissionVerdict) {
        poll_fn(|context| {
            for at in 0..self.waiting.len() {
                let Some((_, asking)) = self.waiting.get_mut(at) else { break };
                if let Poll::Ready(verdict) = asking.as_mut().poll(context) {
                    let (of, _) = self.waiting.remove(at);
                    return Poll::Ready((of, verdict));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Withdraws the questions that are meant.
    pub(crate) fn withdraw(&mut self, is_meant: impl Fn(&T) -> bool) {
        self.waiting.retain(|(of, _)| !is_meant(of));
    }
}

/// Whether a verdict allows it. Reports a refusal that no person has given.
pub(crate) fn allows(
    verdict: &PermissionVerdict,
    asked: impl FnOnce() -> RefusedAsk,
    activity: &dyn Activity,
) -> bool {
    if *verdict == PermissionVerdict::Nobody {
        activity.refused(asked());
    }
    *verdict == PermissionVerdict::Allowed
}

/// The input of a tool as people read it: a command as it is, and everything else as JSON.
pub(crate) fn input_in_words(input: &Value) -> String {
    let Value::Object(fields) = input else {
        return if input.is_null() { String::new() } else { input.to_string() };
    };
    let command = fields.get("command").and_then(Value::as_str);
    let is_other = |name: &String| command.is_none() || name != "command";
    let others = fields.iter().filter(|(name, _)| is_other(name));
    let others: Map<String, Value> =
        others.map(|(name, value)| (name.clone(), value.clone())).collect();
    let others = (!others.is_empty()).then(|| pretty(&Value::Object(others)));
    command.map(str::to_owned).into_iter().chain(others).collect::<Vec<_>>().join("\n")
}

/// JSON on several lines.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_is_shown_as_it_is_and_nothing_is_left_out() {
        for (input, shown) in [
            (json!({"command": "rm -rf \"a b\" && x"}), "rm -rf \"a b\" && x"),
            (json!({"command": "ls", "cwd": "/"}), "ls\n{\n  \"cwd\": \"/\"\n}"),
            (json!({"command": ["a", "b"]}), "{\n  \"command\": [\n    \"a\",\n    \"b\"\n  ]\n}"),
            (json!("text"), "\"text\""),
            (json!(null), ""),
            (json!({}), ""),
        ] {
            assert_eq!(input_in_words(&input), shown);
        }
    }

    /// Allows what has an odd number.
    struct Person;

    impl Activity for Person {
        fn note(&self, _activity: crate::AgentActivity) {}

        fn ask(&self, ask: PermissionAsk) -> Asking<'_> {
            Box::pin(async move {
                if ask.what == "never" {
                    std::future::pending::<()>().await;
                }
                tokio::task::yield_now().await;
                PermissionVerdict::Allowed
            })
        }
    }

    #[tokio::test]
    async fn verdicts_come_in_their_own_order_and_too_many_questions_are_refused() {
        let ask = |what: &str| PermissionAsk { what: what.to_owned(), ..PermissionAsk::default() };
        let mut asks = WaitingAsks::new();
        for _ in 1..WAITING_MAX {
            asks.ask("never", ask("never"), &Person);
        }
        asks.ask("yes", ask("yes"), &Person);
        asks.ask("full", ask("yes"), &Person);
        assert_eq!(asks.next().await, ("full", PermissionVerdict::Nobody));
        assert_eq!(asks.next().await, ("yes", PermissionVerdict::Allowed));
        asks.withdraw(|of| *of == "never");
        assert!(asks.waiting.is_empty());
    }
}
