//! The types of scripts, as a file for an editor.
//!
//! Owns: its name, and the settings that make an editor find it.
//! Never: the types; those are a file of `ts/sdk`.

use std::path::Path;

use crate::new_files::{NewFile, Replaces};

/// The file of the SDK with the types of scripts; it needs no other.
const TYPES: (&str, &str) = ("workflow.d.ts", include_str!("../types/workflow.d.ts"));

/// The folder of the types, beside the workflows.
pub(crate) const FOLDER: &str = "types";

/// Settings for an editor, and for `tsc -p .agents/workflows/jsconfig.json`. Types of
/// packages would be those of Node, which scripts do not have. TypeScript has no grammar
/// for a body with `return` at top level, so it looks at modules alone.
const JSCONFIG: &str = r#"{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023"],
    "module": "esnext",
    "moduleResolution": "bundler",
    "moduleDetection": "force",
    "strict": true,
    "noEmit": true,
    "allowImportingTsExtensions": true,
    "types": [],
    "paths": { "@smol-wf/sdk": ["./types/workflow.d.ts"] }
  },
  "include": ["*.mjs", "*.ts", "*.mts", "types/*.d.ts"]
}
"#;

/// The file with types, for this folder. An older version of it is replaced.
pub(crate) fn file(folder: &Path) -> NewFile {
    let (name, text) = TYPES;
    NewFile::new(folder.join(name), text).replacing(Replaces::SameFirstLine)
}

/// The settings of an editor for a folder of workflows.
pub(crate) fn jsconfig(workflows: &Path) -> NewFile {
    NewFile::new(workflows.join("jsconfig.json"), JSCONFIG.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_are_those_of_the_sdk() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ts/sdk");
        let (name, text) = TYPES;
        assert_eq!(text, std::fs::read_to_string(sdk.join(name)).unwrap());
    }
}
