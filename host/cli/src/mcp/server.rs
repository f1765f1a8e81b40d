//! The handler of the protocol: which request goes to which tool.
//!
//! Owns: the bound of calls at once, and what clients are told about the server. Never:
//! what a tool does.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, GetTaskParams, GetTaskResult,
    Implementation, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities,
    ServerConfig, UpdateTaskParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::call::{Answer, Call, client_of, refusal};
use super::shared::Shared;
use super::{answer, find, messages, result, run, status, tasks, tools, workflow_tools};

/// The tool that ends work.
const STOP: &str = "workflow_stop";

const TOO_MANY: &str = "too many calls are at work; call again later";

fn too_many() -> ErrorData {
    ErrorData::internal_error(TOO_MANY, None)
}

/// Serves clients.
#[derive(Clone)]
pub(super) struct Server {
    shared: Arc<Shared>,
}

impl Server {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Answers a call.
    async fn answer(&self, call: &Call) -> Answer {
        let shared = &self.shared;
        if let Some(why) = tools::why_not(&call.tool, &shared.offer) {
            return Err(why.to_owned());
        }
        match call.tool.as_str() {
            "workflow_list" => find::list(shared, call).await,
            "workflow_check" => find::check(shared, call).await,
            "workflow_plan" => find::plan(shared, call).await,
            "workflow_run" => run::run(shared, call).await,
            "workflow_status" => status::status(shared, call).await,
            "workflow_result" => result::read(shared, call).await,
            "workflow_answer" => answer::give(shared, call).await,
            STOP => messages::stop(shared, call).await,
            "workflow_message" => messages::message(shared, call).await,
            other => match workflow_tools::start(shared, call).await {
                Some(answer) => answer,
                None => Err(format!("there is no tool `{other}`")),
            },
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tasks().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("smol-wf", env!("CARGO_PKG_VERSION")))
            .with_instructions(tools::INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut tools = tools::tools(&self.shared.offer);
        if self.shared.offer.workflow_tools && !self.shared.offer.read_only {
            let _right = self.shared.begin_call().ok_or_else(too_many)?;
            let call = Call::new("tools/list".to_owned(), None, None, &context);
            tools.extend(workflow_tools::offered(&self.shared, &call).await);
        }
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.into_owned();
        let call = Call::new(name, request.arguments, request.input_responses, &context);
        let right = self.shared.begin_call();
        // What ends work is never kept waiting by what waits for it.
        if right.is_none() && call.tool != STOP {
            return Ok(refusal(TOO_MANY).into());
        }
        // A call that its client cancels ends; a run that it has started goes on.
        let answer = tokio::select! {
            answer = self.answer(&call) => answer,
            () = context.ct.cancelled() => Err("cancelled".to_owned()),
        };
        Ok(answer.unwrap_or_else(|sentence| refusal(&sentence).into()))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let _right = self.shared.begin_call().ok_or_else(too_many)?;
        let call = Call::new("tasks/get".to_owned(), None, None, &context);
        let task = tasks::get(&self.shared, &request.task_id, call.can_ask_person()).await?;
        Ok(GetTaskResult::new(task))
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let call = Call::new("tasks/update".to_owned(), None, None, &context);
        let from = (call.client.as_str(), call.can_ask_person());
        tasks::update(&self.shared, &request.task_id, from, request.input_responses).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        tasks::cancel(&self.shared, &request.task_id, &client_of(&context)).await
    }
}
