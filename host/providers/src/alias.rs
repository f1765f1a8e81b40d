//! A provider under a name that its user has chosen.
//!
//! Owns: the name, also in errors. Never: changes anything else. Two accounts with one
//! agent are two aliases.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Activity, AgentReply, AgentTask, Capabilities, Probe, Processes, Provider, ProviderError,
};

/// Another provider under a name of its own.
pub struct ProviderAlias {
    name: String,
    inner: Arc<dyn Provider>,
}

impl ProviderAlias {
    /// The provider `inner` under this name.
    #[must_use]
    pub fn new(name: impl Into<String>, inner: Arc<dyn Provider>) -> Self {
        Self { name: name.into(), inner }
    }
}

#[async_trait]
impl Provider for ProviderAlias {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        let answered = self.inner.attempt(task, activity).await;
        answered.map_err(|error| ProviderError { provider: self.name.clone(), ..error })
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        self.inner.probe(processes).await
    }

    fn glance(&self) -> Probe {
        self.inner.glance()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;
    use crate::debug::Debug;

    #[test]
    fn an_alias_and_its_provider_can_be_registered_together() {
        let inner: Arc<dyn Provider> = Arc::new(Debug::new());
        let both =
            Registry::new().with(inner.clone()).with(Arc::new(ProviderAlias::new("echo", inner)));
        assert_eq!(both.names().collect::<Vec<_>>(), ["debug", "echo"]);
        let (debug, echo) = (both.get("debug").unwrap(), both.get("echo").unwrap());
        assert_eq!(debug.capabilities(), echo.capabilities());
    }
}
