//! The protocol on stdin and stdout: a message a line.
//!
//! Owns: the bound of a line, and what is said of lines that are none. Never: writes
//! anything else to stdout.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{ClientJsonRpcMessage, ErrorData, ServerJsonRpcMessage};
use rmcp::service::{RoleServer, ServerInitializeError, serve_server_with_ct};
use rmcp::transport::Transport;
use serde::Serialize;
use serde_json::Value;
use smol_wf_engine::CancellationToken;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, Stdin, Stdout,
};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use super::server::Server;
use super::unfit::{self, Unread};
use crate::failure::CommandError;
use crate::notices::print_message;

/// Longest line: the arguments of a workflow are far shorter.
pub(super) const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most lines that are complained about: a client that sends garbage sends much.
const COMPLAINTS_MAX: u32 = 20;

/// Longest that a client is given to read what is still to be written.
const LAST_READ_MAX: Duration = Duration::from_secs(2);

/// Most answers that wait for the client to read. Then nothing more of it is read.
const UNREAD_MAX: usize = 64;

/// Serves one client until it closes stdin, or the token is cancelled. One that reads
/// nothing does not keep the server.
pub(super) async fn serve(server: Server, cancel: CancellationToken) -> Result<(), CommandError> {
    if io::stdin().is_terminal() {
        print_message(
            "this is a server, which waits for messages of a client on stdin; hosts start it themselves: smol-wf docs mcp (Ctrl-D ends it)",
        );
    }
    let lines = Lines::new(tokio::io::stdin(), tokio::io::stdout());
    let is_over = lines.is_over.clone();
    let over = async {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = is_over.cancelled() => {}
        }
        tokio::time::sleep(LAST_READ_MAX).await;
    };
    tokio::select! {
        ended = converse(server, lines, cancel.clone()) => ended,
        () = over => {
            print_message("the client does not read what is written to it; the server ends");
            Ok(())
        }
    }
}

async fn converse(
    server: Server,
    lines: Lines<Stdin, Stdout>,
    cancel: CancellationToken,
) -> Result<(), CommandError> {
    let running = match serve_server_with_ct(server, lines, cancel).await {
        Ok(running) => running,
        Err(ServerInitializeError::Cancelled | ServerInitializeError::ConnectionClosed(_)) => {
            return Ok(());
        }
        Err(error) => {
            return Err(CommandError::Usage(format!(
                "the client did not begin as the protocol wants it: {}",
                crate::sanitize::cut(&crate::sanitize::one_line(&error.to_string()), 300)
            )));
        }
    };
    if let Err(error) = running.waiting().await {
        print_message(&format!("the conversation broke off: {error}"));
    }
    Ok(())
}

/// Messages as lines.
struct Lines<R, W> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// A line is too long, and its end is not there yet.
    is_skipping: bool,
    /// An answer to a message that was none, which is due.
    refusal: Option<Value>,
    /// Such answers that are being written.
    refusals: JoinSet<()>,
    writer: Arc<Mutex<Option<W>>>,
    /// The room for answers that the client has not read.
    unread: Arc<Semaphore>,
    /// Cancelled at the end of the client's messages.
    is_over: CancellationToken,
    complaints: u32,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Lines<R, W> {
    fn new(reader: R, writer: W) -> Self {
        let writer = Arc::new(Mutex::new(Some(writer)));
        let (line, reader) = (Vec::new(), BufReader::new(reader));
        Self {
            reader,
            line,
            is_skipping: false,
            refusal: None,
            refusals: JoinSet::new(),
            writer,
            unread: Arc::new(Semaphore::new(UNREAD_MAX)),
            is_over: CancellationToken::new(),
            complaints: 0,
        }
    }

    /// Reads on until a line is whole; false at the end. May be dropped at any moment:
    /// what was read is kept.
    async fn read_line(&mut self) -> io::Result<bool> {
        loop {
            let there = self.reader.fill_buf().await?;
            if there.is_empty() {
                return Ok(false);
            }
            let end = there.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(there.len(), |at| at + 1);
            let is_too_long = self.line.len() + taken > MESSAGE_BYTES_MAX;
            if !self.is_skipping && !is_too_long {
                self.line.extend_from_slice(there.get(..taken).unwrap_or_default());
            }
            self.reader.consume(taken);
            if is_too_long && !self.is_skipping {
                self.is_skipping = true;
                self.line = Vec::new();
                let why = format!("a message is over {MESSAGE_BYTES_MAX} bytes, the most");
                self.refuse(unfit::of_error(ErrorData::invalid_request(why, None), Value::Null));
            }
            if end.is_some() {
                if std::mem::take(&mut self.is_skipping) {
                    self.line.clear();
                }
                return Ok(true);
            }
        }
    }

    /// The message of the line; none if it has none.
    fn message(&mut self) -> Option<ClientJsonRpcMessage> {
        let line = std::mem::take(&mut self.line);
        if line.trim_ascii().is_empty() {
            return None;
        }
        match unfit::read(&line) {
            Ok(message) => Some(message),
            Err(unread) => {
                self.refuse(unread);
                None
            }
        }
    }

    fn refuse(&mut self, unread: Unread) {
        let why = unread.complaint;
        self.refusal = unread.answer;
        self.complaints = self.complaints.saturating_add(1);
        if self.complaints <= COMPLAINTS_MAX {
            let last =
                if self.complaints == COMPLAINTS_MAX { "; no more of these are shown" } else { "" };
            print_message(&format!("warning: from the client: {why}; it is ignored{last}"));
        }
    }
}

/// Writes one message.
async fn write<W: AsyncWrite + Unpin>(
    writer: &Mutex<Option<W>>,
    message: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut writer = writer.lock().await;
    let Some(writer) = writer.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
    writer.write_all(&line).await?;
    writer.flush().await
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (writer, unread) = (self.writer.clone(), self.unread.clone());
        // Answers are never held back: without room, no further message is read.
        let room = unread.try_acquire_owned().ok();
        async move {
            let written = write(&writer, &message).await;
            drop(room);
            written
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(refusal) = self.refusal.take() {
                // By a task: this may be dropped at any moment, and half an answer is none.
                let writer = self.writer.clone();
                let room = self.unread.clone().try_acquire_owned().ok();
                self.refusals.spawn(async move {
                    // A client that is gone reads nothing.
                    let _ = write(&writer, &refusal).await;
                    drop(room);
                });
            }
            while self.refusals.try_join_next().is_some() {}
            // The next message may be read when its answer has room.
            drop(self.unread.acquire().await.ok()?);
            // A line that its end cuts off is no message.
            if !self.read_line().await.unwrap_or(false) {
                self.is_over.cancel();
                return None;
            }
            if let Some(message) = self.message() {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        while self.refusals.join_next().await.is_some() {}
        self.writer.lock().await.take();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_message_is_passed_over() {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
        let sent = format!("garbage\n\n[1]\n{long}\n{{\"a\":\n{ping}\r\n{ping}");
        let (mut answers, out) = tokio::io::duplex(64 * 1024);
        let mut lines = Lines::new(std::io::Cursor::new(sent), out);
        let message = lines.receive().await;
        assert!(matches!(message, Some(ClientJsonRpcMessage::Request(_))), "{message:?}");
        assert!(lines.receive().await.is_none(), "a line without an end is none");
        assert_eq!(lines.complaints, 4);
        lines.close().await.unwrap();
        let mut said = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut answers, &mut said).await.unwrap();
        assert_eq!(said.matches("-32600").count(), 2, "{said}");
        assert_eq!(said.matches(r#""id":null,"error":{"code":-32700"#).count(), 2, "{said}");
    }
}
