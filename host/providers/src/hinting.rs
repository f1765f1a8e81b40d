//! A provider whose errors say what to do.
//!
//! Owns: which errors get a hint. Never: the words of a hint; the program that embeds this
//! library knows its own commands and settings.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Activity, AgentReply, AgentTask, Capabilities, MissingProgram, Probe, Processes, Provider,
    ProviderError,
};

/// Another provider, with a hint in each of its errors about a missing program.
pub struct HintingProvider {
    inner: Arc<dyn Provider>,
    hint: fn(&MissingProgram) -> String,
}

impl HintingProvider {
    /// The provider `inner`, whose messages end in a colon and a `hint`. Journals and
    /// scripts get the hint too.
    #[must_use]
    pub fn new(inner: Arc<dyn Provider>, hint: fn(&MissingProgram) -> String) -> Self {
        Self { inner, hint }
    }
}

#[async_trait]
impl Provider for HintingProvider {
    fn name(&self) -> &str {
        self.inner.name()
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
        answered.map_err(|error| {
            let hint = error.missing.as_deref().map(self.hint);
            match hint {
                Some(hint) => error.with_hint(&hint),
                None => error,
            }
        })
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        let mut probe = self.inner.probe(processes).await;
        if let (Some(problem), Some(missing)) = (&mut probe.problem, &probe.missing) {
            problem.push_str(": ");
            problem.push_str(&(self.hint)(missing));
        }
        probe
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
    use crate::ConfiguredProgram;
    use crate::command::Command;
    use crate::conformance::task;

    #[tokio::test]
    async fn a_missing_program_is_reported_with_a_hint() {
        let program = ConfiguredProgram {
            name: "mine".to_owned(),
            command: vec!["/no/such/agent".to_owned()],
            ..ConfiguredProgram::default()
        };
        let hint = |missing: &MissingProgram| format!("set `{}`", missing.key);
        let provider = HintingProvider::new(Arc::new(Command::new(program)), hint);
        let said = "there is no program `/no/such/agent`: set `providers.mine.command`";
        let failed = provider.attempt(task("x"), &()).await.unwrap_err();
        assert_eq!((failed.message.as_str(), failed.code().word()), (said, "provider_spawn"));
        let probe = provider.probe(&Processes::new()).await;
        assert_eq!(probe.problem.as_deref(), Some(said));
    }
}
