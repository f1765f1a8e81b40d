//! The tool by which pi gives a structured answer.
//!
//! Owns: the text of an extension. Never: checks the answer; pi does against
//! the schema, and the caller again.

use serde_json::Value;

/// The tool's name.
pub(super) const TOOL: &str = "structured_output";

/// The extension, with `SCHEMA` in the place of the schema's text, as a string:
/// an object's literal would take a property named `__proto__` for something
/// else. It needs no module and no compiler.
const SOURCE: &str = r#"const schema = JSON.parse(SCHEMA);
export default function (pi) {
  pi.registerTool({
    name: "structured_output",
    label: "Structured output",
    description: "Gives the final answer. Call it once, as the last thing you do, instead of answering in text.",
    parameters: schema,
    async execute(_id, answer) {
      return { content: [{ type: "text", text: "The answer is taken." }], details: answer, terminate: true };
    },
  });
}
"#;

/// The extension for answers that satisfy this schema.
pub(super) fn source(schema: &Value) -> String {
    SOURCE.replacen("SCHEMA", &Value::String(schema.to_string()).to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_in_it_whatever_it_holds() {
        let schema = serde_json::json!({"const": "SCHEMA `${x}` \" \u{2028}", "__proto__": 1});
        let text = source(&schema);
        let quoted = text.strip_prefix("const schema = JSON.parse(").unwrap();
        let quoted = &quoted[..quoted.find(");\n").unwrap()];
        let inner: String = serde_json::from_str(quoted).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&inner).unwrap(), schema);
        assert!(text.contains(&format!("name: \"{TOOL}\"")));
    }
}
