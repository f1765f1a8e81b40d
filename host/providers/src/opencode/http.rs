//! HTTP/1.1 to one server on the loopback.
//!
//! Owns: one connection per request, basic authentication, bounded bodies. Never: TLS,
//! redirects, another host, or a second try.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::sse::Parser;

/// Most bytes of one answer: a session's messages hold the output of every tool.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The server gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// Nobody listens, or the connection broke.
    #[error("the connection failed: {0}")]
    Connection(#[from] std::io::Error),
    /// The other side does not speak HTTP, or stopped in the middle.
    #[error("the exchange broke off: {0}")]
    Exchange(#[from] hyper::Error),
    /// The answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    Body(String),
    /// The request itself cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
}

/// A response of any status.
#[derive(Debug)]
pub(super) struct HttpResponse {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// A client of one server.
#[derive(Clone)]
pub(super) struct Client {
    address: SocketAddr,
    authorization: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password.
        f.debug_tuple("Client").field(&self.address).finish()
    }
}

/// Drives a connection until it is dropped.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    pub(super) fn new(address: SocketAddr, user: &str, password: &str) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Self { address, authorization }
    }

    pub(super) async fn get(&self, path: &str) -> Result<HttpResponse, HttpError> {
        self.request(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<HttpResponse, HttpError> {
        self.request(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<HttpResponse, HttpError> {
        self.request(Method::PATCH, path, Some(body)).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<HttpResponse, HttpError> {
        let (response, _driver) = self.send(method, path, body).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| HttpError::Body(error.to_string()))?;
        Ok(HttpResponse { status, body: body.to_bytes() })
    }

    /// The stream of events at `path`.
    pub(super) async fn events(&self, path: &str) -> Result<Events, HttpError> {
        let (response, driver) = self.send(Method::GET, path, None).await?;
        if response.status() != StatusCode::OK {
            return Err(HttpError::Body(format!("{path} answers {}", response.status())));
        }
        Ok(Events { body: response.into_body(), parser: Parser::default(), _driver: driver })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Response<Incoming>, Driver), HttpError> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(bytes)))?;
        let stream = TcpStream::connect(self.address).await?;
        // Requests are small, and each waits for its answer.
        stream.set_nodelay(true)?;
        let (mut sender, connection): (SendRequest<Full<Bytes>>, _) =
            http1::handshake(TokioIo::new(stream)).await?;
        let driver = Driver(tokio::spawn(async move {
            // The request gets the same error.
            let _ = connection.await;
        }));
        Ok((sender.send_request(request).await?, driver))
    }
}

/// Server-sent events as they arrive.
pub(super) struct Events {
    body: Incoming,
    parser: Parser,
    _driver: Driver,
}

impl Events {
    /// The data of the next event; none at the end of the stream.
    pub(super) async fn next(&mut self) -> Result<Option<String>, HttpError> {
        loop {
            if let Some(data) = self.parser.take() {
                return Ok(Some(data));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            if let Ok(bytes) = frame?.into_data() {
                self.parser.push(&bytes).map_err(|error| HttpError::Body(error.to_string()))?;
            }
        }
    }
}

/// Text in the form of a URL's query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_a_query() {
        assert_eq!(escaped("/a b/é&?"), "%2Fa%20b%2F%C3%A9%26%3F");
    }

    #[test]
    fn the_password_is_not_shown() {
        let client = Client::new(SocketAddr::from(([127, 0, 0, 1], 1)), "opencode", "secret");
        let shown = format!("{client:?}");
        assert!(!shown.contains("secret") && !shown.contains(&STANDARD.encode("opencode:secret")));
    }
}
