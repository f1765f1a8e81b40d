//! The choice of provider, model and effort for a step.
//!
//! Owns: the form of a model selector, `id[?provider=…&thinking=…]`, aliases, and which
//! of several settings wins. Never: knows which providers exist.

mod addressee;

use crate::cut;
use crate::journal::RunHead;
use crate::step_request::{AgentRequest, Permissions};
pub use addressee::Addressee;

/// Longest selector, in bytes: ids of models are a tenth of this.
const SELECTOR_BYTES_MAX: usize = 512;

/// A model by id, and optionally its provider and effort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The provider's name of the model, or an alias.
    pub id: String,
    /// The provider to ask.
    pub provider: Option<String>,
    /// Reasoning effort.
    pub thinking: Option<String>,
}

/// A text that is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a model: {reason}; a model reads ID or ID?provider=NAME&thinking=LEVEL")]
pub struct SelectorError {
    /// The text, cut.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Selector {
    /// Reads `id[?provider=…&thinking=…]`.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        const SHOWN_CHARS: usize = 80;
        Self::read(text).map_err(|reason| SelectorError {
            text: cut::head_chars(text, SHOWN_CHARS).to_owned(),
            reason,
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        if text.len() > SELECTOR_BYTES_MAX {
            return Err(format!("it is longer than {SELECTOR_BYTES_MAX} bytes"));
        }
        let (id, choices) =
            text.split_once('?').map_or((text, None), |(id, rest)| (id, Some(rest)));
        if id.trim().is_empty() || id.chars().any(char::is_control) {
            return Err("it names no model".to_owned());
        }
        let mut selector = Self { id: id.to_owned(), provider: None, thinking: None };
        for choice in choices.into_iter().flat_map(|rest| rest.split('&')) {
            let (key, value) = choice.split_once('=').unwrap_or((choice, ""));
            let slot = match key {
                "provider" => &mut selector.provider,
                "thinking" => &mut selector.thinking,
                _ => return Err(format!("`{key}` is none of provider and thinking")),
            };
            if value.is_empty() {
                return Err(format!("`{key}` has no value"));
            }
            if slot.replace(value.to_owned()).is_some() {
                return Err(format!("`{key}` is given twice"));
            }
        }
        Ok(selector)
    }

    /// The selector of this text, with aliases resolved. Settings beside an alias win
    /// over those of the alias.
    ///
    /// # Errors
    /// When it, or what an alias stands for, has another form.
    pub fn resolve(text: &str, aliases: &[(String, String)]) -> Result<Self, SelectorError> {
        // The last definition wins, as with flags.
        let meaning = |name: &str| {
            aliases.iter().rev().find(|(alias, _)| alias == name).map(|(_, text)| text.as_str())
        };
        if let Some(whole) = meaning(text) {
            return Self::parse(whole);
        }
        let asked = Self::parse(text)?;
        let Some(meant) = meaning(&asked.id) else { return Ok(asked) };
        let meant = Self::parse(meant)?;
        Ok(Self {
            id: meant.id,
            provider: asked.provider.or(meant.provider),
            thinking: asked.thinking.or(meant.thinking),
        })
    }
}

/// The provider, model and effort of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The provider.
    pub provider: String,
    /// The model; none leaves it to the provider.
    pub model: Option<String>,
    /// The effort; none leaves it to the provider.
    pub effort: Option<String>,
    /// The agent's permissions on files; none leaves them to the provider.
    pub permissions: Option<Permissions>,
    /// The `provider=` of the model's selector. If no provider has this name, it is the
    /// vendor of the model.
    pub named_by_model: Option<String>,
    /// The provider to ask if `named_by_model` is a vendor.
    pub else_provider: String,
    /// The vendor of the model, if `named_by_model` was read as one.
    pub vendor: Option<String>,
}

impl Choice {
    /// The same choice, with the selector's `provider=` read as the model's vendor.
    #[must_use]
    pub fn with_vendor(self) -> Self {
        let Self { model: Some(model), named_by_model: Some(vendor), .. } = &self else {
            return self;
        };
        let prefix = format!("{vendor}/");
        let model = match model.starts_with(&prefix) {
            true => model.clone(),
            false => format!("{prefix}{model}"),
        };
        let (provider, vendor) = (self.else_provider.clone(), Some(vendor.clone()));
        Self { provider, vendor, model: Some(model), ..self }
    }

    /// Who is asked, for the journal; none if the request and the head determine it.
    #[must_use]
    pub fn addressee(&self) -> Option<Addressee> {
        let vendor = self.vendor.clone()?;
        Some(Addressee { provider: self.provider.clone(), vendor })
    }
}

/// The choice for a step of this run: options of the step win over its model's
/// selector, and that wins over defaults of the run.
///
/// # Errors
/// When its model is not a valid selector.
pub fn choose(request: &AgentRequest, head: &RunHead) -> Result<Choice, SelectorError> {
    let selector = selector_of(request.model.as_ref().or(head.defaults.model.as_ref()), head)?;
    let (id, of_model, thinking) = match selector {
        Some(Selector { id, provider, thinking }) => (Some(id), provider, thinking),
        None => (None, None, None),
    };
    let provider = request.provider.clone().or_else(|| of_model.clone());
    let beside_it = request.provider.as_ref().or(request.phase_provider.as_ref());
    Ok(Choice {
        provider: provider.unwrap_or_else(|| head.provider.clone()),
        named_by_model: of_model,
        else_provider: beside_it.unwrap_or(&head.provider).clone(),
        vendor: None,
        model: id,
        effort: request.effort.clone().or(thinking).or_else(|| head.defaults.effort.clone()),
        permissions: request.permissions.or(head.defaults.permissions),
    })
}

/// Whether the model of a request names a provider, so that no default may.
pub(crate) fn names_provider(request: &AgentRequest, head: &RunHead) -> bool {
    selector_of(request.model.as_ref(), head)
        .is_ok_and(|selector| selector.is_some_and(|selector| selector.provider.is_some()))
}

fn selector_of(text: Option<&String>, head: &RunHead) -> Result<Option<Selector>, SelectorError> {
    text.map(|text| Selector::resolve(text, &head.model_map)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, aliases: &[(&str, &str)]) -> Selector {
        let aliases: Vec<_> = aliases.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        Selector::resolve(text, &aliases).unwrap()
    }

    #[test]
    fn selectors_are_read() {
        let full = Selector::parse("anthropic/x-4[1m]?provider=pi&thinking=high").unwrap();
        assert_eq!(full.id, "anthropic/x-4[1m]");
        assert_eq!(
            (full.provider.as_deref(), full.thinking.as_deref()),
            (Some("pi"), Some("high"))
        );
        for (text, part) in [
            ("", "names no model"),
            ("?provider=pi", "names no model"),
            ("a?", "`` is none of"),
            ("a?color=red", "`color` is none of"),
            ("a?provider=", "no value"),
            ("a?thinking", "no value"),
            ("a?provider=x&provider=y", "given twice"),
        ] {
            let error = Selector::parse(text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("ID?provider"), "{text}: {error}");
        }
    }

    #[test]
    fn aliases_are_resolved_and_settings_beside_them_win() {
        let aliases = [("fast", "old"), ("fast", "new?provider=pi&thinking=low")];
        assert_eq!(resolved("fast", &aliases).id, "new");
        let beside = resolved("fast?thinking=high", &aliases);
        assert_eq!((beside.id.as_str(), beside.thinking.as_deref()), ("new", Some("high")));
        assert_eq!(beside.provider.as_deref(), Some("pi"));
        assert_eq!(resolved("other", &aliases).id, "other");
    }
}
