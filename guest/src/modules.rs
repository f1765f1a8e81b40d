//! What an `import` finds: the prelude's own files while the guest is built,
//! and afterwards `workflow:extra` and nothing else.
//!
//! Never reads a file.

use std::cell::RefCell;

use javy::quickjs::loader::{ImportAttributes, Loader, Resolver};
use javy::quickjs::module::Declared;
use javy::quickjs::{Ctx, Error, Module, Result, Runtime, Value};

use crate::engine::{self, Entry};
use crate::surface;

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
    static REFUSED: RefCell<Option<String>> = const { RefCell::new(None) };
}

pub(crate) fn prelude_main() -> &'static str {
    include_str!("../js/main.js")
}

/// The specifier that was refused last.
pub(crate) fn last_refused() -> Option<String> {
    REFUSED.with_borrow(Clone::clone)
}

/// While the guest is built.
pub(crate) fn allow_prelude(quickjs: &Runtime) {
    quickjs.set_loader(Prelude, Table(&PRELUDE));
}

/// From then on.
pub(crate) fn allow_author(quickjs: &Runtime) {
    quickjs.set_loader(Author, Virtual);
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

struct Author;

impl Resolver for Author {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        _: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if VIRTUAL.iter().any(|(known, _)| *known == name) {
            return Ok(name.to_owned());
        }
        let known: Vec<_> = VIRTUAL.iter().map(|(known, _)| format!("`{known}`")).collect();
        let message = format!(
            "cannot import `{name}`: a workflow can import {} and nothing else. Bundle other code \
             into the script, for example with `esbuild --bundle --format=esm \
             --external:workflow:*`",
            known.join(", "),
        );
        REFUSED.set(Some(name.to_owned()));
        let error: Value<'js> = engine::entry(ctx, Entry::ImportError)?.call((message,))?;
        Err(ctx.throw(error))
    }
}

struct Virtual;

impl Loader for Virtual {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
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
