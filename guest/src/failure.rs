//! A thrown value as the host is told it: words, the author's position, the
//! author's frames.
//!
//! Never runs author code by itself; the prelude reads the value.

use std::cell::RefCell;
use std::rc::Rc;

use javy::quickjs::{Array, Ctx, FromJs, Value};

use crate::author::{Author, Position};
use crate::bindings::smol::workflow::types::ScriptError;
use crate::engine::{self, Entry};
use crate::{modules, surface, words};

/// The code of an error that an `import` came to.
pub(crate) const IMPORT: &str = "import";

thread_local! {
    /// The script, and then its modules.
    static FILES: RefCell<Vec<Rc<Author>>> = const { RefCell::new(Vec::new()) };
}

/// One line of a stack that lies in one of the author's files.
pub(crate) struct Frame {
    function: String,
    file: Rc<Author>,
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

/// From now on positions are those of these files.
pub(crate) fn set_files(script: &Rc<Author>, modules: Vec<Rc<Author>>) {
    FILES.set(std::iter::once(Rc::clone(script)).chain(modules).collect());
}

/// The file of the author's that `wanted` holds for.
pub(crate) fn file(wanted: impl Fn(&Author) -> bool) -> Option<Rc<Author>> {
    FILES.with_borrow(|files| files.iter().find(|file| wanted(file)).cloned())
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

    /// The module that QuickJS names first.
    pub(crate) fn module(&self) -> Option<Rc<Author>> {
        let first = frame(self.stack.lines().next()?)?;
        Some(first.file).filter(|file| file.is_module)
    }

    /// The line that QuickJS names first, before it is made the author's.
    pub(crate) fn line(&self) -> Option<u32> {
        let (place, _) = self.stack.lines().next()?.rsplit_once(':')?;
        place.rsplit_once(':')?.1.parse().ok()
    }

    pub(crate) fn into_error(self, code: &str) -> ScriptError {
        let Self { name, message, stack, failure, .. } = self;
        let frames = frames(&stack);
        let first = frames.first();
        let position = first.map(|frame| frame.position).unwrap_or_default();
        let better = first
            .filter(|_| surface::sees(2))
            .and_then(|frame| words::better(&message, &stack, &frame.file, position));
        let error = ScriptError {
            code: code.to_owned(),
            name,
            message: better.unwrap_or(message),
            file: first.and_then(|frame| name_of(&frame.file)),
            line: position.line,
            column: position.column,
            stack: print(&frames),
            failure,
        };
        if error.failure.as_deref() == Some(IMPORT) { of_import(error) } else { error }
    }
}

/// The path of a module; none for the script itself.
fn name_of(file: &Author) -> Option<String> {
    file.is_module.then(|| file.file_name.clone())
}

/// An error of a file without a JavaScript value behind it.
pub(crate) fn plain(
    code: &str,
    name: &str,
    message: String,
    (file, at): (&Author, Position),
) -> ScriptError {
    let file = name_of(file);
    let Position { line, column } = at;
    ScriptError { file, line, column, ..unplaced(code, name, message) }
}

/// An error without a JavaScript value and without a place.
pub(crate) fn unplaced(code: &str, name: &str, message: String) -> ScriptError {
    ScriptError {
        code: code.to_owned(),
        name: name.to_owned(),
        message,
        file: None,
        line: 0,
        column: 0,
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
        let found = modules::last_refused().and_then(|(importer, specifier)| {
            let importer = file(|file| file.internal_name == importer)?;
            let position = importer.find_specifier(&specifier);
            Some((name_of(&importer), position))
        });
        let (file, position) = found.unwrap_or_default();
        error.file = file;
        error.line = position.line;
        error.column = position.column;
    }
    error
}

/// The author's frames in the text of a stack: `at name (file:line:column)`, or
/// `at file:line:column` where a syntax error is.
pub(crate) fn frames(stack: &str) -> Vec<Frame> {
    stack.lines().filter_map(frame).collect()
}

/// Where in the script itself the first of its frames in the text of a stack is.
pub(crate) fn place_in_script(stack: &str) -> Position {
    let frames = frames(stack);
    let own = frames.iter().find(|frame| !frame.file.is_module);
    own.map(|frame| frame.position).unwrap_or_default()
}

fn frame(line: &str) -> Option<Frame> {
    let place = line.trim().strip_prefix("at ")?.trim_end_matches(')');
    let (place, column) = place.rsplit_once(':')?;
    let (place, line) = place.rsplit_once(':')?;
    let in_file = |file: &Author| {
        let before = place.strip_suffix(file.internal_name.as_str())?;
        let function = before.strip_suffix(" (").unwrap_or(before);
        // `./a/b.js` ends as `b.js` does.
        (function.len() < before.len() || before.is_empty()).then(|| function.to_owned())
    };
    let file = file(|file| in_file(file).is_some())?;
    let function = in_file(&file)?;
    let position = file.position(line.parse().ok()?, column.parse().ok()?);
    Some(Frame { function, file, position })
}

fn print(frames: &[Frame]) -> String {
    let lines: Vec<_> = frames
        .iter()
        .map(|Frame { function, file, position }| {
            let function = if function.is_empty() { "<anonymous>" } else { function };
            let Position { line, column } = position;
            format!("at {function} ({}:{line}:{column})", file.file_name)
        })
        .collect();
    lines.join("\n")
}

fn field<'js, T: FromJs<'js>>(description: &Array<'js>, index: usize) -> Option<T> {
    description.get::<Option<T>>(index).ok().flatten()
}
