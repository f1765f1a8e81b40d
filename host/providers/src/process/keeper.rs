//! The one thread that starts children, waits for them, and ends their trees.
//!
//! Owns: every child process of those that share it. Nothing else waits for them, so no
//! exit is missed, and the thread works on while the async runtime shuts down. Never:
//! reads or writes a child's pipes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, TryRecvError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::watch;

use super::error::ProcessError;
use super::flaw::Flaw;
use super::handle::{ChildHandle, KeeperSender, Order, StartedChild};
use super::launch::Launch;
use super::managed_child::ManagedChild;
use super::orphans::Orphans;
use super::reach::Reach;
use super::system::{self, MARKER};
use super::tree::{Table, Tree};
use crate::owner;

/// First and longest pause between two looks at a tree that is being ended.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_LAST: Duration = Duration::from_millis(100);
/// Pause between two looks at running trees, which remember their members.
const SWEEP: Duration = Duration::from_secs(1);
/// A look may take one part in this many of the time, however many processes the machine
/// has.
const SWEEP_SHARE: u32 = 100;
/// How often children are polled where the system offers nothing to wait on.
const ASK: Duration = Duration::from_millis(10);
/// Longest mark of an outer smol-wf that is passed on.
const OUTER_MARK_BYTES_MAX: usize = 4 * 1024;

/// Called when the children are gone.
type Callback = Box<dyn FnOnce() + Send>;

/// The thread's state.
pub(super) struct Keeper {
    reach: Reach,
    orders: mpsc::Receiver<Order>,
    /// None when no order can come any more.
    woken: Option<UnixStream>,
    children: BTreeMap<u64, ManagedChild>,
    orphans: Orphans,
    next_id: u64,
    /// The newest group that a child was started for.
    newest_group: u64,
    /// The mark in a child's environment, without the child's number.
    mark: String,
    outer_mark: String,
    /// Who waits for the children of a group, or for all.
    quiet: Vec<(Option<u64>, Callback)>,
    /// When to look at the trees next, and the pause after that.
    look_at: Instant,
    pause: Duration,
}

impl Keeper {
    pub(super) fn new(reach: Reach, orders: mpsc::Receiver<Order>, woken: UnixStream) -> Self {
        let outer = std::env::var(MARKER).unwrap_or_default();
        Self {
            reach,
            orders,
            woken: Some(woken),
            children: BTreeMap::new(),
            orphans: Orphans::new(reach),
            next_id: 0,
            newest_group: 0,
            mark: String::new(),
            outer_mark: if outer.len() > OUTER_MARK_BYTES_MAX { String::new() } else { outer },
            quiet: Vec::new(),
            look_at: Instant::now(),
            pause: LOOK_FIRST,
        }
    }

    /// Works until no order can come any more and everything is done.
    pub(super) fn run(mut self) {
        if self.reach.adopts() {
            system::adopt_orphans();
            system::keep_inherited_files();
        }
        while self.woken.is_some() || self.has_work() {
            self.wait();
            let now = Instant::now();
            self.take_orders(now);
            self.collect(now);
            self.let_go_of_lone_ones();
            if now >= self.look_at && self.has_work() {
                self.look(now);
            }
            let waiting = std::mem::take(&mut self.quiet);
            let (waiting, ready) =
                waiting.into_iter().partition(|(group, _)| self.is_ending(*group));
            self.quiet = waiting;
            ready.into_iter().for_each(|(_, then): (_, Callback)| then());
        }
    }

    fn take_orders(&mut self, now: Instant) {
        loop {
            match self.orders.try_recv() {
                Ok(order) => self.obey(order, now),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.woken = None;
                    return;
                }
            }
        }
    }

    /// Whether any process has to be looked at.
    fn has_work(&self) -> bool {
        !self.children.is_empty() || self.orphans.are_about()
    }

    /// Whether a process of this group is being ended; of any group when it is none.
    fn is_ending(&self, group: Option<u64>) -> bool {
        let is_of = |child: &ManagedChild| group.is_none_or(|group| child.group == group);
        self.orphans.are_about_of(group)
            || self.children.values().any(|child| child.ending.is_some() && is_of(child))
    }

    /// Waits until an order comes, a child ends, or a look is due.
    fn wait(&mut self) {
        let mut limit = None;
        let mut exits = Vec::new();
        for child in self.children.values().filter(|child| !child.has_exited) {
            match &child.exit {
                Some(descriptor) => exits.push(descriptor),
                None => limit = Some(ASK),
            }
        }
        if self.has_work() {
            let until = self.look_at.saturating_duration_since(Instant::now());
            limit = Some(limit.map_or(until, |limit: Duration| limit.min(until)));
        }
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut fds: Vec<PollFd<'_>> =
            self.woken.iter().map(|woken| PollFd::new(woken, PollFlags::IN)).collect();
        fds.extend(exits.iter().map(|exit| PollFd::new(*exit, PollFlags::IN)));
        // An interruption is as good a reason to look as any other.
        let _ = poll(&mut fds, limit.as_ref());
        let mut bytes = [0; 64];
        let Some(mut woken) = self.woken.as_ref() else { return };
        while matches!(woken.read(&mut bytes), Ok(read) if read == bytes.len()) {}
    }

    fn obey(&mut self, order: Order, now: Instant) {
        match order {
            Order::Start { launch, group, keeper: sender, reply } => {
                let is_first = self.children.is_empty();
                let started = self.start(*launch, group, sender);
                if is_first && started.is_ok() {
                    self.look_at = now + SWEEP;
                }
                // When nobody waits for it any more, the handle is dropped, which ends
                // the child.
                let _ = reply.send(started);
            }
            Order::End(id) => {
                if let Some(child) = self.children.get_mut(&id)
                    && child.ending.is_none()
                {
                    child.begin_ending(now);
                    self.look_soon(now);
                }
            }
            Order::EndAllAtOnce => {
                self.children.values_mut().for_each(|child| child.end_at_once(now));
                self.orphans.end_at_once();
                self.look_soon(now);
            }
            Order::EndGroup(group) => {
                let of_group = self.children.values_mut().filter(|child| child.group == group);
                of_group.for_each(|child| child.begin_ending(now));
                self.look_soon(now);
            }
            Order::Quiet { group, then } => self.quiet.push((group, then)),
        }
    }

    fn look_soon(&mut self, now: Instant) {
        self.look_at = now;
        self.pause = LOOK_FIRST;
    }

    fn start(
        &mut self,
        launch: Launch,
        group: u64,
        sender: KeeperSender,
    ) -> Result<StartedChild, ProcessError> {
        if self.mark.is_empty() {
            // Tells the children of two keepers in this process apart.
            let nonce = RandomState::new().build_hasher().finish();
            self.mark = format!("{}.", owner::this_process(nonce));
        }
        self.next_id += 1;
        let id = self.next_id;
        let mark = format!("{}{id:x}", self.mark);
        let mut child = spawn(&launch, format!("{} {mark}", self.outer_mark).trim_start())?;
        let stdin = child.stdin.take();
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            let error = io::ErrorKind::BrokenPipe.into();
            return Err(ProcessError::Spawn { program: launch.program, error });
        };
        // Process ids are below 2^22.
        let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
        let (status, receiver) = watch::channel(None);
        let child = ManagedChild {
            exit: system::exit_descriptor(pid),
            process: child,
            pid,
            group,
            status: Some(status),
            has_exited: false,
            tree: Tree::new(pid, mark),
            ending: None,
            presence: launch.presence,
        };
        self.newest_group = self.newest_group.max(child.group);
        self.children.insert(id, child);
        let handle = ChildHandle { id, status: receiver, keeper: sender };
        Ok(StartedChild { handle, stdin, stdout, stderr })
    }

    /// Notes the children that have ended, and begins to end what they left behind.
    fn collect(&mut self, now: Instant) {
        let mut look = false;
        for child in self.children.values_mut().filter(|child| !child.has_exited) {
            match child.process.try_wait() {
                Ok(None) => continue,
                Ok(status) => _ = child.status.take().map(|sender| sender.send_replace(status)),
                // Where SIGCHLD is ignored, the system keeps no exit status: the child
                // has ended, and how is unknown.
                Err(_) => child.status = None,
            }
            child.has_exited = true;
            child.begin_ending(now);
            look = true;
        }
        if look {
            self.look_soon(now);
        }
    }

    /// Forgets children that ended alone: the usual case, without a look at all processes
    /// of the machine.
    fn let_go_of_lone_ones(&mut self) {
        // Without adoption their orphans may have any parent, and have to be looked for.
        if !self.reach.adopts() || !self.children.values().any(ManagedChild::has_ended_alone) {
            return;
        }
        let leaders = self.leaders();
        if !system::is_orphan_about(&|pid| leaders.contains(&pid)) {
            self.children.retain(|_, child| !child.has_ended_alone());
        }
    }

    /// Children that have not been waited for yet.
    fn leaders(&self) -> Vec<i32> {
        self.children.values().filter(|child| !child.has_exited).map(|child| child.pid).collect()
    }

    /// Looks at all processes: waits for orphans that have ended, updates the trees, and
    /// continues to end them.
    fn look(&mut self, now: Instant) {
        let leaders = self.leaders();
        let since = self.children.values().map(|child| child.tree.started()).min();
        let table = Table::read(&leaders, self.reach, since.unwrap_or_default());
        let in_a_tree =
            |one: &system::ProcessInfo| self.children.values().any(|child| child.tree.knows(one));
        let ended = table.ended_orphans(&leaders, self.reach, &in_a_tree);
        ended.iter().for_each(|pid| system::reap(*pid));
        // A zombie that is not our child is waited for by its own parent, or by nobody.
        let is_over = |one: &system::ProcessInfo| {
            ended.contains(&one.pid) || (one.is_zombie && !self.reach.adopts())
        };
        self.children.retain(|_, child| {
            let mut members = child.tree.members(&table, &leaders);
            members.retain(|one| !is_over(one));
            let has_group = system::group_exists(child.pid)
                && (self.reach.adopts() || !table.has_only_ended(child.pid));
            !child.go_on_ending(&members, has_group, now)
        });
        self.orphans.look(&table, self.children.is_empty(), self.newest_group, now);
        let taken = now.elapsed();
        let is_ending = self.is_ending(None);
        let pause = if is_ending { self.pause.max(taken) } else { SWEEP.max(taken * SWEEP_SHARE) };
        self.look_at = Instant::now() + pause;
        self.pause = (self.pause * 2).min(LOOK_LAST);
    }
}

fn spawn(launch: &Launch, mark: &str) -> Result<Child, ProcessError> {
    let stdin = launch.input.open().map_err(|error| {
        let doing = "put what the program is to read into a file";
        ProcessError::Io { doing, error }
    })?;
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.args)
        .current_dir(&launch.cwd)
        .env_clear()
        .envs(launch.env.iter())
        .env(MARKER, mark)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command.spawn().map_err(|error| {
        if let Err(error) = launch.cwd.read_dir() {
            return ProcessError::Cwd { cwd: launch.cwd.clone(), error };
        }
        let program = launch.program.clone();
        let search = launch.env.iter().find(|(name, _)| *name == "PATH");
        let search = search.map_or(OsStr::new(""), |(_, folders)| folders.as_os_str());
        match Flaw::behind(&error, &program, search) {
            Some(flaw) => ProcessError::NoProgram { program, flaw },
            None if error.kind() == io::ErrorKind::NotFound => ProcessError::NotFound { program },
            None => ProcessError::Spawn { program, error },
        }
    })
}
