//! The protocol over HTTP on the loopback.
//!
//! Owns: the token, and the bounds of connections and sessions. Never: an address that
//! another machine reaches, or a page of a browser.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use smol_wf_engine::CancellationToken;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::server::Server;
use super::shared::TOKEN_VARIABLE;
use super::stdio::MESSAGE_BYTES_MAX;
use crate::failure::CommandError;
use crate::notices::print_message;

/// The one path.
const PATH: &str = "/mcp";

/// Connections at once; a client has two or three.
const CONNECTIONS_MAX: usize = 64;

/// Sessions at once of clients that have them; a closed or idle one ends.
const SESSIONS_MAX: usize = 64;

/// Longest that a session may be idle. A host may be left open over a meeting.
const IDLE_MAX: Duration = Duration::from_secs(3600);

/// Longest that the head of a request may take.
const HEAD_MAX: Duration = Duration::from_secs(10);

/// Fewest characters of a token that somebody chose.
const TOKEN_CHARS_MIN: usize = 16;

/// Bytes of a token that is made here.
const TOKEN_BYTES: usize = 24;

/// The header of a session.
const SESSION: &str = "mcp-session-id";

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What all connections share.
struct Gate {
    service: StreamableHttpService<Server, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    token: String,
}

/// Serves until the token is cancelled. Fails if the address cannot be bound.
pub(super) async fn serve(
    server: Server,
    address: SocketAddr,
    cancel: CancellationToken,
) -> Result<(), CommandError> {
    let (token, is_new) = token()?;
    let cannot = |error| CommandError::Usage(format!("--http {address} cannot be used: {error}"));
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(IDLE_MAX);
    let sessions = Arc::new(sessions);
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(["localhost".to_owned(), address.ip().to_string()])
        .enforce_origin_validation()
        .with_max_request_body_bytes(MESSAGE_BYTES_MAX)
        .with_cancellation_token(cancel.clone());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions.clone(), config);
    let gate = Arc::new(Gate { service, sessions, token });
    print_message(&format!("serving MCP at http://{address}{PATH}"));
    if is_new {
        print_message(&format!("clients send the header: Authorization: Bearer {}", gate.token));
    }
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(room) = connections.clone().acquire_owned().await else { return Ok(()) };
        let accepted = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let gate = gate.clone();
                tokio::spawn(async move {
                    gate.connection(stream).await;
                    drop(room);
                });
            }
            // The client is gone already, or too many files are open.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

impl Gate {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(move |request| {
            let gate = self.clone();
            async move { Ok::<_, Infallible>(gate.answer(request).await) }
        });
        let mut connection = hyper::server::conn::http1::Builder::new();
        connection.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
        // A client that breaks off is no one's error.
        let _ = connection.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if !self.is_allowed(&request) {
            let mut refused =
                plain(StatusCode::UNAUTHORIZED, "a token is needed: Authorization: Bearer TOKEN");
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return refused;
        }
        if request.uri().path() != PATH {
            return plain(StatusCode::NOT_FOUND, "MCP is at /mcp");
        }
        let begins = !request.headers().contains_key(SESSION);
        if begins && self.sessions.sessions.read().await.len() >= SESSIONS_MAX {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open");
        }
        self.service.handle(request).await
    }

    fn is_allowed(&self, request: &Request<Incoming>) -> bool {
        let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        given.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|given| {
            // As long for a wrong token as for the right one.
            let differing =
                given.bytes().zip(self.token.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
            differing == 0 && given.len() == self.token.len()
        })
    }
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *answer.status_mut() = status;
    answer
}

/// The token, and whether it was made here.
fn token() -> Result<(String, bool), CommandError> {
    if let Some(chosen) = std::env::var_os(TOKEN_VARIABLE).filter(|value| !value.is_empty()) {
        let chosen = chosen.into_string().ok().filter(|token| {
            token.len() >= TOKEN_CHARS_MIN && token.bytes().all(|byte| byte.is_ascii_graphic())
        });
        return chosen.map(|token| (token, false)).ok_or_else(|| {
            CommandError::Usage(format!(
                "{TOKEN_VARIABLE} is not a token: it needs {TOKEN_CHARS_MIN} characters or more, without spaces"
            ))
        });
    }
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        CommandError::Usage(format!(
            "the system gives no random numbers for a token ({error}); choose one: {TOKEN_VARIABLE}=…"
        ))
    })?;
    let mut token = String::with_capacity(2 * TOKEN_BYTES);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    Ok((token, true))
}
