//! Which processes belong to a child: itself and everything that it started, however far
//! that has moved away.
//!
//! Owns: the judgement, from a table of processes. Never: signals one.
//!
//! An agent's tool gets a session of its own, and its children may lose their parent. So
//! a process belongs to a child when it is below it or in its group, when it or an
//! ancestor was, or when it carries the child's mark in its environment. The mark counts
//! on orphans: our own children where we adopt orphans, any process elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::reach::Reach;
use super::system::{self, ProcessInfo};

/// All processes at one moment, indexed.
pub(super) struct Table {
    own: i32,
    /// Our group and session.
    own_place: (i32, i32),
    all: Vec<ProcessInfo>,
    /// For each id: the process with it, its children, and the members of the group or
    /// session.
    near: HashMap<i32, Vec<ProcessInfo>>,
    /// Orphans by the marks in their environment.
    marked: HashMap<String, Vec<i32>>,
}

impl Table {
    /// Reads the table. `leaders` are the children with a tree of their own; the oldest
    /// of them started at `since`.
    pub(super) fn read(leaders: &[i32], reach: Reach, since: u64) -> Self {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let mut table = Self::of(own, system::table());
        let may_be_orphan = |one: &&ProcessInfo| match reach.adopts() {
            true => one.parent == own,
            // A process starts after all its ancestors.
            false => one.started >= since,
        };
        let orphans = table.all.iter().filter(|one| !leaders.contains(&one.pid));
        for one in orphans.filter(may_be_orphan) {
            for mark in marks(&system::marker(one.pid).unwrap_or_default()) {
                table.marked.entry(mark.to_owned()).or_default().push(one.pid);
            }
        }
        table
    }

    fn of(own: i32, all: Vec<ProcessInfo>) -> Self {
        let own_place = all.iter().find(|one| one.pid == own).map_or((0, 0), place);
        let mut near: HashMap<i32, Vec<ProcessInfo>> = HashMap::new();
        for one in &all {
            let ids = BTreeSet::from([one.pid, one.parent, one.group, one.session]);
            ids.into_iter().for_each(|id| near.entry(id).or_default().push(*one));
        }
        Self { own, own_place, all, near, marked: HashMap::new() }
    }

    /// The orphans that have ended and have to be waited for. A child that another part
    /// of the program started is in no tree, and is left alone. So are `leaders`, which
    /// are waited for already.
    pub(super) fn ended_orphans(
        &self,
        leaders: &[i32],
        reach: Reach,
        in_a_tree: &dyn Fn(&ProcessInfo) -> bool,
    ) -> Vec<i32> {
        if !reach.adopts() {
            return Vec::new();
        }
        // Nothing that the program itself starts leaves its group then.
        let is_agents = |one: &ProcessInfo| reach == Reach::Children && self.is_apart(one);
        let ended = |one: &&ProcessInfo| {
            one.is_zombie
                && one.parent == self.own
                && !leaders.contains(&one.pid)
                && (is_agents(one) || in_a_tree(one))
        };
        self.all.iter().filter(ended).map(|one| one.pid).collect()
    }

    /// Whether a process exists and has not ended.
    pub(super) fn is_alive(&self, one: &ProcessInfo) -> bool {
        self.near(one.pid).iter().any(|seen| seen.is_same(one) && !seen.is_zombie)
    }

    /// Whether a group has members, and all of them have ended.
    pub(super) fn has_only_ended(&self, group: i32) -> bool {
        let mut members = self.near(group).iter().filter(|one| one.group == group).peekable();
        members.peek().is_some() && members.all(|one| one.is_zombie)
    }

    /// Our children in a group or session that is not ours.
    pub(super) fn orphans_apart(&self) -> impl Iterator<Item = ProcessInfo> {
        let is_orphan =
            |one: &&ProcessInfo| one.parent == self.own && self.is_apart(one) && !one.is_zombie;
        self.all.iter().filter(is_orphan).copied()
    }

    /// Whether a process has left our group or session.
    fn is_apart(&self, one: &ProcessInfo) -> bool {
        place(one) != self.own_place
    }

    fn near(&self, id: i32) -> &[ProcessInfo] {
        self.near.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// A process's group and session.
fn place(one: &ProcessInfo) -> (i32, i32) {
    (one.group, one.session)
}

/// The marks in the variable's value. A program below another smol-wf carries the marks
/// of both.
pub(super) fn marks(value: &str) -> impl Iterator<Item = &str> {
    value.split(' ').filter(|mark| !mark.is_empty())
}

/// One child and all that it started.
#[derive(Debug)]
pub(super) struct Tree {
    leader: i32,
    started: u64,
    mark: String,
    /// Every process that was ever seen to belong, with its start.
    known: BTreeMap<i32, u64>,
}

impl Tree {
    /// The tree of a child that was just started.
    pub(super) fn new(leader: i32, mark: String) -> Self {
        let started = system::started(leader).unwrap_or_default();
        Self { leader, started, mark, known: BTreeMap::from([(leader, started)]) }
    }

    /// When its leader started.
    pub(super) fn started(&self) -> u64 {
        self.started
    }

    /// Whether it was never seen to have more than its leader.
    pub(super) fn is_alone(&self) -> bool {
        self.known.keys().all(|pid| *pid == self.leader)
    }

    /// Whether a process was seen to belong, or is in a group or session of one that was.
    pub(super) fn knows(&self, one: &ProcessInfo) -> bool {
        self.known.get(&one.pid) == Some(&one.started)
            || self.known.contains_key(&one.group)
            || self.known.contains_key(&one.session)
    }

    /// Its processes now. Zombies count, except a leader that is waited for.
    pub(super) fn members(&mut self, table: &Table, leaders: &[i32]) -> Vec<ProcessInfo> {
        self.forget(table);
        let mut members: BTreeMap<i32, ProcessInfo> = BTreeMap::new();
        // Ids of members, and of their groups and sessions.
        let mut ids: Vec<i32> = self.known.keys().copied().collect();
        ids.extend(table.marked.get(&self.mark).into_iter().flatten());
        while let Some(id) = ids.pop() {
            for one in table.near(id) {
                let foreign =
                    one.pid == table.own || (leaders.contains(&one.pid) && one.pid != self.leader);
                if !foreign && members.insert(one.pid, *one).is_none() {
                    self.known.insert(one.pid, one.started);
                    ids.push(one.pid);
                }
            }
        }
        members.into_values().collect()
    }

    /// Forgets processes that have ended, unless a group or session still has the id:
    /// only then can no other process get it.
    fn forget(&mut self, table: &Table) {
        self.known.retain(|pid, started| {
            table.near(*pid).iter().any(|one| match one.pid == *pid {
                true => one.started == *started,
                false => one.group == *pid || one.session == *pid,
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: i32 = 10;

    fn seen(pid: i32, parent: i32, group: i32, session: i32) -> ProcessInfo {
        ProcessInfo { pid, parent, group, session, started: 1, is_zombie: false }
    }

    fn tree(mark: &str) -> Tree {
        Tree { leader: 20, started: 1, mark: mark.to_owned(), known: BTreeMap::from([(20, 1)]) }
    }

    #[test]
    fn a_program_below_another_smol_wf_bears_both_marks() {
        assert_eq!(marks("a/1 b/2").collect::<Vec<_>>(), ["a/1", "b/2"]);
        assert_eq!(marks("").count(), 0);
    }

    fn members(tree: &mut Tree, processes: &[ProcessInfo]) -> Vec<i32> {
        let mut all = vec![seen(OWN, 1, OWN, OWN)];
        all.extend(processes);
        let mut table = Table::of(OWN, all);
        table.marked.insert("boot/1/7".to_owned(), vec![70]);
        let members = tree.members(&table, &[20, 30]);
        members.iter().map(|one| one.pid).collect()
    }

    #[test]
    fn descendants_group_members_and_marked_processes_belong() {
        let mut tree = tree("boot/1/7");
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
        let mut tree = tree("m");
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
        let zombie = |one: ProcessInfo| ProcessInfo { is_zombie: true, ..one };
        let mut all = vec![
            seen(OWN, 1, OWN, OWN),
            zombie(seen(20, OWN, 20, OWN)),  // a leader
            zombie(seen(21, OWN, 20, OWN)),  // in its group
            zombie(seen(22, OWN, 22, 22)),   // in a session of its own
            zombie(seen(23, OWN, OWN, OWN)), // of another part of the program
            zombie(seen(24, 22, 22, 22)),    // not ours yet
            zombie(seen(26, OWN, 26, OWN)),  // in a group of its own
            seen(25, OWN, 22, 22),
        ];
        let tree = tree("m");
        let table = Table::of(OWN, all.clone());
        let ended = |reach| table.ended_orphans(&[20], reach, &|one| tree.knows(one));
        assert_eq!(ended(Reach::Children), [21, 22, 26]);
        // What another part of the program starts may have a group of its own.
        assert_eq!(ended(Reach::Orphans), [21]);
        assert_eq!(ended(Reach::Marked), Vec::<i32>::new());
        assert_eq!(table.orphans_apart().map(|one| one.pid).collect::<Vec<_>>(), [25]);
        all.iter_mut().for_each(|one| one.is_zombie = false);
        let table = Table::of(OWN, all);
        let running: Vec<i32> = table.orphans_apart().map(|one| one.pid).collect();
        assert_eq!(running, [20, 21, 22, 26, 25]);
    }
}
