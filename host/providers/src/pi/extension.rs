//! What pi gets by an extension: the tool for a structured answer, and text for its
//! system prompt.
//!
//! Owns: the text of the extension. Never: checks the answer; pi does so against the
//! schema, and the caller again.

use serde_json::Value;

/// The tool's name.
pub(super) const TOOL: &str = "structured_output";

/// The extension, with JSON in the places of `SCHEMA` and `SYSTEM`. The schema is a
/// string, because an object literal would treat a property named `__proto__`
/// differently. It needs no module and no compiler.
///
/// pi's flag for the system prompt would replace the user's own `APPEND_SYSTEM.md`, and
/// reads a file if the text is the name of one.
const SOURCE: &str = r#"const schema = SCHEMA;
const system = SYSTEM;
export default function (pi) {
  if (system !== null) {
    pi.on("before_agent_start", async (event) => ({ systemPrompt: event.systemPrompt + "\n\n" + system }));
  }
  if (schema === null) return;
  pi.registerTool({
    name: "structured_output",
    label: "Structured output",
    description: "Gives the final answer. Call it once, as the last thing you do, instead of answering in text.",
    parameters: JSON.parse(schema),
    async execute(_id, answer) {
      return { content: [{ type: "text", text: "The answer is taken." }], details: answer, terminate: true };
    },
  });
}
"#;

/// The extension for answers that satisfy this schema, and for this system prompt.
pub(super) fn source(schema: Option<&Value>, system: Option<&str>) -> String {
    let schema = Value::from(schema.map(Value::to_string)).to_string();
    let system = Value::from(system).to_string();
    let (before, rest) = SOURCE.split_once("SCHEMA").unwrap_or((SOURCE, ""));
    let (between, after) = rest.split_once("SYSTEM").unwrap_or((rest, ""));
    [before, &schema, between, &system, after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_in_it_whatever_it_holds() {
        let schema = serde_json::json!({"const": "SCHEMA `${x}` \" \u{2028}", "__proto__": 1});
        let text = source(Some(&schema), Some("a \"SYSTEM\" `x`\n"));
        let quoted = |name: &str| {
            let text = text.split_once(&format!("const {name} = ")).unwrap().1;
            serde_json::from_str::<String>(text.split_once(";\n").unwrap().0).unwrap()
        };
        assert_eq!(serde_json::from_str::<Value>(&quoted("schema")).unwrap(), schema);
        assert_eq!(quoted("system"), "a \"SYSTEM\" `x`\n");
        assert!(text.contains(&format!("name: \"{TOOL}\"")));
        let none = source(None, None);
        assert!(none.starts_with("const schema = null;\nconst system = null;\n"), "{none}");
    }
}
