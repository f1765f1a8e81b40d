//! Lists of public names: a file of lines, and what the program really has.
//!
//! Owns: the comparison. Never: writes a list; whoever adds a name writes it down.

use std::collections::BTreeSet;
use std::path::Path;

/// Fails where a listed name is gone, or where one is not listed.
pub(crate) fn compare(list: &str, derived: &BTreeSet<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/public-names").join(list);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeSet<String> = lines.map(str::to_owned).collect();
    let missing = |of: &BTreeSet<String>, from: &BTreeSet<String>| {
        let names: Vec<&str> = of.difference(from).map(String::as_str).collect();
        names.join("\n")
    };
    let (gone, new) = (missing(&listed, derived), missing(derived, &listed));
    assert!(
        gone.is_empty() && new.is_empty(),
        "public names in tests/public-names/{list}:\n\
         gone, which must not be (programs read them):\n{gone}\n\
         new, to be added to the list:\n{new}"
    );
}
