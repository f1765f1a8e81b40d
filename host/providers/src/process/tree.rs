//! Which processes belong to a child: itself and everything that it started,
//! however far that has moved away.
//!
//! Owns: the judgement, from a table of processes. Never: signals one.
//!
//! A tool that an agent starts gets a session of its own, and its children may
//! lose their parent. So a process belongs to a child when it is below it or in
//! its group; when it was, and what it has started since; and when it has become
//! our own child as an orphan and bears the mark in its environment.

use std::collections::BTreeMap;

use super::system::{self, Seen};

/// All processes at one moment, with what is needed to judge them.
pub(super) struct Table {
    own: i32,
    own_session: i32,
    all: Vec<Seen>,
    /// Marks of the orphans among them, read when they are first asked for.
    marks: BTreeMap<i32, Option<String>>,
}

impl Table {
    /// Reads it.
    pub(super) fn read() -> Self {
        Self::of(rustix::process::getpid().as_raw_nonzero().get(), system::table())
    }

    fn of(own: i32, all: Vec<Seen>) -> Self {
        let own_session = all.iter().find(|one| one.pid == own).map_or(0, |one| one.session);
        Self { own, own_session, all, marks: BTreeMap::new() }
    }

    /// Takes the orphans out that have ended, for them to be waited for. A child
    /// that another part of the program has started is in its session and in no
    /// tree, and is left alone, as are `leaders`, who are waited for already.
    pub(super) fn take_ended_orphans(
        &mut self,
        leaders: &dyn Fn(i32) -> bool,
        in_a_tree: &dyn Fn(&Seen) -> bool,
    ) -> Vec<Seen> {
        let (own, own_session) = (self.own, self.own_session);
        let ended = |one: &mut Seen| {
            one.is_zombie
                && one.parent == own
                && !leaders(one.pid)
                && (one.session != own_session || in_a_tree(one))
        };
        self.all.extract_if(.., ended).collect()
    }

    fn bears(&mut self, pid: i32, mark: &str) -> bool {
        let found = self.marks.entry(pid).or_insert_with(|| system::marker(pid));
        found.as_deref().is_some_and(|found| marks(found).any(|one| one == mark))
    }
}

/// The marks in the value of the variable: a program that was started below
/// another smol-wf bears the marks of both.
pub(super) fn marks(value: &str) -> impl Iterator<Item = &str> {
    value.split(' ').filter(|mark| !mark.is_empty())
}

/// One child and all that it has started.
#[derive(Debug)]
pub(super) struct Tree {
    leader: i32,
    mark: String,
    /// Who was ever seen to belong, with the start time.
    known: BTreeMap<i32, u64>,
}

impl Tree {
    pub(super) fn new(leader: i32, mark: String) -> Self {
        Self { leader, mark, known: BTreeMap::new() }
    }

    /// Whether it was never seen to consist of more than its leader.
    pub(super) fn is_alone(&self) -> bool {
        self.known.keys().all(|pid| *pid == self.leader)
    }

    /// Whether it was seen to belong, or is in a group or session of those.
    pub(super) fn knows(&self, one: &Seen) -> bool {
        self.known.get(&one.pid) == Some(&one.started)
            || one.group == self.leader
            || self.known.contains_key(&one.group)
            || self.known.contains_key(&one.session)
    }

    /// Who belongs now, zombies included. `leaders` are the children that have
    /// a tree of their own.
    pub(super) fn members(
        &mut self,
        table: &mut Table,
        leaders: &dyn Fn(i32) -> bool,
    ) -> Vec<Seen> {
        self.forget(table);
        let mut members: BTreeMap<i32, Seen> = BTreeMap::new();
        // Until a pass finds nobody new: parents may come after their children.
        loop {
            let mut is_new = false;
            for at in 0..table.all.len() {
                let one = table.all[at];
                let foreign = one.pid == table.own || (leaders(one.pid) && one.pid != self.leader);
                if foreign || members.contains_key(&one.pid) {
                    continue;
                }
                let belongs = one.pid == self.leader
                    || members.contains_key(&one.parent)
                    || self.knows(&one)
                    || (one.parent == table.own && table.bears(one.pid, &self.mark));
                if belongs {
                    self.known.insert(one.pid, one.started);
                    members.insert(one.pid, one);
                    is_new = true;
                }
            }
            if !is_new {
                return members.into_values().collect();
            }
        }
    }

    /// Forgets who has ended, unless a group or session still has its id: only
    /// then can nobody else be given it.
    fn forget(&mut self, table: &Table) {
        self.known.retain(|pid, started| {
            table.all.iter().any(|one| {
                (one.pid == *pid && one.started == *started)
                    || (one.pid != *pid && (one.group == *pid || one.session == *pid))
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: i32 = 10;

    fn seen(pid: i32, parent: i32, group: i32, session: i32) -> Seen {
        Seen { pid, parent, group, session, started: 1, is_zombie: false }
    }

    fn members(tree: &mut Tree, processes: &[Seen]) -> Vec<i32> {
        let mut all = vec![seen(OWN, 1, OWN, OWN)];
        all.extend(processes);
        let mut table = Table::of(OWN, all);
        // No such process is asked for its environment.
        table.marks.extend(processes.iter().map(|one| (one.pid, None)));
        table.marks.insert(70, Some("outer/1 boot/1/7".to_owned()));
        let members = tree.members(&mut table, &|pid| pid == 20 || pid == 30);
        members.iter().map(|one| one.pid).collect()
    }

    #[test]
    fn whoever_is_below_in_the_group_or_marked_belongs() {
        let mut tree = Tree::new(20, "boot/1/7".to_owned());
        let processes = [
            seen(22, 21, 22, 22), // below, in a session of its own, and listed first
            seen(20, OWN, 20, OWN),
            seen(21, 20, 20, OWN),
            seen(23, OWN, 20, OWN), // an orphan in the group
            seen(70, OWN, 70, 70),  // an orphan with the mark
            seen(71, 70, 70, 70),   // and its child
            seen(30, OWN, 30, OWN), // another child with its own
            seen(31, 30, 30, OWN),
            seen(40, OWN, OWN, OWN), // started by another part of the program
            seen(50, 1, 50, 50),
        ];
        assert_eq!(members(&mut tree, &processes), [20, 21, 22, 23, 70, 71]);
    }

    #[test]
    fn who_has_belonged_still_does_without_a_parent_or_a_mark() {
        let mut tree = Tree::new(20, "m".to_owned());
        let before = [seen(20, OWN, 20, OWN), seen(22, 20, 22, 22)];
        assert_eq!(members(&mut tree, &before), [20, 22]);
        // The one it knew has ended; its session has not.
        assert_eq!(members(&mut tree, &[seen(24, OWN, 24, 22)]), [24]);
        assert_eq!(members(&mut tree, &[seen(25, 24, 25, 25), seen(24, 1, 24, 22)]), [24, 25]);
        // Nobody is left, and another process gets the id.
        assert_eq!(members(&mut tree, &[]), Vec::<i32>::new());
        assert_eq!(members(&mut tree, &[seen(24, 1, 24, 24)]), Vec::<i32>::new());
    }

    #[test]
    fn only_ended_orphans_are_waited_for() {
        let zombie = |one: Seen| Seen { is_zombie: true, ..one };
        let all = vec![
            seen(OWN, 1, OWN, OWN),
            zombie(seen(20, OWN, 20, OWN)),  // a leader
            zombie(seen(21, OWN, 20, OWN)),  // in its group
            zombie(seen(22, OWN, 22, 22)),   // in a session of its own
            zombie(seen(23, OWN, OWN, OWN)), // of another part of the program
            zombie(seen(24, 22, 22, 22)),    // not ours yet
            seen(25, OWN, 22, 22),
        ];
        let tree = Tree::new(20, "m".to_owned());
        let mut table = Table::of(OWN, all);
        let ended = table.take_ended_orphans(&|pid| pid == 20, &|one| tree.knows(one));
        assert_eq!(ended.iter().map(|one| one.pid).collect::<Vec<_>>(), [21, 22]);
        assert_eq!(table.all.len(), 5);
    }
}
