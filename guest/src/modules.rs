//! What an `import` finds: the prelude's own files while the guest is built,
//! and afterwards `workflow:extra` and the modules that the host has given.
//!
//! Never reads a file. `import()` finds `workflow:extra` alone: it runs when the
//! modules are loaded already.

use std::cell::{Cell, RefCell};

use std::rc::Rc;

use javy::quickjs::loader::{ImportAttributes, Loader, Resolver};
use javy::quickjs::module::Declared;
use javy::quickjs::{Ctx, Error, Module, Result, Runtime, Value};

use crate::author::Author;
use crate::engine::{self, Entry};
use crate::{failure, surface};

pub(crate) const PRELUDE_MAIN: &str = "smol:main";

const PRELUDE: [(&str, &str); 12] = [
    ("smol:primordials", include_str!("../js/primordials.js")),
    ("smol:errors", include_str!("../js/errors.js")),
    ("smol:json", include_str!("../js/json.js")),
    ("smol:calls", include_str!("../js/calls.js")),
    ("smol:groups", include_str!("../js/groups.js")),
    ("smol:surface", include_str!("../js/surface.js")),
    ("smol:warnings", include_str!("../js/warnings.js")),
    ("smol:timers", include_str!("../js/timers.js")),
    ("smol:kinds", include_str!("../js/kinds.js")),
    ("smol:values", include_str!("../js/values.js")),
    ("smol:locale", include_str!("../js/locale.js")),
    ("smol:globals", include_str!("../js/globals.js")),
];

/// What a script may import. `SW` is fixed, so this needs no more than its name.
const VIRTUAL: [(&str, &str); 1] = [(
    "workflow:extra",
    "export const { sleep, approve, ask, waitFor } = SW.extra; export default SW.extra;",
)];

/// The same under surfaces 2 and 3.
const VIRTUAL_SECOND: [(&str, &str); 1] =
    [("workflow:extra", "export const sleep = SW.sleep; export default SW.extra;")];

/// The same under surface 1.
const VIRTUAL_FIRST: [(&str, &str); 1] = [("workflow:extra", "export const sleep = SW.sleep;")];

thread_local! {
    /// What refused it, and the specifier.
    static REFUSED: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
    /// Whether the script is being compiled: then nothing of it runs, and every
    /// import is one at the top of a file.
    static COMPILES: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn prelude_main() -> &'static str {
    include_str!("../js/main.js")
}

/// The import that was refused last: what QuickJS calls its file, and the specifier.
pub(crate) fn last_refused() -> Option<(String, String)> {
    REFUSED.with_borrow(Clone::clone)
}

/// Compiles a file of the author's, with the modules that it imports.
pub(crate) fn declare<'js>(
    ctx: &Ctx<'js>,
    author: &Author,
    text: &str,
) -> Result<Module<'js, Declared>> {
    COMPILES.set(true);
    let declared = Module::declare(ctx.clone(), author.internal_name.as_str(), text);
    COMPILES.set(false);
    declared
}

/// While the guest is built.
pub(crate) fn allow_prelude(quickjs: &Runtime) {
    quickjs.set_loader(Prelude, Table(&PRELUDE));
}

/// From then on.
pub(crate) fn allow_author(quickjs: &Runtime) {
    quickjs.set_loader(Given, Given);
}

struct Prelude;

impl Resolver for Prelude {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        _: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        Ok(name.to_owned())
    }
}

struct Given;

impl Resolver for Given {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if VIRTUAL.iter().any(|(known, _)| *known == name) {
            return Ok(name.to_owned());
        }
        if let Some(found) = module_at(base, name).filter(|_| COMPILES.get()) {
            return Ok(found.internal_name.clone());
        }
        let known: Vec<_> = VIRTUAL.iter().map(|(known, _)| format!("`{known}`")).collect();
        let message = format!(
            "cannot import `{name}`: a workflow can import {} and nothing else. Bundle other code \
             into the script, for example with `esbuild --bundle --format=esm \
             --external:workflow:*`",
            known.join(", "),
        );
        REFUSED.set(Some((base.to_owned(), name.to_owned())));
        let error: Value<'js> = engine::entry(ctx, Entry::ImportError)?.call((message,))?;
        Err(ctx.throw(error))
    }
}

/// The file that an import in the file `base` means.
fn module_at(base: &str, specifier: &str) -> Option<Rc<Author>> {
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return None;
    }
    let importer = failure::file(|file| file.internal_name == base)?;
    let path = importer.resolve(specifier)?;
    failure::file(|file| file.path == path)
}

impl Loader for Given {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        if let Some(file) = failure::file(|file| file.is_module && file.internal_name == name) {
            return Module::declare(ctx.clone(), name, file.text.as_str());
        }
        let table = match surface::sees(4) {
            true => &VIRTUAL,
            false if surface::sees(2) => &VIRTUAL_SECOND,
            false => &VIRTUAL_FIRST,
        };
        Table(table).load(ctx, name, attributes)
    }
}

struct Table(&'static [(&'static str, &'static str)]);

impl Loader for Table {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let (name, text) = found.ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), *name, *text)
    }
}
