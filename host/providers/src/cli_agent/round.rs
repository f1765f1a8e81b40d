//! One round with an agent that is one process: the prompt in, a transcript out.
//!
//! Owns: what the CLIs that work this way have in common: their options, the
//! reading of their lines while they work, and their end. Never: knows what a
//! line of one of them means.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use smol_wf_core::call::Usage;
use smol_wf_core::cut;

use crate::cause::Cause;
use crate::process::{
    Environment, Exit, Input, Launch, Process, ProcessError, Said, find_program_for,
};
use crate::{
    Activity, AgentReply, AgentTask, Answer, Asks, ProviderError, ProviderErrorKind, Spent,
};

/// How long an agent may be silent after it has said how its round ended. Some
/// leave a child behind that holds their output open; the answer is there.
const AFTER_THE_END: Duration = Duration::from_secs(5);

/// How often an agent that waits for its own background work counts as alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Characters of a tool's detail: one line of a terminal.
const DETAIL_CHARS: usize = 120;

/// Longest name of a model, an agent or a session.
const NAME_BYTES_MAX: usize = 256;

/// What a user may say about an agent's program.
#[derive(Debug, Clone, Default)]
pub struct CliOptions {
    /// Where it is; else it is looked up on `PATH`.
    pub program: Option<PathBuf>,
    /// Further variables of its environment.
    pub env: BTreeMap<String, String>,
    /// Names of variables that it gets from this program's own environment.
    pub env_allow: Vec<String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// What becomes of its questions whether it may.
    pub asks: Asks,
    /// How long a server of it may take to start; none for its provider's own.
    pub start_timeout: Option<Duration>,
    /// Whether it may start other agents, where it can be kept from that.
    pub subagents: bool,
}

impl CliOptions {
    /// The program, as the user says or as it is found.
    pub(crate) fn program(&self, provider: &str, name: &str) -> Result<PathBuf, ProviderError> {
        self.find(name).map_err(|error| error.into_provider_error(provider))
    }

    pub(crate) fn find(&self, name: &str) -> Result<PathBuf, ProcessError> {
        let named = self.program.clone().unwrap_or_else(|| PathBuf::from(name));
        let search = self.env.get("PATH").map(String::as_str);
        find_program_for(&named.to_string_lossy(), search)
    }

    /// What it gets of this program's environment, and the user's own variables.
    /// A default holds only where the user says nothing.
    pub(crate) fn environment(&self, allowed: &[&str], defaults: &[(&str, &str)]) -> Environment {
        let mut environment = Environment::allowing(allowed).also(&self.env_allow);
        for (name, value) in defaults {
            if std::env::var_os(name).is_none() {
                environment = environment.set(name, *value);
            }
        }
        environment.from(&self.env)
    }
}

/// Reads the lines of one agent's output.
pub(crate) trait Transcript: Send {
    /// Takes the next line and tells what is news in it.
    fn line(&mut self, line: &str, activity: &dyn Activity);

    /// Takes the next line of stderr.
    fn note(&mut self, _line: &str) {}

    /// The agent's name for its session, once it is known.
    fn session(&self) -> Option<&str>;

    /// What it has used up to now, where it says so before its round ends.
    fn used(&self) -> Spent {
        Spent::default()
    }

    /// Whether the agent has said how its round ended.
    fn has_ended(&self) -> bool;

    /// While it has answered and waits for work of its own in the background, after
    /// which it may answer anew: how long it may be silent.
    fn background(&self) -> Option<Duration> {
        None
    }

    /// What is to be written to it next, where it is spoken to in frames.
    fn frame(&mut self) -> Option<String> {
        None
    }

    /// It has stopped reading before it had the whole prompt, so what it answers is
    /// not an answer to it.
    fn prompt_cut(&mut self) {}

    /// Whether there is no use in letting it go on.
    fn is_hopeless(&self) -> bool {
        false
    }
}

/// How a round ended, and what it has used either way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    pub(crate) answer: Result<Answer, Cause>,
    pub(crate) usage: Usage,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) model: Option<String>,
    pub(crate) session_id: Option<String>,
}

impl Ended {
    /// As the provider tells it; `login` is what to type without credentials.
    pub(crate) fn into_reply(
        self,
        provider: &str,
        login: &str,
    ) -> Result<AgentReply, ProviderError> {
        let Self { answer, usage, cost_usd, model, session_id } = self;
        match answer {
            Ok(answer) => {
                Ok(AgentReply { answer, usage, cost_usd, model, session_id, replaced_bytes: 0 })
            }
            Err(mut cause) => {
                if cause.kind == ProviderErrorKind::Auth {
                    cause.message = format!("{}; {login}", cause.message.trim_end_matches('.'));
                }
                let spent = Spent { usage, cost_usd, session_id, model };
                Err(cause.into_error(provider).having_spent(spent))
            }
        }
    }
}

/// A program with its arguments, to work where the task says. It reads the prompt,
/// unless it is spoken to in frames.
pub(crate) fn launch(
    provider: &str,
    program: PathBuf,
    args: Vec<String>,
    task: &AgentTask,
    env: Environment,
) -> Launch {
    Launch {
        provider: provider.to_owned(),
        program,
        args: args.into_iter().map(Into::into).collect(),
        cwd: task.cwd.clone(),
        env,
        input: Input::None,
        presence: Some(task.presence.clone()),
    }
}

/// Starts the agent, sends it the prompt and reads what it says until it ends.
/// No exit when it had to be ended.
pub(crate) async fn listen(
    launch: Launch,
    prompt: &str,
    task: &AgentTask,
    transcript: &mut impl Transcript,
    activity: &dyn Activity,
) -> Result<Option<Exit>, ProviderError> {
    let provider = launch.provider.clone();
    let told = hear(launch, prompt, task, transcript, activity).await;
    told.map_err(|error| {
        let session_id = transcript.session().map(str::to_owned);
        error.into_provider_error(&provider).having_spent(Spent { session_id, ..transcript.used() })
    })
}

async fn hear(
    launch: Launch,
    prompt: &str,
    task: &AgentTask,
    transcript: &mut impl Transcript,
    activity: &dyn Activity,
) -> Result<Option<Exit>, ProcessError> {
    let is_framed = matches!(launch.input, Input::Framed);
    let launch = match is_framed {
        true => launch,
        false => Launch { input: Input::Whole(prompt.as_bytes().to_vec()), ..launch },
    };
    let mut process = Process::start(&task.processes, launch).await?;
    let mut named = false;
    // The first frame is the prompt.
    let mut has_prompt = false;
    let mut reads = true;
    let mut told = 0;
    loop {
        while let Some(frame) = transcript.frame() {
            if !reads {
                continue;
            }
            match process.write(frame.as_bytes()).await {
                Ok(()) => has_prompt = true,
                Err(error) if error.is_broken_pipe() => {
                    // Why it reads no more it may have said, and is heard to its end.
                    reads = false;
                    process.hang_up();
                    if !has_prompt {
                        transcript.prompt_cut();
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if is_framed && transcript.has_ended() {
            process.hang_up();
        }
        let Some(said) = next(&mut process, transcript, activity).await else {
            process.end().await;
            return Ok(None);
        };
        match said? {
            None => break,
            Some(Said::Note(line)) => {
                activity.alive();
                transcript.note(&line);
            }
            Some(Said::Line(line)) => {
                activity.alive();
                transcript.line(&line, activity);
                if let (false, Some(session)) = (named, transcript.session()) {
                    activity.session(session);
                    named = true;
                }
                let used = transcript.used();
                if used.usage.total() > told {
                    told = used.usage.total();
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

/// What it says next; none when it has ended, or works in the background, and has
/// been silent for longer than that may take. While it works in the background it
/// is known what it does, so its silence is not that of an agent that hangs.
async fn next(
    process: &mut Process,
    transcript: &impl Transcript,
    activity: &dyn Activity,
) -> Option<Result<Option<Said>, ProcessError>> {
    let Some(limit) = transcript.background() else {
        let patience = if transcript.has_ended() { AFTER_THE_END } else { Duration::MAX };
        return tokio::time::timeout(patience, process.said()).await.ok();
    };
    let silent_since = tokio::time::Instant::now();
    while silent_since.elapsed() < limit {
        if let Ok(said) = tokio::time::timeout(SIGN_OF_LIFE, process.said()).await {
            return Some(said);
        }
        activity.alive();
    }
    None
}

/// A value that a script chose and that becomes an argument: one that starts
/// with a hyphen could be read as a flag.
pub(crate) fn plain<'a>(
    provider: &str,
    what: &str,
    value: &'a str,
) -> Result<&'a str, ProviderError> {
    let fine = !value.is_empty()
        && value.len() <= NAME_BYTES_MAX
        && !value.starts_with('-')
        && !value.chars().any(char::is_control);
    if fine {
        return Ok(value);
    }
    let kind = match what {
        "model" => ProviderErrorKind::Model,
        _ => ProviderErrorKind::Unsupported,
    };
    let message = format!("`{}` is no {what}", shorten(value));
    Err(ProviderError::new(provider, kind, message))
}

/// An effort that the agent knows: another it would pass over, or hand on.
pub(crate) fn known_effort<'a>(
    provider: &str,
    known: &[&str],
    effort: &'a str,
) -> Result<&'a str, ProviderError> {
    if known.contains(&effort) {
        return Ok(effort);
    }
    let message =
        format!("there is no effort `{}`; there are: {}", shorten(effort), known.join(", "));
    Err(ProviderError::new(provider, ProviderErrorKind::Unsupported, message))
}

/// One short line.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.len() == text.trim().len() {
        return cut::to_chars(line, DETAIL_CHARS);
    }
    format!("{}{}", cut::head_chars(line, DETAIL_CHARS - 1), cut::MARK)
}

/// What a tool is used on: the first of its arguments that says it.
pub(crate) fn detail_of(arguments: &serde_json::Value) -> Option<String> {
    const TELLING: [&str; 11] = [
        "command",
        "cmd",
        "file_path",
        "path",
        "notebook_path",
        "pattern",
        "query",
        "url",
        "skill",
        "description",
        "prompt",
    ];
    TELLING.iter().find_map(|name| arguments.get(*name)?.as_str()).map(shorten)
}

/// A random UUID (version 4), for sessions that are named by us: so the name is
/// known before the agent says a word.
pub(crate) fn new_session_id(provider: &str) -> Result<String, ProviderError> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(|error| {
        let message = format!("no randomness for a session's name: {error}");
        ProviderError::new(provider, ProviderErrorKind::Failed, message)
    })?;
    bits[6] = (bits[6] & 0x0f) | 0x40;
    bits[8] = (bits[8] & 0x3f) | 0x80;
    let hex: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_cannot_pass_a_flag_for_a_name() {
        assert_eq!(plain("p", "model", "a/b:c").unwrap(), "a/b:c");
        for wrong in ["", "-c", "--dangerously-skip-permissions", "a\nb", &"x".repeat(300)] {
            assert_eq!(plain("p", "model", wrong).unwrap_err().kind, ProviderErrorKind::Model);
        }
    }

    #[test]
    fn details_are_one_short_line() {
        assert_eq!(shorten(" npm test \n"), "npm test");
        assert_eq!(shorten("a\nb"), "a…");
        assert_eq!(shorten(&"é".repeat(500)).chars().count(), DETAIL_CHARS);
        let used = detail_of(&serde_json::json!({"description": "d", "command": "ls -l"}));
        assert_eq!(used.as_deref(), Some("ls -l"));
        assert_eq!(detail_of(&serde_json::json!({"x": 1})), None);
    }

    #[test]
    fn session_names_are_uuids_and_differ() {
        let (one, two) = (new_session_id("p").unwrap(), new_session_id("p").unwrap());
        assert_ne!(one, two);
        assert_eq!((one.len(), one.as_bytes()[14]), (36, b'4'));
    }
}
