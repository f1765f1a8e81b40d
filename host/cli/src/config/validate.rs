//! Settings that read well and yet cannot work.
//!
//! Owns: telling them from others before a run is started, with the place that
//! says so. Never: checks the value of a flag; the command with the flag does.

use std::path::Path;

use smol_wf_core::near;
use smol_wf_core::prices::PriceTable;
use smol_wf_core::selector::Selector;

use super::{AUTO, ConfigError, Key, Origin, ProviderKind, Settings, Sourced, Value};
use crate::setup;

impl Settings {
    /// Checks what a run needs: the provider, the provider of the default model,
    /// and the file of prices. Fails with the place of the setting.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(Sourced { value: Value::Text(name), origin }) = self.get(Key::Provider) {
            self.check_provider(Key::Provider, name, origin)?;
        }
        if let Some((name, origin)) = self.provider_of_model() {
            self.check_provider(Key::Model, &name, &origin)?;
        }
        if let Some(Sourced { value: Value::Path(file), origin }) = self.get(Key::Prices) {
            read_prices(file).map_err(|why| wrong(Key::Prices, origin, why)).or_else(none_is_ok)?;
        }
        Ok(())
    }

    /// The provider that the default model names, and the origin of that setting.
    pub(crate) fn provider_of_model(&self) -> Option<(String, Origin)> {
        let Sourced { value: Value::Text(text), origin } = self.get(Key::Model)? else {
            return None;
        };
        let aliases: Vec<(String, String)> = self
            .model_map
            .iter()
            .map(|(alias, given)| (alias.clone(), given.value.clone()))
            .collect();
        let provider = Selector::resolve(text, &aliases).ok()?.provider?;
        let names_provider = Selector::parse(text).is_ok_and(|own| own.provider.is_some());
        let alias = text.split('?').next().and_then(|id| self.model_map.get(id));
        let origin = alias.filter(|_| !names_provider).map_or(origin, |alias| &alias.origin);
        Some((provider, origin.clone()))
    }

    /// Fails if no enabled provider has this name, unless it may be a vendor, or
    /// one that an untrusted project defines.
    fn check_provider(&self, key: Key, name: &str, origin: &Origin) -> Result<(), ConfigError> {
        let built_in = ProviderKind::BUILT_IN.iter().any(|kind| kind.word() == name);
        let why = match self.providers.get(name) {
            Some(given) if given.value.enabled => return Ok(()),
            Some(_) => "the provider of this name is not enabled".to_owned(),
            None if built_in || name == AUTO || name == super::DEBUG => return Ok(()),
            // It exists as soon as the project is trusted; a warning says so.
            None if self.is_of_untrusted(name) => return Ok(()),
            // Otherwise the name is a vendor of models.
            None if key == Key::Model && crate::agents::takes_vendors(self) => return Ok(()),
            None => {
                let there = self.providers.iter().filter(|(_, given)| given.value.enabled);
                let there = there.map(|(name, _)| name.as_str());
                let built_in = ProviderKind::BUILT_IN.iter().map(|kind| kind.word());
                let names: std::collections::BTreeSet<&str> = there.chain(built_in).collect();
                let meant = near::suggestion(name, names.iter().copied());
                let names = names.into_iter().collect::<Vec<_>>().join(", ");
                format!("unknown provider `{name}`; available: {AUTO}, debug, {names}{meant}")
            }
        };
        none_is_ok(wrong(key, origin, why))
    }

    /// Whether an untrusted project defines a provider with this name.
    fn is_of_untrusted(&self, name: &str) -> bool {
        let ignored = self.project_file.iter().flat_map(|project| &project.ignored);
        ignored.into_iter().any(|one| {
            one.strip_prefix(super::PROVIDERS).and_then(|rest| rest.strip_prefix('.')) == Some(name)
        })
    }
}

/// The error, if the setting comes from a file or a variable. Flags and defaults
/// are checked elsewhere.
fn wrong(key: Key, origin: &Origin, reason: String) -> Option<ConfigError> {
    match origin {
        Origin::Project { place } | Origin::User { place } => {
            let (place, name) = (place.clone(), key.name().to_owned());
            Some(ConfigError::Value { place, name, reason })
        }
        Origin::Variable(variable) => Some(ConfigError::Variable { variable, reason }),
        Origin::Flag(_) | Origin::Default => None,
    }
}

/// Success without a complaint.
fn none_is_ok(complaint: Option<ConfigError>) -> Result<(), ConfigError> {
    complaint.map_or(Ok(()), Err)
}

/// Fails with a reason if the file of prices cannot be used.
fn read_prices(file: &Path) -> Result<(), String> {
    let text = setup::prices_text(file)
        .map_err(|error| format!("the file of prices cannot be read: {error}"))?;
    PriceTable::parse(&text).map(|_| ()).map_err(|error| format!("the file of prices: {error}"))
}
