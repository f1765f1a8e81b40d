//! No event is noticed before it is durable, and a sequential step costs one commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smol_wf_core::event::{Event, EventFold, EventKind};
use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::{Record, read};
use smol_wf_engine::{
    CancellationToken, Engine, EngineError, EngineOptions, Folders, MemoryStore, NoWatcher, Notice,
    Report, RunSettings, RunSpec, RunState, ScriptFile, Store, StoreError, Watcher,
};
use smol_wf_store::{
    Append, Appended, Inbox, InboxState, Journals, Lease, LeaseRow, LeaseTerms, Leases, Lists,
    Maintenance, NewMessage, NewRun, Page, ReadLimit, RunFacts, RunKey, RunRow, Segment,
    StoredMessage, Summary,
};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

fn request(body: &str) -> RunSpec {
    let dir = std::env::temp_dir();
    let script =
        ScriptFile { bytes: format!("{META}{body}").into_bytes(), path: dir.join("script.mjs") };
    RunSpec {
        seed: Some(1),
        settings: RunSettings {
            folders: Folders { project_root: Some(dir), ..Folders::default() },
            ..RunSettings::default()
        },
        ..RunSpec::new(script)
    }
}

async fn run(
    engine: &Engine,
    body: &str,
    watcher: &Arc<impl Watcher + 'static>,
) -> Result<Report, EngineError> {
    let never = CancellationToken::new();
    engine.start_with(request(body), watcher.clone(), never).unwrap().wait().await
}

/// A store that counts commits, and fails all commits from number `fail_from` on.
struct Counting {
    inner: MemoryStore,
    commits: Arc<AtomicU64>,
    fail_from: u64,
}

impl Journals for Counting {
    fn create_from(
        &mut self,
        run: &NewRun,
        hold: Option<LeaseTerms<'_>>,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError> {
        self.inner.create_from(run, hold, records)
    }

    fn append(
        &mut self,
        batches: &[Append<'_>],
    ) -> Result<Vec<Result<Appended, StoreError>>, StoreError> {
        if self.commits.fetch_add(1, Ordering::SeqCst) >= self.fail_from {
            return Err(StoreError::DiskFull { path: "memory".into() });
        }
        self.inner.append(batches)
    }

    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        bound: ReadLimit,
    ) -> Result<Option<Segment>, StoreError> {
        self.inner.load_from(key, first_seq, bound)
    }

    fn delete(&mut self, key: &RunKey, replacing: Option<&LeaseRow>) -> Result<(), StoreError> {
        self.inner.delete(key, replacing)
    }
}

impl Leases for Counting {
    fn lease(&mut self, key: &RunKey) -> Result<Option<LeaseRow>, StoreError> {
        self.inner.lease(key)
    }

    fn claim(
        &mut self,
        key: &RunKey,
        hold: LeaseTerms<'_>,
        replacing: Option<&LeaseRow>,
    ) -> Result<Lease, StoreError> {
        self.inner.claim(key, hold, replacing)
    }

    fn renew(&mut self, lease: &Lease, lasting: Duration) -> Result<(), StoreError> {
        self.inner.renew(lease, lasting)
    }

    fn release(&mut self, lease: &Lease) -> Result<(), StoreError> {
        self.inner.release(lease)
    }

    fn leased(&mut self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError> {
        self.inner.leased()
    }

    fn wake_ups(
        &mut self,
        tenants: &[TenantId],
        hold: LeaseTerms<'_>,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        self.inner.wake_ups(tenants, hold, limit)
    }
}

impl Inbox for Counting {
    fn post(&mut self, key: &RunKey, message: &NewMessage<'_>) -> Result<u64, StoreError> {
        self.inner.post(key, message)
    }

    fn messages(
        &mut self,
        key: &RunKey,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.inner.messages(key, after, limit)
    }

    fn inbox(&mut self, key: &RunKey) -> Result<InboxState, StoreError> {
        self.inner.inbox(key)
    }
}

impl Lists for Counting {
    fn list(&mut self, tenant: &TenantId, page: &Page<'_>) -> Result<Vec<RunRow>, StoreError> {
        self.inner.list(tenant, page)
    }

    fn newest(
        &mut self,
        tenant: &TenantId,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.inner.newest(tenant, skip, limit)
    }

    fn find(
        &mut self,
        tenant: &TenantId,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.inner.find(tenant, prefix, limit)
    }

    fn put_summaries(
        &mut self,
        tenant: &TenantId,
        summaries: &[Summary],
    ) -> Result<(), StoreError> {
        self.inner.put_summaries(tenant, summaries)
    }

    fn put_facts(&mut self, tenant: &TenantId, found: &[RunFacts]) -> Result<(), StoreError> {
        self.inner.put_facts(tenant, found)
    }
}

impl Maintenance for Counting {
    fn open_again(&self) -> Result<Box<dyn Store>, StoreError> {
        self.inner.open_again()
    }
}

fn engine(fail_from: u64) -> (Engine, MemoryStore, Arc<AtomicU64>) {
    let inner = MemoryStore::new();
    let commits = Arc::new(AtomicU64::new(0));
    let store = Counting { inner: inner.clone(), commits: commits.clone(), fail_from };
    let options = EngineOptions::over(Box::new(store));
    (Engine::new(options).unwrap(), inner, commits)
}

/// Checks at each notice that the event is in the store.
struct Suspicious {
    store: MemoryStore,
    told: AtomicU64,
}

fn durable_events(store: &MemoryStore, run: &RunId) -> Vec<Event> {
    let key = RunKey { tenant: TenantId::local(), run: run.clone() };
    let records = store.clone().load(&key).unwrap().unwrap();
    let mut fold = EventFold::new();
    read(&records).unwrap().iter().flat_map(|entry| fold.after(entry)).collect()
}

impl Watcher for Suspicious {
    fn notice(&self, notice: Notice<'_>) {
        let event = match notice {
            Notice::RunKnown { run, .. } => {
                let durable = durable_events(&self.store, run);
                assert!(!durable.is_empty(), "a run that could not be resumed");
                return;
            }
            Notice::Event { event, .. } if event.kind() != EventKind::AgentEvent => event,
            _ => return,
        };
        let durable = durable_events(&self.store, &event.metadata.run_id);
        assert!(durable.contains(event), "noticed before it was durable: {event:?}");
        self.told.fetch_add(1, Ordering::SeqCst);
    }
}

const STEPS: &str = "for (let i = 0; i < 50; i++) { log(`at ${i}`); await agent(`step ${i}`) }
await parallel([1, 2, 3].map(n => () => agent(`fan ${n}`)))
return 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_noticed_before_it_is_durable() {
    let (engine, store, _) = engine(u64::MAX);
    let watcher = Arc::new(Suspicious { store, told: AtomicU64::new(0) });
    let report = run(&engine, STEPS, &watcher).await.unwrap();
    assert_eq!(report.state, RunState::Completed);
    assert!(watcher.told.load(Ordering::SeqCst) > 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequential_step_is_one_commit() {
    const N: u64 = 200;
    let (engine, _, commits) = engine(u64::MAX);
    let body = format!("for (let i = 0; i < {N}; i++) await agent(`s ${{i}}`)\nreturn 1");
    run(&engine, &body, &Arc::new(NoWatcher)).await.unwrap();
    let commits = commits.load(Ordering::SeqCst);
    // On a busy machine, an agent may take longer than the recorder waits for it, which costs
    // another commit. Most steps must do without.
    assert!((N..N + N / 4).contains(&commits), "{commits} commits for {N} steps");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_out_shares_its_commits() {
    const N: u64 = 1_000;
    let (engine, _, commits) = engine(u64::MAX);
    let body = format!(
        "return (await parallel(Array.from({{ length: {N} }}, (_, i) => () => agent(`f ${{i}}`)))).length"
    );
    run(&engine, &body, &Arc::new(NoWatcher)).await.unwrap();
    let commits = commits.load(Ordering::SeqCst);
    assert!(commits < N / 2, "{commits} commits for a fan-out of {N}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_stops_the_run_and_its_notices() {
    for fail_from in [0, 1, 7, 30] {
        let (engine, store, _) = engine(fail_from);
        let watcher = Arc::new(Suspicious { store, told: AtomicU64::new(0) });
        let ended = run(&engine, STEPS, &watcher).await;
        assert!(
            matches!(ended, Err(EngineError::Store(StoreError::DiskFull { .. }))),
            "after {fail_from} commits: {ended:?}"
        );
    }
}
