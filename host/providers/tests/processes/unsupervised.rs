//! What happens to other children of the process that keeps programs, with a supervisor
//! and without.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command as Program};

use smol_wf_providers::{AgentTask, Processes, Provider, Supervisor};

use super::kills::DEAF;
use super::{PATIENCE, alone, in_tree, marked, task, until, zombies};

/// Starts a tree, and ends it when it is complete: two of its six processes have lost
/// their parent.
async fn cut_off(processes: &Processes, tree: &str) {
    let task = AgentTask { processes: processes.clone(), ..task("p") };
    let provider = marked(DEAF, tree);
    let step = provider.attempt(task, &());
    tokio::select! {
        ended = step => panic!("it sleeps: {ended:?}"),
        () = until("the tree stands", PATIENCE, || in_tree(tree).len() >= 6) => {}
    }
    processes.all_ended().await;
    assert_eq!(in_tree(tree), Vec::<i32>::new());
}

/// Children of this test in groups of their own: one that has ended and was not waited
/// for yet, and one that lives.
struct Own {
    ended: Child,
    living: Child,
}

impl Own {
    async fn start() -> Self {
        let start = |argv: &[&str]| Program::new(argv[0]).args(&argv[1..]).process_group(0).spawn();
        let ended = start(&["sh", "-c", "exit 7"]).unwrap();
        let own = Self { ended, living: start(&["sleep", "600"]).unwrap() };
        let pid = i32::try_from(own.ended.id()).unwrap();
        until("it has ended", PATIENCE, || zombies().contains(&pid)).await;
        own
    }

    fn are_as_they_were(mut self) {
        assert_eq!(self.ended.wait().unwrap().code(), Some(7));
        assert!(self.living.try_wait().unwrap().is_none(), "it was ended");
        self.living.kill().unwrap();
        self.living.wait().unwrap();
    }
}

/// Whether a descriptor that this process inherited reaches the programs that it starts.
fn inherited_file_is_passed_on() -> bool {
    const CLOEXEC: u32 = 0o2_000_000;
    let info = std::fs::read_to_string("/proc/self/fdinfo/7").unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap() & CLOEXEC == 0
}

#[test]
fn a_process_without_a_supervisor_is_left_unchanged() {
    alone("unsupervised::a_process_without_a_supervisor_is_left_unchanged", &[], async {
        let own = Own::start().await;
        // Two threads that know nothing of each other.
        let (one, other) = (Processes::new(), Processes::new());
        tokio::join!(cut_off(&one, "one"), cut_off(&other, "other"));
        assert_eq!(rustix::process::child_subreaper().unwrap(), None);
        assert!(inherited_file_is_passed_on());
        own.are_as_they_were();
    });
}

#[test]
fn a_supervisor_leaves_other_children_alone() {
    alone("unsupervised::a_supervisor_leaves_other_children_alone", &[], async {
        let own = Own::start().await;
        let supervisor = Supervisor::new();
        cut_off(&supervisor.processes(), "supervised").await;
        supervisor.all_ended().await;
        assert!(rustix::process::child_subreaper().unwrap().is_some());
        assert!(!inherited_file_is_passed_on());
        own.are_as_they_were();
    });
}

/// The thread ends when nobody can send it an order any more.
#[test]
fn dropped_processes_leave_no_thread_and_no_program() {
    alone("unsupervised::dropped_processes_leave_no_thread_and_no_program", &[], async {
        let threads = || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            let names =
                tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
            names.filter(|name| name.as_ref().is_ok_and(|name| name.contains("keeper"))).count()
        };
        let processes = Processes::new();
        let task = AgentTask { processes: processes.clone(), ..task("p") };
        let provider = marked(DEAF, "dropped");
        let step = tokio::spawn(async move { provider.attempt(task, &()).await.map(|_| ()) });
        until("the tree stands", PATIENCE, || in_tree("dropped").len() >= 6).await;
        assert_eq!(threads(), 1);
        drop(processes);
        step.abort();
        until("all is gone", PATIENCE, || in_tree("dropped").is_empty() && threads() == 0).await;
    });
}
