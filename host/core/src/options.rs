//! Reads the options of `agent()`.
//!
//! Owns: the way from hostile JSON text to a checked [`AgentRequest`]; each refusal
//! names the option and what it takes. Never: chooses a provider.

mod body;
mod extras;
mod phase;
mod tools;

pub use extras::is_server_name;
pub use phase::PhaseOptions;

use serde_json::{Map, Value};

use crate::attempts::{RETRY_ATTEMPTS_MAX, RETRY_BACKOFF_MS_DEFAULT, RETRY_BACKOFF_MS_MAX};
use crate::codes::Code;
use crate::cut;
use crate::duration;
use crate::guest::Dialect;
use crate::json_kind::kind_of;
use crate::limits::{AGENT_TIMEOUT_MS_MAX, OPTIONS_BYTES_MAX, PROMPT_BYTES_MAX};
use crate::outcome::Failure;
use crate::schema::{self, RecentSchemas, StepSchema};
use crate::settlement::OnFailure;
use crate::step_request::{AgentRequest, EarlierSession, Permissions, Retry, refuse};
use crate::surface::Surface;
use body::BodyOption;

/// Attempts of a step whose `retry` has no `maxAttempts`.
const RETRY_ATTEMPTS_ASKED: u32 = 3;

/// The only kind of isolation.
pub const ISOLATION_WORKTREE: &str = "worktree";

/// A hint for every other kind.
const INSTEAD_OF_SANDBOX: &str = "; 'worktree' gives the agent a checkout of its own, `permissions: 'read'` and `disallowedTools` hold it to less, and smol-wf in a container confines all agents";

/// Most warnings about the options of one call.
const IGNORED_MAX: usize = 16;

/// All options of `agent()`. Those of surface 1 come first.
pub const OPTIONS: [&str; 25] = [
    "label",
    "phase",
    "model",
    "provider",
    "effort",
    "agentType",
    "schema",
    "isolation",
    "permissions",
    "timeout",
    "retry",
    "stallMs",
    "onFailure",
    "key",
    "disallowedTools",
    "allowedTools",
    "tools",
    "bashCommandClamp",
    "sharedHeadLength",
    "system",
    "dirs",
    "maxTurns",
    "images",
    "mcp",
    "session",
];

/// How many of [`OPTIONS`] surface 1 has.
const OPTIONS_FIRST: usize = 11;

/// The options that restrict an agent; `maxTurns` counts from surface 3 on.
const RESTRICTING: [&str; 6] =
    ["permissions", "disallowedTools", "allowedTools", "tools", "bashCommandClamp", "maxTurns"];

/// How many of [`RESTRICTING`] count in surface 2.
const RESTRICTING_SECOND: usize = 5;

/// The rules by which the options of a call are read. They depend on the surface of
/// the run and the dialect of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionRules {
    /// The rules of surface 1: the options of that time, strictly.
    First,
    /// The rules of surface 2.
    Second(Dialect),
    /// The rules of surface 3, and of new runs.
    Third(Dialect),
}

impl OptionRules {
    /// The rules for a module: an invalid value of an option refuses the call.
    pub const MODULE: Self = Self::Third(Dialect::Module);

    /// The rules for a body: values that Claude Code ignores are ignored, with a
    /// warning.
    pub const BODY: Self = Self::Third(Dialect::Body);

    /// The rules for a script of this dialect, in a run of this surface.
    #[must_use]
    pub fn of(surface: Surface, dialect: Dialect) -> Self {
        match surface {
            Surface::First => Self::First,
            Surface::Second => Self::Second(dialect),
            Surface::Third | Surface::Fourth => Self::Third(dialect),
        }
    }

    fn is_body(self) -> bool {
        matches!(self, Self::Second(Dialect::Body) | Self::Third(Dialect::Body))
    }

    /// Whether an invalid value of this option is refused in a body as well.
    fn restricts(self, name: &str) -> bool {
        let known = match self {
            Self::Third(_) => RESTRICTING.len(),
            _ => RESTRICTING_SECOND,
        };
        RESTRICTING[..known].contains(&name)
    }
}

impl AgentRequest {
    /// Reads the arguments of `agent()`; `options` is JSON text.
    ///
    /// # Errors
    /// A refusal of this call, with the option that it is about.
    pub fn read(prompt: String, options: &str, rules: OptionRules) -> Result<Self, Failure> {
        let mut schemas = RecentSchemas::default();
        let request = Self::read_again(&prompt, options, rules, None, &mut schemas)?;
        Ok(Self { prompt, ..request })
    }

    /// As [`Self::read`], but without copying the prompt, which the caller fills in.
    /// `taken` is the recorded request, in a replay: its schema is accepted whatever
    /// today's rules say, and options that it ignored are ignored again. `schemas` are
    /// those of earlier calls, which need not be compiled again.
    pub(crate) fn read_again(
        prompt: &str,
        options: &str,
        rules: OptionRules,
        taken: Option<&Self>,
        schemas: &mut RecentSchemas,
    ) -> Result<Self, Failure> {
        if prompt.is_empty() {
            return Err(refuse("agent() needs a prompt that is not empty"));
        }
        if prompt.len() > PROMPT_BYTES_MAX {
            return Err(Failure::new(
                Code::CallTooLarge,
                format!(
                    "the prompt of agent() is {} bytes, and {PROMPT_BYTES_MAX} is the most",
                    prompt.len()
                ),
            ));
        }
        let mut request = Self::plain("");
        read(&mut request, options, rules, taken, schemas)?;
        Ok(request)
    }
}

/// Reads the options into `request`. `taken` is the recorded request, in a replay:
/// options that it did not know are ignored again.
fn read(
    request: &mut AgentRequest,
    text: &str,
    rules: OptionRules,
    taken: Option<&AgentRequest>,
    schemas: &mut RecentSchemas,
) -> Result<(), Failure> {
    let was_unknown = |name: &String| taken.is_some_and(|taken| taken.unknown.contains(name));
    let schema_taken = taken.and_then(|taken| taken.schema.as_ref());
    for (name, value) in object(request, text, rules)? {
        // An option that is undefined in JavaScript does not arrive; null means the same.
        if value.is_null() {
            continue;
        }
        let known = if rules == OptionRules::First { OPTIONS_FIRST } else { OPTIONS.len() };
        if !OPTIONS[..known].contains(&name.as_str()) || was_unknown(&name) {
            if rules != OptionRules::First && !was_unknown(&name) {
                tools::refuse_alike(&name, &value, rules)?;
            }
            request.unknown.push(name);
            continue;
        }
        let meant = if rules.is_body() {
            body::meant(&name, value, rules)
        } else {
            BodyOption::Value(value)
        };
        match meant {
            BodyOption::Value(value) if name == "schema" => {
                // Mistyped keywords are searched only now, in a schema of bounded size.
                request.schema = Some(accepted(&value, schema_taken, schemas)?);
                if rules != OptionRules::First {
                    let told = schema::mistyped(&value, "the schema of agent()");
                    told.into_iter().for_each(|why| ignore(request, why));
                }
            }
            BodyOption::Value(value) => {
                set(request, &name, value).map_err(|error| with_hint(error, &name, rules))?;
            }
            BodyOption::Nothing => {}
            BodyOption::Ignored(why) => ignore(request, why),
        }
    }
    Ok(())
}

/// The accepted form of a schema; the recorded one if it has the same text.
fn accepted(
    schema: &Value,
    taken: Option<&StepSchema>,
    schemas: &mut RecentSchemas,
) -> Result<StepSchema, Failure> {
    match taken.filter(|taken| ***taken == *schema.to_string()) {
        Some(taken) => Ok(taken.clone()),
        None => schemas.accept(schema),
    }
}

/// Adds a hint about alternatives to the refused value.
fn with_hint(mut error: Failure, name: &str, rules: OptionRules) -> Failure {
    if name == "isolation" && rules != OptionRules::First {
        error.message.push_str(INSTEAD_OF_SANDBOX);
    }
    error
}

fn ignore(request: &mut AgentRequest, why: String) {
    if request.ignored.len() < IGNORED_MAX {
        request.ignored.push(why);
    }
}

fn set(request: &mut AgentRequest, name: &str, value: Value) -> Result<(), Failure> {
    match name {
        "label" => request.label = text(name, value)?,
        "phase" => request.phase = Some(string(name, value)?),
        "model" => request.model = Some(string(name, value)?),
        "provider" => request.provider = Some(string(name, value)?),
        "effort" => request.effort = text(name, value)?,
        "agentType" => request.agent_type = Some(string(name, value)?),
        "isolation" => match string(name, value)? {
            kind if kind == ISOLATION_WORKTREE => request.isolation = Some(kind),
            other => return Err(wrong(name, "'worktree' or nothing", &format!("'{other}'"))),
        },
        "permissions" => {
            request.permissions = Some(match string(name, value)?.as_str() {
                "read" => Permissions::Read,
                "write" => Permissions::Write,
                other => return Err(wrong(name, "'read' or 'write'", &format!("'{other}'"))),
            });
        }
        "timeout" => request.timeout_ms = Some(timeout(name, &value)?),
        "stallMs" => request.stall_ms = Some(stall(name, &value)?),
        "retry" => request.retry = Some(retry(name, value)?),
        "onFailure" => {
            let word = string(name, value)?;
            let read = OnFailure::from_word(&word);
            let refused = || wrong(name, "'null' or 'throw'", &format!("'{word}'"));
            request.on_failure = Some(read.ok_or_else(refused)?);
        }
        "key" => request.key = text(name, value)?,
        "disallowedTools" => request.disallowed_tools = tools::names(name, &value)?,
        "allowedTools" | "tools" if request.tools.is_none() => {
            request.tools = Some(tools::names(name, &value)?);
        }
        "allowedTools" | "tools" => {
            return Err(refuse(
                "agent() takes one of the options `tools` and `allowedTools`, and has both",
            ));
        }
        "system" => request.system = extras::system(name, &value)?,
        "dirs" => request.dirs = extras::dirs(name, &value)?,
        "maxTurns" => request.max_turns = Some(extras::max_turns(name, &value)?),
        "images" => request.images = extras::images(name, &value)?,
        "mcp" => request.mcp = extras::servers(name, &value)?,
        "session" => {
            request.session =
                text(name, value)?.map(|label| Box::new(EarlierSession { label, of: None }));
        }
        "bashCommandClamp" => request.bash_command_clamp = Some(tools::commands(name, &value)?),
        // Claude Code uses it for its cache; here it has no effect.
        "sharedHeadLength" if whole(&value, 0, u64::MAX).is_some() => {}
        "sharedHeadLength" => {
            return Err(wrong(name, "a whole number of characters", &written(&value)));
        }
        _ => {}
    }
    Ok(())
}

fn string(name: &str, value: Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(name, "a string", kind_of(&other))),
    }
}

/// Reads text; an empty one counts as none.
fn text(name: &str, value: Value) -> Result<Option<String>, Failure> {
    string(name, value).map(|text| Some(text).filter(|text| !text.is_empty()))
}

fn timeout(name: &str, value: &Value) -> Result<u64, Failure> {
    let read = match value {
        Value::String(text) => duration_ms(text),
        Value::Number(_) => whole(value, 1, AGENT_TIMEOUT_MS_MAX),
        _ => None,
    };
    read.filter(|ms| (1..=AGENT_TIMEOUT_MS_MAX).contains(ms)).ok_or_else(|| {
        wrong(name, "milliseconds, or text like '90s' or '5m', up to 24 h", &written(value))
    })
}

/// Reads milliseconds of silence; 0 means any. As in Claude Code, negative numbers and
/// numbers that are not finite mean 0.
fn stall(name: &str, value: &Value) -> Result<u64, Failure> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and makes 0 of what is negative"
    )]
    let read = match value {
        Value::Number(number) => number.as_f64().map(|ms| ms.ceil() as u64),
        Value::String(_) if not_finite(value).is_some() => Some(0),
        Value::String(text) => duration_ms(text),
        _ => None,
    };
    read.map(|ms| ms.min(AGENT_TIMEOUT_MS_MAX))
        .ok_or_else(|| wrong(name, "milliseconds, or text like '90s' or '5m'", &value.to_string()))
}

/// The texts in which numbers arrive that JSON cannot represent.
const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// The text of such a number, if the value is one.
fn not_finite(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| NOT_FINITE.contains(text))
}

/// A value as its author wrote it.
fn written(value: &Value) -> String {
    not_finite(value).map_or_else(|| shown(&value.to_string()), ToOwned::to_owned)
}

fn retry(name: &str, value: Value) -> Result<Retry, Failure> {
    let takes = format!(
        "{{ maxAttempts: 1 to {RETRY_ATTEMPTS_MAX}, backoffMs: 0 to {RETRY_BACKOFF_MS_MAX} }}"
    );
    let Value::Object(fields) = value else { return Err(wrong(name, &takes, kind_of(&value))) };
    let mut retry =
        Retry { max_attempts: RETRY_ATTEMPTS_ASKED, backoff_ms: RETRY_BACKOFF_MS_DEFAULT };
    for (field, value) in &fields {
        let refused = || wrong(name, &takes, &format!("{{ {field}: {} }}", written(value)));
        match field.as_str() {
            "maxAttempts" => {
                let attempts = whole(value, 1, RETRY_ATTEMPTS_MAX.into()).ok_or_else(refused)?;
                retry.max_attempts = u32::try_from(attempts).unwrap_or(RETRY_ATTEMPTS_MAX);
            }
            "backoffMs" => {
                retry.backoff_ms = whole(value, 0, RETRY_BACKOFF_MS_MAX).ok_or_else(refused)?;
            }
            _ => return Err(refused()),
        }
    }
    Ok(retry)
}

/// A whole number within bounds. JavaScript's numbers may arrive as `1.0`.
fn whole(value: &Value, least: u64, most: u64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole"
    )]
    let float = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    let number = value.as_u64().or_else(|| value.as_f64().and_then(float))?;
    (least..=most).contains(&number).then_some(number)
}

fn duration_ms(text: &str) -> Option<u64> {
    let micros = duration::parse(text).ok()?.as_micros();
    u64::try_from(micros.saturating_add(500) / 1_000).ok()
}

fn wrong(name: &str, takes: &str, given: &str) -> Failure {
    refuse(format!("option `{name}` of agent() takes {takes}, and is {}", shown(given)))
}

/// A value for a message, cut.
fn shown(given: &str) -> String {
    const SHOWN_CHARS: usize = 100;
    cut::head_chars(given, SHOWN_CHARS).to_owned()
}

fn object(
    request: &mut AgentRequest,
    text: &str,
    rules: OptionRules,
) -> Result<Map<String, Value>, Failure> {
    if text.len() > OPTIONS_BYTES_MAX {
        return Err(Failure::new(
            Code::CallTooLarge,
            format!(
                "the options of agent() are {} bytes of JSON, and {OPTIONS_BYTES_MAX} is the most",
                text.len()
            ),
        ));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(options)) => Ok(options),
        Ok(other) if rules.is_body() => {
            // `agent(prompt, quick && {…})` gives no options in both cases.
            if !matches!(other, Value::Null | Value::Bool(false)) {
                let kind = kind_of(&other);
                let why =
                    format!("the options of agent() are {kind}, not an object; they are ignored");
                ignore(request, why);
            }
            Ok(Map::new())
        }
        Ok(other) => Err(refuse(format!(
            "the options of agent() must be an object, and are {}",
            kind_of(&other)
        ))),
        // The library stops at 128 levels, so that no text overflows the stack.
        Err(error) => {
            Err(refuse(format!("the options of agent() cannot be read, or are too deep: {error}")))
        }
    }
}

#[cfg(test)]
mod tests;
