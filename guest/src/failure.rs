//! A thrown value as the host is told it: words, the author's position, the
//! author's frames.
//!
//! Never runs author code by itself; the prelude reads the value.

use std::cell::RefCell;
use std::rc::Rc;

use javy::quickjs::{Array, Ctx, FromJs, Value};

use crate::author::{Author, INTERNAL_NAME, Position};
use crate::bindings::smol::workflow::types::ScriptError;
use crate::engine::{self, Entry};
use crate::{modules, surface, words};

/// The code of an error that an `import` came to.
pub(crate) const IMPORT: &str = "import";

thread_local! {
    static AUTHOR: RefCell<Option<Rc<Author>>> = const { RefCell::new(None) };
}

/// One line of a stack that lies in the author's file.
pub(crate) struct Frame {
    function: String,
    pub(crate) position: Position,
}

/// What the prelude reads of a thrown value.
pub(crate) struct Described {
    name: String,
    pub(crate) message: String,
    stack: String,
    failure: Option<String>,
    step: Option<u32>,
}

/// From now on positions are those of this script.
pub(crate) fn set_author(author: Rc<Author>) {
    AUTHOR.set(Some(author));
}

/// Describes what was thrown.
pub(crate) fn of_value<'js>(ctx: &Ctx<'js>, value: Value<'js>, code: &str) -> ScriptError {
    describe(ctx, value).into_error(code)
}

/// The same, with the call that failed, if one did.
pub(crate) fn with_step<'js>(
    ctx: &Ctx<'js>,
    value: Value<'js>,
    code: &str,
) -> (Option<u32>, ScriptError) {
    let described = describe(ctx, value);
    (described.step, described.into_error(code))
}

/// The call that failed, of `[name, message, stack, code, call]`.
pub(crate) fn step_of(description: &Array<'_>) -> Option<u32> {
    field(description, 4)
}

/// From `[name, message, stack, code of the failed call]`, as the prelude gives it.
pub(crate) fn of_description(description: &Array<'_>, code: &str) -> ScriptError {
    Described::read(description).into_error(code)
}

pub(crate) fn describe<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> Described {
    let described = engine::entry(ctx, Entry::Describe)
        .and_then(|describe| describe.call::<_, Array<'_>>((value,)));
    if let Ok(description) = described {
        return Described::read(&description);
    }
    // Out of memory or of stack, even now: say at least that.
    drop(ctx.catch());
    Described {
        name: "InternalError".to_owned(),
        message: "the error could not be read".to_owned(),
        stack: String::new(),
        failure: None,
        step: None,
    }
}

impl Described {
    fn read(description: &Array<'_>) -> Self {
        Self {
            name: field(description, 0).unwrap_or_else(|| "Error".to_owned()),
            message: field(description, 1).unwrap_or_default(),
            stack: field(description, 2).unwrap_or_default(),
            failure: field(description, 3),
            step: field(description, 4),
        }
    }

    pub(crate) fn is_import(&self) -> bool {
        self.failure.as_deref() == Some(IMPORT)
    }

    /// The line that QuickJS names first, before it is made the author's.
    pub(crate) fn line(&self) -> Option<u32> {
        let (place, _) = self.stack.lines().next()?.rsplit_once(':')?;
        place.rsplit_once(':')?.1.parse().ok()
    }

    pub(crate) fn into_error(self, code: &str) -> ScriptError {
        let Self { name, message, stack, failure, .. } = self;
        let frames = frames(&stack);
        let position = frames.first().map(|frame| frame.position).unwrap_or_default();
        let message = match surface::sees(2) {
            true => with_author(|author| words::better(&message, &stack, author, position))
                .flatten()
                .unwrap_or(message),
            false => message,
        };
        let error = ScriptError {
            code: code.to_owned(),
            name,
            message,
            line: position.line,
            column: position.column,
            stack: with_author(|author| print(&frames, author)).unwrap_or_default(),
            failure,
        };
        if error.failure.as_deref() == Some(IMPORT) { of_import(error) } else { error }
    }
}

/// An error without a JavaScript value behind it.
pub(crate) fn plain(code: &str, name: &str, message: String, at: Position) -> ScriptError {
    ScriptError {
        code: code.to_owned(),
        name: name.to_owned(),
        message,
        line: at.line,
        column: at.column,
        stack: String::new(),
        failure: None,
    }
}

/// An import is refused by no frame of the author's; it is its text that tells
/// where it stands.
fn of_import(mut error: ScriptError) -> ScriptError {
    error.code = IMPORT.to_owned();
    error.failure = None;
    if error.line == 0 {
        let found = modules::last_refused()
            .and_then(|specifier| with_author(|author| author.find_specifier(&specifier)));
        let position = found.unwrap_or_default();
        error.line = position.line;
        error.column = position.column;
    }
    error
}

/// The author's frames in the text of a stack: `at name (file:line:column)`, or
/// `at file:line:column` where a syntax error is.
pub(crate) fn frames(stack: &str) -> Vec<Frame> {
    with_author(|author| stack.lines().filter_map(|line| frame(line, author)).collect())
        .unwrap_or_default()
}

fn frame(line: &str, author: &Author) -> Option<Frame> {
    let place = line.trim().strip_prefix("at ")?.trim_end_matches(')');
    let (place, column) = place.rsplit_once(':')?;
    let (place, line) = place.rsplit_once(':')?;
    let before = place.strip_suffix(INTERNAL_NAME)?;
    let function = before.strip_suffix(" (").unwrap_or(before);
    let position = author.position(line.parse().ok()?, column.parse().ok()?);
    Some(Frame { function: function.to_owned(), position })
}

fn print(frames: &[Frame], author: &Author) -> String {
    let lines: Vec<_> = frames
        .iter()
        .map(|Frame { function, position }| {
            let function = if function.is_empty() { "<anonymous>" } else { function };
            let Position { line, column } = position;
            format!("at {function} ({}:{line}:{column})", author.file_name)
        })
        .collect();
    lines.join("\n")
}

fn with_author<R>(read: impl FnOnce(&Author) -> R) -> Option<R> {
    AUTHOR.with_borrow(|author| author.as_deref().map(read))
}

fn field<'js, T: FromJs<'js>>(description: &Array<'js>, index: usize) -> Option<T> {
    description.get::<Option<T>>(index).ok().flatten()
}
