//! One round with an agent that is one process: the prompt in, a transcript out.
//!
//! Owns: reading an agent's lines while it works, and its end. Never: knows what a
//! line of one agent means.

use std::path::PathBuf;
use std::time::Duration;

use super::transcript::Transcript;
use crate::process::{Environment, Exit, Input, Launch, Process, ProcessError, ProgramOutput};
use crate::{Activity, AgentTask, ProviderError, RoundSpend};

/// How long an agent may be silent after it has said how its round ended. Some leave
/// a child behind that holds their output open; the answer is complete.
const AFTER_THE_END: Duration = Duration::from_secs(5);

/// How often an agent that waits for its own background work counts as alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// The launch of an agent's program in the task's working directory. Without a prompt
/// its stdin is a pipe for frames.
pub(super) fn launch(
    provider: &str,
    program: PathBuf,
    args: Vec<String>,
    task: &AgentTask,
    env: Environment,
    prompt: Option<String>,
) -> Launch {
    Launch {
        provider: provider.to_owned(),
        program,
        args: args.into_iter().map(Into::into).collect(),
        cwd: task.cwd.clone(),
        env,
        input: prompt.map_or(Input::Framed, |prompt| Input::Whole(prompt.into_bytes())),
        presence: Some(task.presence.clone()),
    }
}

/// Starts the agent, sends it the prompt and reads what it prints until it ends. No
/// exit when it had to be ended.
pub(super) async fn run(
    launch: Launch,
    task: &AgentTask,
    transcript: &mut impl Transcript,
    activity: &dyn Activity,
) -> Result<Option<Exit>, ProviderError> {
    let provider = launch.provider.clone();
    let ended = read(launch, task, transcript, activity).await;
    ended.map_err(|error| {
        let session_id = transcript.session().map(str::to_owned);
        error
            .into_provider_error(&provider)
            .having_spent(RoundSpend { session_id, ..transcript.used() })
    })
}

async fn read(
    launch: Launch,
    task: &AgentTask,
    transcript: &mut impl Transcript,
    activity: &dyn Activity,
) -> Result<Option<Exit>, ProcessError> {
    let is_framed = matches!(launch.input, Input::Framed);
    let mut messages = task.messages.clone();
    let mut process = Process::start(&task.processes, launch).await?;
    let mut stdin = Stdin::default();
    let mut is_session_reported = false;
    let mut tokens_reported = 0;
    loop {
        stdin.write_frames(&mut process, transcript).await?;
        if is_framed && transcript.has_ended() {
            stdin.hang_up(&mut process);
        }
        let said = tokio::select! {
            biased;
            said = next(&mut process, transcript, activity) => said,
            message = messages.next(), if is_framed && !stdin.is_closed => {
                transcript.message(&message);
                continue;
            }
        };
        let Some(said) = said else {
            process.end().await;
            return Ok(None);
        };
        match said? {
            None => break,
            Some(ProgramOutput::Stderr(line)) => {
                activity.alive();
                transcript.note(&line);
            }
            Some(ProgramOutput::Stdout(line)) => {
                activity.alive();
                transcript.line(&line, activity);
                if let (false, Some(session)) = (is_session_reported, transcript.session()) {
                    activity.session(session);
                    is_session_reported = true;
                }
                let used = transcript.used();
                if used.usage.total() > tokens_reported {
                    tokens_reported = used.usage.total();
                    activity.used(&used);
                }
                if let Some(raw) = &task.raw {
                    raw.line(transcript.session(), &line);
                }
            }
        }
        if transcript.is_hopeless() {
            process.end().await;
            return Ok(None);
        }
    }
    process.exit().await.map(Some)
}

/// The pipe for frames, as far as the agent reads it.
#[derive(Default)]
struct Stdin {
    /// The first frame is the prompt.
    has_prompt: bool,
    is_closed: bool,
}

impl Stdin {
    /// Closes the pipe: no frame follows.
    fn hang_up(&mut self, process: &mut Process) {
        self.is_closed = true;
        process.hang_up();
    }

    /// Writes the frames that are due. After the agent has stopped reading, they are
    /// dropped, and what it prints is still read: it may say why.
    async fn write_frames(
        &mut self,
        process: &mut Process,
        transcript: &mut impl Transcript,
    ) -> Result<(), ProcessError> {
        while let Some(frame) = transcript.frame() {
            if self.is_closed {
                continue;
            }
            match process.write(frame.as_bytes()).await {
                Ok(()) => self.has_prompt = true,
                Err(error) if error.is_broken_pipe() => {
                    self.hang_up(process);
                    if !self.has_prompt {
                        transcript.prompt_cut();
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The next line. None when the agent has answered, or waits for its background work,
/// and has been silent for too long. Silence during background work does not count
/// towards the idle timeout: what the agent waits for is known.
async fn next(
    process: &mut Process,
    transcript: &impl Transcript,
    activity: &dyn Activity,
) -> Option<Result<Option<ProgramOutput>, ProcessError>> {
    let Some(limit) = transcript.background() else {
        let patience = if transcript.has_ended() { AFTER_THE_END } else { Duration::MAX };
        return tokio::time::timeout(patience, process.output()).await.ok();
    };
    let silent_since = tokio::time::Instant::now();
    while silent_since.elapsed() < limit {
        if let Ok(said) = tokio::time::timeout(SIGN_OF_LIFE, process.output()).await {
            return Some(said);
        }
        activity.alive();
    }
    None
}
