//! Messages from people to the agent of a step.
//!
//! Owns: their way to each attempt at the step, and which of them the agent has. Never:
//! takes one for a run, or sends one to an agent; the core and the providers do.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use smol_wf_core::message::AgentMessage;
use tokio::sync::watch;

/// The messages to the agent of one step. The core bounds their number.
#[derive(Debug, Default)]
pub struct Mailbox {
    all: watch::Sender<Vec<AgentMessage>>,
    told: Mutex<Told>,
}

/// Which messages the agents of a step have.
#[derive(Debug, Default)]
struct Told {
    /// Numbers of those that the present one has.
    now: BTreeSet<u64>,
    /// Numbers of those that any of them had.
    ever: BTreeSet<u64>,
}

impl Mailbox {
    /// Adds a message for the agent at work and for every attempt that follows.
    pub fn post(&self, message: AgentMessage) {
        if message.was_told {
            self.lock().ever.insert(message.number);
        }
        self.all.send_modify(|all| all.push(message));
    }

    /// The messages for the next attempt: all of them, or, if it goes on in the session of
    /// the last attempt, those that the session does not have.
    #[must_use]
    pub fn messages(&self, goes_on: bool) -> AgentMessages {
        let mut told = self.lock();
        if !goes_on {
            told.now.clear();
        }
        AgentMessages { all: Some(self.all.subscribe()), next: 0, skipped: told.now.clone() }
    }

    /// Takes note that the agent was told. Returns whether that is news.
    pub fn told(&self, number: u64) -> bool {
        let mut told = self.lock();
        told.ever.insert(number);
        told.now.insert(number)
    }

    /// How many messages the present agent was told.
    #[must_use]
    pub fn count_told(&self) -> u32 {
        u32::try_from(self.lock().now.len()).unwrap_or(u32::MAX)
    }

    /// Numbers of the messages that no agent of the step was told.
    #[must_use]
    pub fn untold(&self) -> Vec<u64> {
        let told = self.lock();
        let numbers: Vec<u64> = self.all.borrow().iter().map(|message| message.number).collect();
        numbers.into_iter().filter(|number| !told.ever.contains(number)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages for one attempt, in order.
#[derive(Debug, Clone, Default)]
pub struct AgentMessages {
    all: Option<watch::Receiver<Vec<AgentMessage>>>,
    next: usize,
    skipped: BTreeSet<u64>,
}

impl AgentMessages {
    /// No message, ever.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Waits for the next message. Dropping the future loses nothing.
    pub async fn next(&mut self) -> AgentMessage {
        let Self { all: Some(all), next, skipped } = self else {
            return std::future::pending().await;
        };
        loop {
            let place = *next;
            let posted = all.wait_for(|all| all.len() > place).await;
            let Ok(message) = posted.map(|all| all.get(place).cloned()) else {
                // Nobody can post any more.
                return std::future::pending().await;
            };
            *next = place + 1;
            if let Some(message) = message.filter(|message| !skipped.contains(&message.number)) {
                return message;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64) -> AgentMessage {
        AgentMessage { number, text: format!("m{number}").into(), was_told: false }
    }

    #[tokio::test]
    async fn a_new_attempt_gets_all_and_one_that_goes_on_only_what_is_new() {
        let mailbox = Mailbox::default();
        mailbox.post(message(1));
        let mut first = mailbox.messages(false);
        assert_eq!(first.next().await, message(1));
        assert!(mailbox.told(1) && !mailbox.told(1));
        mailbox.post(message(4));
        assert_eq!(first.next().await, message(4));
        assert_eq!((mailbox.untold(), mailbox.count_told()), (vec![4], 1));
        assert_eq!(mailbox.messages(true).next().await, message(4));
        let mut fresh = mailbox.messages(false);
        assert_eq!((fresh.next().await, fresh.next().await), (message(1), message(4)));
        // A new agent has none of them, but one of them has come in time.
        assert_eq!((mailbox.count_told(), mailbox.untold()), (0, vec![4]));
        mailbox.post(AgentMessage { was_told: true, ..message(5) });
        assert_eq!((fresh.next().await.number, mailbox.untold()), (5, vec![4]));
    }

    #[tokio::test]
    async fn nothing_is_lost_when_nobody_waits_and_none_comes_when_nobody_posts() {
        let mailbox = Mailbox::default();
        let mut messages = mailbox.messages(false);
        assert!(futures_now(&mut messages).await.is_none());
        mailbox.post(message(7));
        assert_eq!(futures_now(&mut messages).await, Some(message(7)));
        drop(mailbox);
        assert!(futures_now(&mut messages).await.is_none());
        assert!(futures_now(&mut AgentMessages::none()).await.is_none());
    }

    /// The next message, if it is there already.
    async fn futures_now(messages: &mut AgentMessages) -> Option<AgentMessage> {
        tokio::select! {
            biased;
            message = messages.next() => Some(message),
            () = std::future::ready(()) => None,
        }
    }
}
