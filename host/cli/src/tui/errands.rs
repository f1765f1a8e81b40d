//! What is asked of the desk, until it is done.
//!
//! Owns: that what changes the run or writes a file is done to its end, also when the
//! person has left, and that its outcome is not lost. Never: how it is done.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::desk::{Desk, Request};
use super::mailbox::{Mailbox, Urgency};
use super::stage::Happened;
use crate::posting::TAKEN_MAX;

/// The errands of one TUI.
pub(super) struct Errands {
    desk: Arc<Desk>,
    replies: Mailbox<Happened>,
    at_work: JoinSet<()>,
}

impl Errands {
    pub(super) fn new(desk: Desk, replies: Mailbox<Happened>) -> Self {
        Self { desk: Arc::new(desk), replies, at_work: JoinSet::new() }
    }

    pub(super) fn begin(&mut self, request: Request) {
        let (desk, replies) = (self.desk.clone(), self.replies.clone());
        let matters = matches!(request, Request::Post { .. } | Request::Save(_));
        let errand = async move {
            let reply = desk.reply(request).await;
            replies.put(Happened::Reply(reply), Urgency::AtOnce);
        };
        if matters {
            self.at_work.spawn(errand);
        } else {
            tokio::spawn(errand);
        }
        while self.at_work.try_join_next().is_some() {}
    }

    /// Waits for what is under way, once nobody takes replies any more. Returns what the
    /// replies say that nobody has taken.
    pub(super) async fn end(mut self) -> Vec<String> {
        let rest = async { while self.at_work.join_next().await.is_some() {} };
        let is_done = tokio::time::timeout(TAKEN_MAX, rest).await.is_ok();
        let left = self.replies.take_all();
        let mut said: Vec<String> =
            left.iter().filter_map(Happened::said).map(str::to_owned).collect();
        if !is_done {
            said.push(
                "your last message may not have been posted; `smol-wf logs` shows the messages of a run"
                    .to_owned(),
            );
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[tokio::test]
    async fn a_refusal_that_came_too_late_for_the_screen_is_returned() {
        let desk = Desk::of_file(Path::new("no/such/pipe"));
        let mut errands = Errands::new(desk, Mailbox::new());
        errands.begin(Request::Save(PathBuf::from("no/such/folder/events.jsonl")));
        // It is over, and forgotten, before the person leaves.
        while errands.at_work.join_next().await.is_some() {}
        let said = errands.end().await;
        assert_eq!(said.len(), 1, "{said:?}");
    }
}
