//! The bell of a run: tells its holder that a message was posted.
//!
//! Owns: who hears whom, in this process and across processes, and how often a holder
//! looks without being rung. Never: carries a message; those are in the store, so a lost
//! ring delays one and loses none.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use smol_wf_store::RunKey;
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use crate::clock;
use crate::fifo::Fifo;

/// How often a holder looks that cannot be rung by other processes: half the time in
/// which a person expects an effect.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The bells of an engine and of all its clones.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    /// Folder of the bells that other processes ring; none when no other process shares
    /// the store.
    folder: Option<PathBuf>,
    /// The bells that hang in this process.
    here: Mutex<HashMap<RunKey, Weak<Notify>>>,
}

impl Bells {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, here: Mutex::default() }
    }

    /// Hangs the bell of a run that this process holds.
    pub(crate) fn hang(&self, key: &RunKey) -> Bell {
        let notify = Arc::new(Notify::new());
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        here.retain(|_, bell| bell.strong_count() > 0);
        here.insert(key.clone(), Arc::downgrade(&notify));
        drop(here);
        let path = self.folder.as_deref().map(|folder| path_of(folder, key));
        let fifo = path.as_deref().and_then(Fifo::make);
        let every = match (&path, &fifo) {
            (Some(_), None) => LOOK_EVERY,
            _ => clock::LEASE_RENEWAL,
        };
        let mut looks = interval_at(tokio::time::Instant::now() + every, every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Bell { notify, fifo, looks }
    }

    /// Removes the bell that a dead holder of a run has left.
    pub(crate) fn take_down(&self, key: &RunKey) {
        if let Some(folder) = &self.folder {
            Fifo::remove(&path_of(folder, key));
        }
    }

    /// Rings the bell of a run, wherever it hangs. Nobody may hear it.
    pub(crate) fn ring(&self, key: &RunKey) {
        let here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = here.get(key).and_then(Weak::upgrade) {
            bell.notify_one();
            return;
        }
        drop(here);
        if let Some(folder) = &self.folder {
            Fifo::ring(&path_of(folder, key));
        }
    }
}

/// The path of a run's bell. Ids of runs are unique among tenants too: 128 random bits.
fn path_of(folder: &Path, key: &RunKey) -> PathBuf {
    folder.join(key.run.as_str())
}

/// The bell of one run, as its holder hears it.
#[derive(Debug)]
pub(crate) struct Bell {
    notify: Arc<Notify>,
    fifo: Option<Fifo>,
    looks: Interval,
}

impl Bell {
    /// Returns when the bell was rung, or when it is time to look. Dropping the future
    /// loses no ring.
    pub(crate) async fn rung(&mut self) {
        let Self { notify, fifo, looks } = self;
        let other = async {
            match fifo {
                Some(fifo) => fifo.rung().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = notify.notified() => {}
            () = other => {}
            _ = looks.tick() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use smol_wf_core::ids::{RunId, TenantId};
    use tokio::time::timeout;

    use super::*;

    fn key(bits: u128) -> RunKey {
        RunKey { tenant: TenantId::local(), run: RunId::from_bits(bits) }
    }

    /// Far more than a ring takes, and far less than a look.
    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_ring_is_heard_in_the_same_process_and_once() {
        let bells = Bells::default();
        let mut bell = bells.hang(&key(1));
        bells.ring(&key(2));
        bells.ring(&key(1));
        bells.ring(&key(1));
        timeout(SOON, bell.rung()).await.unwrap();
        assert!(timeout(Duration::from_millis(50), bell.rung()).await.is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_ring_is_heard_across_processes_also_where_an_older_bell_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("bells");
        let (holder, poster) = (Bells::new(Some(folder.clone())), Bells::new(Some(folder.clone())));
        poster.ring(&key(1));
        for _ in 0..2 {
            let mut bell = holder.hang(&key(1));
            poster.ring(&key(1));
            timeout(SOON, bell.rung()).await.unwrap();
            // As after `kill -9`: the file stays.
            std::mem::forget(bell.fifo.take());
        }
        let left = || std::fs::read_dir(&folder).unwrap().count();
        drop(holder.hang(&key(1)));
        assert_eq!(left(), 0, "taken down by its holder");
        std::mem::forget(holder.hang(&key(1)).fifo.take());
        assert_eq!(left(), 1);
        poster.take_down(&key(1));
        assert_eq!(left(), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_in_place_of_the_bell_is_neither_written_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("bells");
        let bells = Bells::new(Some(folder.clone()));
        let mut bell = bells.hang(&key(1));
        let path = path_of(&folder, &key(1));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "mine").unwrap();
        Bells::new(Some(folder.clone())).ring(&key(1));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert!(timeout(Duration::from_millis(50), bell.rung()).await.is_err());
        drop(bell);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine", "not ours to remove");
        // The next holder cannot make one there, and looks often.
        let mut bell = bells.hang(&key(1));
        timeout(SOON, bell.rung()).await.unwrap();
    }
}
