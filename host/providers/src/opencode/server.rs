//! One `opencode serve`, from its start to its end.
//!
//! Owns: the process, its password, the stream of its events. Never: knows
//! rounds or steps.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::aborts::Aborts;
use super::fault::refusal;
use super::http::{Client, Events, HttpError, HttpResponse};
use super::hub::{Event, Hub};
use super::{NAME, error};
use crate::process::{GRACE, Launch, Process, Processes};
use crate::{ProviderError, ProviderErrorKind as Kind};

/// Limit from the start to the first answer, without a setting of the user: it takes 2 s
/// on an idle machine, and many times as long on a busy one.
const START_MAX: Duration = Duration::from_secs(120);

/// How long after a broken connection to wait for the server's end. The end of a process
/// is noticed a little after that of its connections, and one that has closed them and
/// hangs is ended after twice the grace period. The rest is for a busy machine.
const END_NOTICED_MAX: Duration = GRACE.saturating_mul(4);

/// Bytes of randomness in the password.
const PASSWORD_BYTES: usize = 24;

/// The user name that opencode expects.
const USER: &str = "opencode";

/// A server that runs, or has run.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    pub(super) hub: Hub,
    /// Held while MCP servers are added.
    pub(super) adding: Mutex<()>,
    /// Sessions whose work is being aborted.
    pub(super) aborts: Aborts,
    /// Why it has ended, once it has.
    ended: watch::Receiver<Option<String>>,
    /// Dropping it ends the server.
    stop: Mutex<Option<oneshot::Sender<()>>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Starts the server, and returns when it answers and its events are being read.
    pub(super) async fn start(
        processes: &Processes,
        mut launch: Launch,
        patience: Option<Duration>,
    ) -> Result<Self, ProviderError> {
        let patience = patience.unwrap_or(START_MAX);
        let password = password()?;
        launch.env = launch
            .env
            .set("OPENCODE_SERVER_USERNAME", USER)
            .set("OPENCODE_SERVER_PASSWORD", password.as_str());
        let started = timeout(patience, async {
            let mut process = Process::start(processes, launch).await.map_err(process_error)?;
            let Some(address) = address(&mut process).await? else {
                return Err(not_listening(process).await);
            };
            let client = Client::new(address, USER, &password);
            let events = client.events("/global/event").await.map_err(|failure| {
                error(Kind::Spawn, format!("its server at {address} has no events: {failure}"))
            })?;
            Ok((process, client, events))
        });
        let (process, client, events) = started.await.unwrap_or_else(|_| {
            let message = format!(
                "`opencode serve` did not answer within {} s; on a busy machine, give it longer: start_timeout = \"10m\" under [providers.{NAME}] in your settings",
                patience.as_secs()
            );
            Err(error(Kind::Spawn, message))
        })?;
        let hub = Hub::default();
        let (stop, stopped) = oneshot::channel();
        let (tell, ended) = watch::channel(None);
        let reading = tokio::spawn(read(events, hub.clone()));
        let keeper = tokio::spawn(keep(process, reading, stopped, tell));
        Ok(Self {
            client,
            hub,
            adding: Mutex::default(),
            aborts: Aborts::default(),
            ended,
            stop: Mutex::new(Some(stop)),
            keeper: Mutex::new(Some(keeper)),
        })
    }

    pub(super) fn is_running(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Returns when it has ended, with an error that says why.
    pub(super) async fn ended(&self) -> ProviderError {
        let mut ended = self.ended.clone();
        let why = match ended.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            // The task that keeps the process is gone, and the process with it.
            Err(_) => "the program is shutting down".to_owned(),
        };
        error(Kind::Killed, format!("its server ended during the call: {why}"))
    }

    /// Ends it, and returns when it has ended.
    pub(super) async fn close(&self) {
        drop(self.stop.lock().await.take());
        if let Some(keeper) = self.keeper.lock().await.take() {
            // It does not panic, and nobody aborts it.
            let _ = keeper.await;
        }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ProviderError> {
        self.read(self.client.get(path).await).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, ProviderError> {
        self.read(self.client.post(path, body).await).await
    }

    /// Posts what is accepted without an answer.
    pub(super) async fn post_quietly(&self, path: &str, body: &Value) -> Result<(), ProviderError> {
        let answered = self.answered(self.client.post(path, body).await).await?;
        drop(answered);
        Ok(())
    }

    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, ProviderError> {
        self.read(self.client.patch(path, body).await).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        answered: Result<HttpResponse, HttpError>,
    ) -> Result<T, ProviderError> {
        let answered = self.answered(answered).await?;
        serde_json::from_slice(&answered.body).map_err(|failure| {
            error(Kind::Failed, format!("its server's answer cannot be read: {failure}"))
        })
    }

    /// The answer, if it is a success.
    async fn answered(
        &self,
        answered: Result<HttpResponse, HttpError>,
    ) -> Result<HttpResponse, ProviderError> {
        let answered = match answered {
            Ok(answered) => answered,
            Err(failure) => {
                let Ok(why) = timeout(END_NOTICED_MAX, self.ended()).await else {
                    return Err(error(Kind::CutStream, format!("its server broke off: {failure}")));
                };
                return Err(why);
            }
        };
        if !answered.status.is_success() {
            return Err(refusal(answered.status.as_u16(), &answered.body));
        }
        Ok(answered)
    }
}

/// A random password that only the child gets.
fn password() -> Result<String, ProviderError> {
    let mut bytes = [0; PASSWORD_BYTES];
    getrandom::fill(&mut bytes).map_err(|failure| {
        error(Kind::Spawn, format!("no randomness for its server's password: {failure}"))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads until the server prints its address; none when it ends before.
async fn address(process: &mut Process) -> Result<Option<SocketAddr>, ProviderError> {
    while let Some(line) = process.line().await.map_err(process_error)? {
        if let Some((_, url)) = line.split_once("listening on http://") {
            let address = url.trim().trim_end_matches('/').parse().map_err(|_| {
                error(
                    Kind::Spawn,
                    format!("its server says that it is at `{url}`, which is not an address"),
                )
            })?;
            return Ok(Some(address));
        }
    }
    Ok(None)
}

async fn not_listening(process: Process) -> ProviderError {
    match process.exit().await {
        Ok(exit) => {
            let message = format!(
                "`opencode serve` ended before it listened ({}): {}",
                exit.in_words(),
                exit.stderr_tail.trim()
            );
            error(Kind::Spawn, message)
        }
        Err(failure) => process_error(failure),
    }
}

/// Passes events on until there are no more, and returns why.
async fn read(mut events: Events, hub: Hub) -> String {
    loop {
        match events.next().await {
            Ok(Some(data)) => {
                if let Some(event) = Event::read(&data) {
                    hub.dispatch(event).await;
                }
            }
            Ok(None) => return "its stream of events ended".to_owned(),
            Err(failure) => return format!("its stream of events broke: {failure}"),
        }
    }
}

/// Keeps the process until it ends, is to end, or its events break off.
async fn keep(
    mut process: Process,
    mut reading: JoinHandle<String>,
    stopped: oneshot::Receiver<()>,
    tell: watch::Sender<Option<String>>,
) {
    let ends_by_itself = async {
        // Nobody needs its output, but it must not fill the pipe.
        while let Ok(Some(_)) = process.line().await {}
    };
    // None when it was closed.
    let noticed = tokio::select! {
        // Dropped or sent: both mean the same.
        _ = stopped => None,
        why = &mut reading => Some(why.unwrap_or_else(|failure| failure.to_string())),
        () = ends_by_itself => Some("it stopped".to_owned()),
    };
    reading.abort();
    let why = match noticed {
        None => {
            process.end().await;
            "it was closed".to_owned()
        }
        // The stream is the first to notice a server's death, and the exit says more
        // about it.
        Some(noticed) => match process.exit().await {
            Ok(exit) => {
                let said = format!("{noticed}, {}: {}", exit.in_words(), exit.stderr_tail.trim());
                said.trim_end_matches([' ', ':']).to_owned()
            }
            Err(failure) => format!("{noticed}: {failure}"),
        },
    };
    let _ = tell.send(Some(why));
}

fn process_error(failure: crate::process::ProcessError) -> ProviderError {
    failure.into_provider_error(NAME)
}
