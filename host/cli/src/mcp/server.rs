//! The handler of the protocol: which request goes to which tool.
//!
//! Owns: the bound of calls at once, and what clients are told about the server. Never:
//! what a tool does.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CustomRequest, CustomResult,
    GetTaskParams, GetTaskResult, Implementation, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ServerCapabilities, ServerConfig, UpdateTaskParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::call::{Answer, Call, refusal};
use super::rights::{Right, TOO_MANY};
use super::shared::Shared;
use super::{answer, find, messages, result, run, status, tasks, tools, unfit, workflow_tools};

/// The tool that ends work.
const STOP: &str = "workflow_stop";

/// Serves clients.
#[derive(Clone)]
pub(super) struct Server {
    shared: Arc<Shared>,
}

impl Server {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The right to work. Fails if too many calls are at work.
    async fn right(&self, stops: bool) -> Result<Right, ErrorData> {
        let right = self.shared.rights.begin_call(stops).await;
        right.ok_or_else(|| ErrorData::internal_error(TOO_MANY, None))
    }

    /// A call of no tool.
    async fn call(
        &self,
        what: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<Call, ErrorData> {
        Ok(Call::new(what.to_owned(), None, None, self.right(false).await?, context))
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
            let call = self.call("tools/list", &context).await?;
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
        let Some(right) = self.shared.rights.begin_call(name == STOP).await else {
            return Ok(refusal(TOO_MANY).into());
        };
        let call = Call::new(name, request.arguments, request.input_responses, right, &context);
        // A call that its client cancels ends; a run that it has started goes on.
        let answer = tokio::select! {
            answer = self.answer(&call) => answer,
            () = context.ct.cancelled() => Err("cancelled".to_owned()),
        };
        Ok(answer.unwrap_or_else(|sentence| refusal(&sentence).into()))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(unfit::why(&request.method, request.params.as_ref()))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let call = self.call("tasks/get", &context).await?;
        let task = tasks::get(&self.shared, &request.task_id, call.can_ask_person()).await?;
        Ok(GetTaskResult::new(task))
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let call = self.call("tasks/update", &context).await?;
        tasks::update(&self.shared, &call, &request.task_id, request.input_responses).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let right = self.right(true).await?;
        let call = Call::new("tasks/cancel".to_owned(), None, None, right, &context);
        tasks::cancel(&self.shared, &call, &request.task_id).await
    }
}
