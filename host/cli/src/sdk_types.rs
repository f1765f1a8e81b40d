//! The types of scripts, as files for an editor.
//!
//! Owns: which files they are, and the settings that make an editor find them.
//! Never: the types; those are the files of `ts/sdk`.

use std::path::Path;

use crate::new_files::NewFile;

/// The files of the SDK with types (tested to be all).
const FILES: [(&str, &str); 2] = [
    ("index.d.ts", include_str!("../types/index.d.ts")),
    ("modules.d.ts", include_str!("../types/modules.d.ts")),
];

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
    "types": [],
    "paths": { "@smol-wf/sdk": ["./types/index.d.ts"] }
  },
  "include": ["*.mjs", "types/*.d.ts"]
}
"#;

/// The files with types, for this folder. An older version of them is replaced.
pub(crate) fn files(folder: &Path) -> impl Iterator<Item = NewFile> + '_ {
    FILES.iter().map(|(name, text)| NewFile {
        path: folder.join(name),
        text: (*text).to_owned(),
        renews: true,
    })
}

/// The settings of an editor for a folder of workflows.
pub(crate) fn jsconfig(workflows: &Path) -> NewFile {
    NewFile::new(workflows.join("jsconfig.json"), JSCONFIG.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_types_of_the_sdk_are_in_the_program() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ts/sdk");
        let manifest = std::fs::read_to_string(sdk.join("package.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let packed = manifest["files"].as_array().unwrap().iter();
        let types: Vec<&str> = packed
            .filter_map(|name| name.as_str())
            .filter(|name| name.ends_with(".d.ts"))
            .collect();
        assert_eq!(types, FILES.map(|(name, _)| name));
        for (name, text) in FILES {
            assert_eq!(text, std::fs::read_to_string(sdk.join(name)).unwrap(), "{name}");
        }
    }
}
