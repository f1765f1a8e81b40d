//! The protocol over HTTP on the loopback.
//!
//! Owns: the bounds of connections and requests. Never: an address that another machine
//! reaches, a page of a browser, or a client that hangs without a word.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use smol_wf_engine::CancellationToken;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::server::Server;
use super::sessions::Sessions;
use super::stdio::MESSAGE_BYTES_MAX;
use super::token::Token;
use super::unfit;
use crate::failure::CommandError;
use crate::notices::print_message;

/// The one path.
const PATH: &str = "/mcp";

/// Connections at once; a client has two or three.
const CONNECTIONS_MAX: usize = 64;

/// Connections beyond these that are told so at once; further ones are closed.
const REFUSALS_MAX: usize = 64;

/// Longest that the head of a request may take, and that a connection may be without one.
const HEAD_MAX: Duration = Duration::from_secs(10);

/// Longest that the body of a request may take: it comes from this machine.
const BODY_MAX: Duration = Duration::from_secs(10);

/// Longest that a connection which is refused may take to hear it.
const REFUSAL_MAX: Duration = Duration::from_secs(5);

/// When a client that was refused may try again, in seconds.
const RETRY_S: HeaderValue = HeaderValue::from_static("5");

/// The header of a session.
const SESSION: &str = "mcp-session-id";

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What all connections share.
struct Gate {
    service: StreamableHttpService<Server, LocalSessionManager>,
    sessions: Arc<Sessions>,
    token: Token,
}

/// Serves until the token is cancelled. Fails if the address cannot be bound.
pub(super) async fn serve(
    server: Server,
    address: SocketAddr,
    cancel: CancellationToken,
) -> Result<(), CommandError> {
    let (token, is_new) = Token::find()?;
    let cannot = |error| CommandError::Usage(format!("--http {address} cannot be used: {error}"));
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let sessions = Sessions::new();
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(["localhost".to_owned(), address.ip().to_string()])
        .enforce_origin_validation()
        .with_max_request_body_bytes(MESSAGE_BYTES_MAX)
        .with_cancellation_token(cancel.clone());
    let make = move || Ok(server.clone());
    let service = StreamableHttpService::new(make, sessions.manager.clone(), config);
    print_message(&format!("serving MCP at http://{address}{PATH}"));
    if is_new {
        print_message(&format!(
            "clients send the header: Authorization: Bearer {}",
            token.as_str()
        ));
    }
    let gate = Arc::new(Gate { service, sessions, token });
    tokio::select! {
        () = cancel.cancelled() => {}
        () = gate.accept(listener) => {}
    }
    Ok(())
}

impl Gate {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // The client is gone already, or too many files are open.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            if let Ok(room) = connections.clone().try_acquire_owned() {
                let gate = self.clone();
                tokio::spawn(async move {
                    gate.connection(stream).await;
                    drop(room);
                });
            } else if let Ok(room) = refusals.clone().try_acquire_owned() {
                tokio::spawn(async move {
                    refuse(stream).await;
                    drop(room);
                });
            }
        }
    }

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
        if !self.token.is_in(request.headers()) {
            let mut refused =
                plain(StatusCode::UNAUTHORIZED, "a token is needed: Authorization: Bearer TOKEN");
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return refused;
        }
        if request.uri().path() != PATH {
            return plain(StatusCode::NOT_FOUND, "MCP is at /mcp");
        }
        let id = request.headers().get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let open = id.as_deref().map(|id| self.sessions.open(id));
        if let Some(None) = open {
            return later(
                StatusCode::TOO_MANY_REQUESTS,
                "this session has too many open requests; send this one later",
            );
        }
        let (head, body) = request.into_parts();
        let body = match head.method {
            Method::POST => match self.body(body, id.is_some()).await {
                Ok(body) => body,
                Err(refused) => return *refused,
            },
            _ => Bytes::new(),
        };
        let request = Request::from_parts(head, Full::new(body));
        let answer = self.service.handle(request).await;
        let begun = answer.headers().get(SESSION).filter(|_| id.is_none());
        if let Some(begun) = begun.and_then(|id| id.to_str().ok()) {
            self.sessions.has_begun(begun);
        }
        // The request is open until the client has read all of its answer, or is gone.
        answer.map(|body| {
            let keep = move |frame| {
                let _ = &open;
                frame
            };
            body.map_frame(keep).boxed()
        })
    }

    /// The body of a request that may begin a session if it has none. Fails with the answer
    /// if it does not come in time, cannot be read, or there is no room.
    async fn body(&self, body: Incoming, has_session: bool) -> Result<Bytes, Box<Answer>> {
        let whole = timeout(BODY_MAX, Limited::new(body, MESSAGE_BYTES_MAX).collect()).await;
        let bytes = match whole {
            Ok(Ok(whole)) => whole.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                let answer = plain(StatusCode::PAYLOAD_TOO_LARGE, "a message is over 4 MiB");
                return Err(Box::new(last(answer)));
            }
            Ok(Err(_)) => {
                let answer = plain(StatusCode::BAD_REQUEST, "the body of the request broke off");
                return Err(Box::new(last(answer)));
            }
            Err(_) => {
                let answer = plain(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
                return Err(Box::new(last(answer)));
            }
        };
        let message = unfit::read(&bytes).map_err(|unread| Box::new(unread_answer(unread)))?;
        if !has_session && is_beginning(&message) && !self.sessions.has_room().await {
            return Err(Box::new(later(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many sessions are open, and all were used a moment ago; begin one later",
            )));
        }
        Ok(bytes)
    }
}

fn is_beginning(message: &ClientJsonRpcMessage) -> bool {
    let ClientJsonRpcMessage::Request(request) = message else { return false };
    matches!(request.request, ClientRequest::InitializeRequest(_))
}

/// Says on a connection that there are too many.
async fn refuse(stream: TcpStream) {
    let service = service_fn(|_: Request<Incoming>| async {
        let words = "too many connections are open; connect later";
        Ok::<_, Infallible>(last(later(StatusCode::SERVICE_UNAVAILABLE, words)))
    });
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = timeout(REFUSAL_MAX, connection.serve_connection(TokioIo::new(stream), service)).await;
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *answer.status_mut() = status;
    answer
}

/// A refusal of what may be asked again.
fn later(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = plain(status, text);
    answer.headers_mut().insert(RETRY_AFTER, RETRY_S);
    answer
}

/// The last answer on its connection.
fn last(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// The answer to a body that is not a message.
fn unread_answer(unread: unfit::Unread) -> Answer {
    let text = unread.answer.unwrap_or(Value::Null).to_string();
    let mut answer = Response::new(Full::new(Bytes::from(text)).boxed());
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
