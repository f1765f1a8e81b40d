//! Five hundred rounds that are dropped at random moments leave nothing.

use std::time::{Duration, Instant};

use smol_wf_providers::Provider;

use super::{PATIENCE, all_ended, alone, ask, in_tree, marked, task, zombies};

const KILLS: usize = 500;
/// Rounds at once. Each is a tree of six processes.
const AT_ONCE: usize = 100;
/// Longest life of a round: enough for its whole tree to start.
const LIFE_MS: u64 = 120;
/// Children in the group, in sessions of their own, without a parent, and in a
/// session without a parent.
const POLITE: &str = "setsid sh -c 'sleep 600 & sleep 600' &
    (setsid sleep 600 &)
    (sleep 600 &)
    sleep 600";
/// The same, ignoring SIGTERM.
pub(crate) const DEAF: &str = "trap '' TERM
    setsid sh -c 'trap \"\" TERM; sleep 600 & sleep 600' &
    (setsid sleep 600 &)
    (sleep 600 &)
    sleep 600; sleep 600";

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn five_hundred_kills_leave_nothing() {
    alone("kills::five_hundred_kills_leave_nothing", &[], async {
        // The keeper's own descriptors exist from the first round on.
        ask(&super::sh("cat"), "p").await.unwrap();
        all_ended().await;
        let files = open_files();
        let mut random = fastrand::Rng::with_seed(500);
        for _ in 0..KILLS / AT_ONCE {
            let rounds: Vec<_> = (0..AT_ONCE)
                .map(|_| {
                    let script = if random.u64(0..4) == 0 { DEAF } else { POLITE };
                    let life = Duration::from_micros(random.u64(0..LIFE_MS * 1000));
                    tokio::spawn(async move {
                        let provider = marked(script, "killed");
                        let round = provider.attempt(task("p"), &());
                        assert!(tokio::time::timeout(life, round).await.is_err(), "it sleeps");
                    })
                })
                .collect();
            for round in rounds {
                round.await.unwrap();
            }
            let begun = Instant::now();
            tokio::time::timeout(PATIENCE, all_ended()).await.expect("they can be ended");
            eprintln!("{AT_ONCE} trees have ended {:?} after the last kill", begun.elapsed());
            assert_eq!((in_tree("killed"), zombies()), (Vec::new(), Vec::new()));
        }
        assert_eq!(open_files(), files);
    });
}
