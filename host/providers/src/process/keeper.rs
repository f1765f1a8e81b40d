//! The one thread that starts children, waits for them, and ends their trees.
//!
//! Owns: every child process of the providers. Nothing else waits for them, so
//! no exit is missed or taken by another; and the thread works on when the async
//! runtime is going down. Never: reads or writes a child's pipes.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::{oneshot, watch};

use super::error::ProcessError;
use super::system::{self, MARKER, Signal};
use super::tree::{Table, Tree};
use super::{GRACE, Launch, leftovers};
use crate::owner;

/// Stack of the thread: it keeps nothing large there.
const STACK_BYTES: usize = 256 * 1024;
/// From the signal that cannot be refused to giving up: what has not ended by
/// then hangs in the kernel, on a lost network disk for instance.
const GIVE_UP: Duration = Duration::from_secs(10);
/// First and longest pause between two looks at a tree that is ending.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_LAST: Duration = Duration::from_millis(100);
/// Pause between two looks at trees that run, to remember who is in them.
const SWEEP: Duration = Duration::from_secs(1);
/// A look may take one part in so many of the time, however many processes the
/// machine has.
const SWEEP_SHARE: u32 = 100;
/// Where the system has nothing to wait on, children are asked this often.
const ASK: Duration = Duration::from_millis(10);
/// Longest marker of an outer smol-wf that is passed on.
const OUTER_MARK_BYTES_MAX: usize = 4 * 1024;

/// A child that runs: what holds it, and its pipes.
pub(super) struct Started {
    pub(super) tether: Tether,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// Holds a child: it is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Tether {
    id: u64,
    pid: u32,
    status: watch::Receiver<Option<ExitStatus>>,
    handle: Handle,
}

impl Tether {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns when the child has ended; none when it cannot be ended.
    pub(super) async fn exited(&self) -> Option<ExitStatus> {
        let mut status = self.status.clone();
        status.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Ends the tree, and returns when the child itself has ended.
    pub(super) async fn end_and_wait(&self) -> Option<ExitStatus> {
        self.handle.send(Order::End(self.id));
        self.exited().await
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.handle.send(Order::End(self.id));
    }
}

enum Order {
    Start { launch: Box<Launch>, reply: oneshot::Sender<Result<Started, ProcessError>> },
    End(u64),
    Quiet(oneshot::Sender<()>),
}

/// Speaks to the thread.
#[derive(Debug, Clone)]
struct Handle {
    orders: mpsc::Sender<Order>,
    wake: Arc<UnixStream>,
}

impl Handle {
    fn send(&self, order: Order) {
        // Both fail only when the thread is gone, and then so is the process; or
        // when the pipe is full, and then the thread is awake.
        let _ = self.orders.send(order);
        let _ = (&*self.wake).write(&[0]);
    }
}

static HANDLE: Mutex<Option<Handle>> = Mutex::new(None);

/// The thread, started when it is first needed.
fn handle() -> io::Result<Handle> {
    let mut handle = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*handle {
        return Ok(handle.clone());
    }
    let (wake, woken) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    let (orders, incoming) = mpsc::channel();
    let new = Handle { orders, wake: Arc::new(wake) };
    let keeper = Keeper::new(new.clone(), incoming, woken);
    let builder = thread::Builder::new().name("smol-wf-keeper".to_owned()).stack_size(STACK_BYTES);
    builder.spawn(move || keeper.run())?;
    *handle = Some(new.clone());
    Ok(new)
}

/// Starts a child.
pub(super) async fn start(launch: Launch) -> Result<Started, ProcessError> {
    leftovers::searched().await;
    let program = launch.program.clone();
    let failed = |error| ProcessError::Spawn { program: program.clone(), error };
    let (reply, started) = oneshot::channel();
    handle().map_err(failed)?.send(Order::Start { launch: Box::new(launch), reply });
    started.await.unwrap_or_else(|_| Err(failed(io::ErrorKind::BrokenPipe.into())))
}

/// Returns when every tree is gone that is no longer wanted.
pub(super) async fn quiet() {
    let handle = HANDLE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(handle) = handle else { return };
    let (reply, quiet) = oneshot::channel();
    handle.send(Order::Quiet(reply));
    let _ = quiet.await;
}

/// A child and what is known of it.
struct Kept {
    child: Child,
    pid: i32,
    /// Readable when the child has ended.
    exit: Option<OwnedFd>,
    status: watch::Sender<Option<ExitStatus>>,
    has_exited: bool,
    tree: Tree,
    ending: Option<Ending>,
}

/// How far the end of a tree is.
struct Ending {
    since: Instant,
    group_told: bool,
    strays_told: bool,
}

impl Kept {
    fn begin_ending(&mut self, now: Instant) {
        self.ending.get_or_insert(Ending { since: now, group_told: false, strays_told: false });
    }

    /// Whether it had no company when it ended: then there is nothing to do.
    fn has_ended_alone(&self) -> bool {
        self.has_exited && self.tree.is_alone() && !system::group_exists(self.pid)
    }

    /// Does what is due now; true when nothing is left to be done.
    fn go_on_ending(&mut self, members: &[system::Seen], now: Instant) -> bool {
        let Some(ending) = &mut self.ending else { return false };
        if self.has_exited && members.is_empty() && !system::group_exists(self.pid) {
            return true;
        }
        let taken = now.duration_since(ending.since);
        if taken < GRACE {
            if !ending.group_told {
                system::signal_group(self.pid, Signal::TERM);
                ending.group_told = true;
            }
            // While the child itself is ending, it may be ending these.
            if self.has_exited && !ending.strays_told {
                members.iter().for_each(|one| system::signal(one, Signal::TERM));
                ending.strays_told = true;
            }
            return false;
        }
        if !self.has_exited || system::group_exists(self.pid) {
            system::signal_group(self.pid, Signal::KILL);
        }
        members.iter().for_each(|one| system::signal(one, Signal::KILL));
        taken > GRACE + GIVE_UP
    }
}

struct Keeper {
    handle: Handle,
    orders: mpsc::Receiver<Order>,
    woken: UnixStream,
    kept: BTreeMap<u64, Kept>,
    next_id: u64,
    /// The marker's value, without the number of the child.
    mark: String,
    outer_mark: String,
    quiet: Vec<oneshot::Sender<()>>,
    /// When to look at the trees next, and how long to pause after that.
    look_at: Instant,
    pause: Duration,
}

impl Keeper {
    fn new(handle: Handle, orders: mpsc::Receiver<Order>, woken: UnixStream) -> Self {
        let outer = std::env::var(MARKER).unwrap_or_default();
        Self {
            handle,
            orders,
            woken,
            kept: BTreeMap::new(),
            next_id: 0,
            mark: String::new(),
            outer_mark: if outer.len() > OUTER_MARK_BYTES_MAX { String::new() } else { outer },
            quiet: Vec::new(),
            look_at: Instant::now(),
            pause: LOOK_FIRST,
        }
    }

    fn run(mut self) {
        system::adopt_orphans();
        system::keep_inherited_files();
        loop {
            self.wait();
            let now = Instant::now();
            while let Ok(order) = self.orders.try_recv() {
                self.obey(order, now);
            }
            self.collect(now);
            self.let_go_of_lone_ones();
            if now >= self.look_at && !self.kept.is_empty() {
                self.look(now);
            }
            if !self.kept.values().any(|kept| kept.ending.is_some()) {
                for reply in self.quiet.drain(..) {
                    // Whoever asked may be gone.
                    let _ = reply.send(());
                }
            }
        }
    }

    /// Until an order comes, a child ends, or it is time to look.
    fn wait(&mut self) {
        let mut limit = None;
        let mut exits = Vec::new();
        for kept in self.kept.values().filter(|kept| !kept.has_exited) {
            match &kept.exit {
                Some(descriptor) => exits.push(descriptor),
                None => limit = Some(ASK),
            }
        }
        if !self.kept.is_empty() {
            let until = self.look_at.saturating_duration_since(Instant::now());
            limit = Some(limit.map_or(until, |limit: Duration| limit.min(until)));
        }
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut fds = vec![PollFd::new(&self.woken, PollFlags::IN)];
        fds.extend(exits.iter().map(|exit| PollFd::new(*exit, PollFlags::IN)));
        // An interruption is as good a reason to look as any.
        let _ = poll(&mut fds, limit.as_ref());
        let mut bytes = [0; 64];
        while matches!((&self.woken).read(&mut bytes), Ok(read) if read == bytes.len()) {}
    }

    fn obey(&mut self, order: Order, now: Instant) {
        match order {
            Order::Start { launch, reply } => {
                let is_first = self.kept.is_empty();
                let started = self.start(*launch);
                if is_first && started.is_ok() {
                    self.look_at = now + SWEEP;
                }
                // One that nobody waits for any more ends as it is dropped.
                let _ = reply.send(started);
            }
            Order::End(id) => {
                if let Some(kept) = self.kept.get_mut(&id)
                    && kept.ending.is_none()
                {
                    kept.begin_ending(now);
                    self.look_soon(now);
                }
            }
            Order::Quiet(reply) => self.quiet.push(reply),
        }
    }

    fn look_soon(&mut self, now: Instant) {
        self.look_at = now;
        self.pause = LOOK_FIRST;
    }

    fn start(&mut self, launch: Launch) -> Result<Started, ProcessError> {
        if self.mark.is_empty() {
            self.mark = owner::this_process(0).trim_end_matches('0').to_owned();
        }
        self.next_id += 1;
        let id = self.next_id;
        let mark = format!("{}{id:x}", self.mark);
        let mut child = spawn(&launch, format!("{} {mark}", self.outer_mark).trim_start())?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            let error = io::ErrorKind::BrokenPipe.into();
            return Err(ProcessError::Spawn { program: launch.program, error });
        };
        let number = child.id();
        // Process ids are below 2^22.
        let pid = i32::try_from(number).unwrap_or(i32::MAX);
        let (status, receiver) = watch::channel(None);
        let kept = Kept {
            exit: system::exit_descriptor(pid),
            child,
            pid,
            status,
            has_exited: false,
            tree: Tree::new(pid, mark),
            ending: None,
        };
        self.kept.insert(id, kept);
        let tether = Tether { id, pid: number, status: receiver, handle: self.handle.clone() };
        Ok(Started { tether, stdin, stdout, stderr })
    }

    /// Takes note of the children that have ended. What they left behind is
    /// ended too.
    fn collect(&mut self, now: Instant) {
        let mut look = false;
        for kept in self.kept.values_mut().filter(|kept| !kept.has_exited) {
            let Ok(Some(status)) = kept.child.try_wait() else { continue };
            kept.has_exited = true;
            kept.status.send_replace(Some(status));
            kept.begin_ending(now);
            look = true;
        }
        if look {
            self.look_soon(now);
        }
    }

    /// The usual case, without a look at all processes of the machine.
    fn let_go_of_lone_ones(&mut self) {
        if !self.kept.values().any(Kept::has_ended_alone) {
            return;
        }
        let leaders = self.leaders();
        if !system::is_orphan_about(&|pid| leaders.contains(&pid)) {
            self.kept.retain(|_, kept| !kept.has_ended_alone());
        }
    }

    /// Children that have not been waited for yet.
    fn leaders(&self) -> Vec<i32> {
        self.kept.values().filter(|kept| !kept.has_exited).map(|kept| kept.pid).collect()
    }

    /// Looks at all processes: waits for orphans that have ended, remembers who
    /// belongs to whom, and goes on with ending.
    fn look(&mut self, now: Instant) {
        let leaders = self.leaders();
        let table = Table::read(&leaders);
        let in_a_tree = |one: &system::Seen| self.kept.values().any(|kept| kept.tree.knows(one));
        let ended = table.ended_orphans(&leaders, &in_a_tree);
        ended.iter().for_each(|pid| system::reap(*pid));
        self.kept.retain(|_, kept| {
            let mut members = kept.tree.members(&table, &leaders);
            members.retain(|one| !ended.contains(&one.pid));
            !kept.go_on_ending(&members, now)
        });
        let taken = now.elapsed();
        let ending = self.kept.values().any(|kept| kept.ending.is_some());
        let pause = if ending { self.pause.max(taken) } else { SWEEP.max(taken * SWEEP_SHARE) };
        self.look_at = Instant::now() + pause;
        self.pause = (self.pause * 2).min(LOOK_LAST);
    }
}

fn spawn(launch: &Launch, mark: &str) -> Result<Child, ProcessError> {
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.args)
        .current_dir(&launch.cwd)
        .env_clear()
        .envs(launch.env.iter())
        .env(MARKER, mark)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command.spawn().map_err(|error| {
        if let Err(error) = launch.cwd.read_dir() {
            return ProcessError::Cwd { cwd: launch.cwd.clone(), error };
        }
        let program = launch.program.clone();
        match error.kind() {
            io::ErrorKind::NotFound => ProcessError::NotFound { program },
            _ => ProcessError::Spawn { program, error },
        }
    })
}
