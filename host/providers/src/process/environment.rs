//! The environment of a child.
//!
//! Owns: the list of variables that every agent's program gets. Never: sets a value of
//! its own, or passes on a variable that is neither allowed nor set, so that one vendor's
//! keys do not reach another vendor's program.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

/// What any program needs to run, find its own files, speak the user's language and get
/// through the user's proxy. `*` stands for any ending.
const BASE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "XDG_*",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// Environment of a child: the variables that are allowed or set, and no others.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    vars: BTreeMap<OsString, OsString>,
}

/// Shows the names alone: values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process with one of these names, and those that any program
    /// needs. A name may end in `*`.
    pub(crate) fn allowing(names: &[&str]) -> Self {
        Self::default().also(BASE).also(names)
    }

    /// Adds this process's variables with these names, such as those that the user's
    /// settings allow.
    pub(crate) fn also<T: AsRef<str>>(self, names: &[T]) -> Self {
        self.also_from(std::env::vars_os(), names)
    }

    fn also_from<T: AsRef<str>>(
        mut self,
        vars: impl Iterator<Item = (OsString, OsString)>,
        names: &[T],
    ) -> Self {
        let allowed = vars.filter(|(name, _)| names.iter().any(|one| covers(one.as_ref(), name)));
        self.vars.extend(allowed);
        self
    }

    /// Sets a variable, in place of an allowed one of the same name.
    pub(crate) fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// Sets the variables of the user's settings.
    pub(crate) fn from(mut self, vars: &BTreeMap<String, String>) -> Self {
        self.vars.extend(vars.iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The names of all variables. A name that is not UTF-8 is left out.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.vars.keys().filter_map(|name| name.to_str().map(str::to_owned)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.vars.iter()
    }
}

fn covers(pattern: &str, name: &OsStr) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.as_encoded_bytes().starts_with(start.as_bytes()),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(environment: &Environment) -> Vec<&str> {
        environment.iter().map(|(name, _)| name.to_str().unwrap()).collect()
    }

    #[test]
    fn only_allowed_and_set_variables_are_there() {
        let outer = ["PATH", "LC_ALL", "LC_", "PATHS", "VENDOR_KEY", "OTHER_KEY", "path"]
            .map(|name| (OsString::from(name), OsString::from("1")));
        let environment = Environment::default()
            .also_from(outer.iter().cloned(), BASE)
            .also_from(outer.iter().cloned(), &["VENDOR_*"])
            .set("GIVEN", "2")
            .from(&BTreeMap::from([("CONFIGURED".to_owned(), "3".to_owned())]));
        assert_eq!(
            names(&environment),
            ["CONFIGURED", "GIVEN", "LC_", "LC_ALL", "PATH", "VENDOR_KEY"]
        );
    }

    #[test]
    fn set_variables_win_and_values_are_not_shown() {
        let environment = Environment::allowing(&[]).set("PATH", "secret");
        let path = environment.iter().find(|(name, _)| *name == "PATH");
        assert_eq!(path.map(|(_, value)| value.as_os_str()), Some(OsStr::new("secret")));
        assert!(!format!("{environment:?}").contains("secret"));
    }
}
