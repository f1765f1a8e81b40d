//! The list of codes: one line each, with the word, the kind of failure for a shell
//! and over HTTP, and the limit to raise.
//!
//! Owns: these facts about each code. Never: leaves one of them out; the macro requires
//! all.

use super::{ExitClass, HttpClass, Limit};

codes! {
    // Scripts that cannot be read.
    /// A script has more bytes than allowed.
    ScriptTooLarge = "script_too_large", Input, TooLarge, None;
    /// Some bytes of a script are not UTF-8.
    ScriptNotUtf8 = "script_not_utf8", Input, Unprocessable, None;
    /// A script contains a NUL character; it is probably a binary file.
    ScriptNul = "script_nul", Input, Unprocessable, None;
    /// A script is empty, or has only white space.
    ScriptEmpty = "script_empty", Input, Unprocessable, None;
    /// A comment, string or template that never ends.
    ScriptSyntax = "script_syntax", Input, Unprocessable, None;
    /// The script does not compile.
    Syntax = "syntax", Input, Unprocessable, None;
    /// A TypeScript script cannot be parsed.
    TypescriptSyntax = "typescript_syntax", Input, Unprocessable, None;
    /// A script uses TypeScript that is more than a type.
    TypescriptRefused = "typescript_refused", Input, Unprocessable, None;
    /// A TypeScript script is nested too deeply, or too large, to be stripped.
    TypescriptTooDeep = "typescript_too_deep", Input, Unprocessable, None;
    /// The types of a script could not be erased; a defect of the program.
    TypescriptFailed = "typescript_failed", Input, Internal, None;
    /// An import of a module that does not exist here.
    Import = "import", Input, Unprocessable, None;
    /// The script has no `export const meta`.
    MetaMissing = "meta_missing", Input, Unprocessable, None;
    /// `const meta` without `export`.
    MetaNotExported = "meta_not_exported", Input, Unprocessable, None;
    /// `const meta` inside a function or another block.
    MetaNested = "meta_nested", Input, Unprocessable, None;
    /// `export let meta` or `export var meta`.
    MetaNotConst = "meta_not_const", Input, Unprocessable, None;
    /// `export const meta` twice.
    MetaDuplicate = "meta_duplicate", Input, Unprocessable, None;
    /// A value in `meta` would have to be computed.
    MetaNotLiteral = "meta_not_literal", Input, Unprocessable, None;
    /// `as const`, `satisfies` or a type annotation in `meta`.
    MetaTypescript = "meta_typescript", Input, Unprocessable, None;
    /// `meta` is nested too deeply.
    MetaTooDeep = "meta_too_deep", Input, Unprocessable, None;
    /// A key of `meta` is missing or has a value of another type.
    MetaInvalid = "meta_invalid", Input, Unprocessable, None;

    // Scripts and folders that cannot be found.
    /// There is no script of that name or path.
    WorkflowNotFound = "workflow_not_found", Input, NotFound, None;
    /// The path is not a valid path of a script.
    WorkflowPathInvalid = "workflow_path_invalid", Input, Unprocessable, None;
    /// A script, or a link that leads to it, is outside the project.
    WorkflowOutsideProject = "workflow_outside_project", Input, Forbidden, None;
    /// The path of a script leads to a folder, a device or a pipe.
    WorkflowNotAFile = "workflow_not_a_file", Input, Unprocessable, None;
    /// The name is not a valid name of a workflow.
    WorkflowNameInvalid = "workflow_name_invalid", Input, Unprocessable, None;
    /// The system refuses to read a script.
    WorkflowUnreadable = "workflow_unreadable", Input, Unprocessable, None;
    /// The script belongs to another user, in a folder where everyone may put files.
    WorkflowForeign = "workflow_foreign", Input, Forbidden, None;
    /// A path that a run would have to keep is not UTF-8.
    PathNotUtf8 = "path_not_utf8", Input, Unprocessable, None;
    /// The arguments of a workflow cannot be read.
    ArgsInvalid = "args_invalid", Input, Unprocessable, None;
    /// The folder in which agents work does not exist.
    CwdGone = "cwd_gone", Paused, Conflict, None;
    /// The project folder, in which child workflows are found, does not exist.
    ProjectGone = "project_gone", Paused, Conflict, None;

    // The store.
    /// A newer program has written the database.
    StoreNewer = "store_newer", Input, Unavailable, None;
    /// The database belongs to another program.
    StoreForeign = "store_foreign", Input, Unavailable, None;
    /// The tables of the database were changed by another program.
    StoreAltered = "store_altered", Input, Unavailable, None;
    /// A file of the database was removed or replaced.
    StoreReplaced = "store_replaced", Input, Unavailable, None;
    /// The path of the database leads to a folder.
    StoreIsDirectory = "store_is_directory", Input, Unavailable, None;
    /// The path of the database leads to a pipe or a device.
    StoreNotAFile = "store_not_a_file", Input, Unavailable, None;
    /// The database may not be written.
    StoreNotWritable = "store_not_writable", Input, Unavailable, None;
    /// SQLite cannot read the database.
    StoreCorrupt = "store_corrupt", Input, Unavailable, None;
    /// There is no space left for the database.
    StoreDiskFull = "store_disk_full", Input, Unavailable, None;
    /// Another process has the database locked.
    StoreBusy = "store_busy", Input, Unavailable, None;
    /// The system failed to read or write the database.
    StoreIo = "store_io", Input, Unavailable, None;
    /// The SQLite library is too old.
    StoreOldSqlite = "store_old_sqlite", Input, Unavailable, None;
    /// A defect of the store.
    StoreInternal = "store_internal", Input, Internal, None;
    /// A process works on a run of the database.
    StoreInUse = "store_in_use", Input, Conflict, None;
    /// A run with that id exists already.
    RunExists = "run_exists", Input, Conflict, None;
    /// The store has no such run.
    RunNotFound = "run_not_found", Input, NotFound, None;
    /// The holder lost the run.
    RunLost = "run_lost", Input, Conflict, None;
    /// The journal is longer or shorter than its writer expects.
    JournalMovedOn = "journal_moved_on", Input, Conflict, None;
    /// Entries of a journal are missing.
    JournalDamaged = "journal_damaged", Input, Internal, None;
    /// Entries, or a message, that a store does not accept.
    EntriesInvalid = "entries_invalid", Input, Internal, None;
    /// Too many messages wait for a run.
    InboxFull = "inbox_full", Input, TooManyRequests, None;
    /// A message to a run has too many bytes.
    MessageTooLarge = "message_too_large", Input, TooLarge, None;
    /// There is no run with that id.
    RunUnknown = "run_unknown", Input, NotFound, None;
    /// Several run ids begin with that prefix.
    RunAmbiguous = "run_ambiguous", Input, Unavailable, None;
    /// Another process works on the run.
    RunHeld = "run_held", Input, Conflict, None;
    /// The run is over, and takes no more messages.
    RunOver = "run_over", Input, Conflict, None;
    /// The script has not asked for a step of that number.
    StepUnknown = "step_unknown", Input, NotFound, None;
    /// The step has its outcome already.
    StepSettled = "step_settled", Input, Conflict, None;
    /// Only the step of an agent can begin again, or be told something.
    StepNotAnAgent = "step_not_an_agent", Input, Conflict, None;
    /// The program of an agent takes no messages while it works.
    AgentTakesNoMessages = "agent_takes_no_messages", Input, Conflict, None;
    /// No agent is open that a message could be for.
    NoAgentOpen = "no_agent_open", Input, NotFound, None;
    /// A message to an agent says nothing.
    MessageEmpty = "message_empty", Input, Unprocessable, None;
    /// The agent of a step was given as many messages as allowed.
    StepMessagesFull = "step_messages_full", Input, TooManyRequests, None;
    /// The run keeps as many events as it may that no script has waited for.
    SignalsFull = "signals_full", Input, TooManyRequests, None;
    /// The run was taken up, or told to go on, after a message was posted.
    MessageSuperseded = "message_superseded", Input, Conflict, None;
    /// A newer program posted a message.
    MessageUnreadable = "message_unreadable", Input, Unprocessable, None;
    /// An agent of a run may not post messages to runs.
    PostFromAgent = "post_from_agent", Input, Forbidden, None;
    /// The list's data about a run contradicts its journal.
    RunRowChanged = "run_row_changed", Input, Internal, None;

    // Journals, archives and fixtures.
    /// A newer program has written the journal.
    JournalNewer = "journal_newer", Input, Unprocessable, None;
    /// An entry of a journal cannot be read.
    JournalUnreadable = "journal_unreadable", Input, Unprocessable, None;
    /// The digest of an entry does not fit.
    JournalChanged = "journal_changed", Input, Unprocessable, None;
    /// An entry is where it must not be.
    JournalOutOfOrder = "journal_out_of_order", Input, Unprocessable, None;
    /// The file is not an exported journal.
    ImportNotAJournal = "import_not_a_journal", Input, Unprocessable, None;
    /// A newer program has written the file.
    ImportNewer = "import_newer", Input, Unprocessable, None;
    /// Lines of the file are missing.
    ImportIncomplete = "import_incomplete", Input, Unprocessable, None;
    /// The file holds the journal of another run than its first line names.
    ImportOtherRun = "import_other_run", Input, Unprocessable, None;
    /// There is a different run with that id.
    ImportConflict = "import_conflict", Input, Conflict, None;
    /// A named file cannot be read.
    FileUnreadable = "file_unreadable", Input, Unprocessable, None;
    /// A named file is too large.
    FileTooLarge = "file_too_large", Input, TooLarge, None;
    /// A named file cannot be written.
    FileUnwritable = "file_unwritable", Input, Unprocessable, None;
    /// A file that a command would make is there already.
    FileExists = "file_exists", Input, Conflict, None;
    /// A newer program has written the fixture.
    FixtureNewer = "fixture_newer", Input, Unprocessable, None;
    /// A line of a fixture cannot be read.
    FixtureUnreadable = "fixture_unreadable", Input, Unprocessable, None;
    /// A line of a fixture was changed.
    FixtureChanged = "fixture_changed", Input, Unprocessable, None;
    /// The fixture holds no run.
    FixtureNoRun = "fixture_no_run", Input, Unprocessable, None;
    /// An entry cannot be kept in a fixture.
    FixtureEntry = "fixture_entry", Input, Unprocessable, None;
    /// The rules file of a fixture cannot be used.
    FixtureRules = "fixture_rules", Input, Unprocessable, None;
    /// The script of a fixture is not at its recorded path.
    FixtureScriptGone = "fixture_script_gone", Input, Unprocessable, None;
    /// The kept answers of a fixture cannot be used.
    FixtureKept = "fixture_kept", Input, Unprocessable, None;
    /// The fixture of that run would be too large.
    FixtureTooLarge = "fixture_too_large", Input, TooLarge, None;
    /// The run is not over, so it cannot become a fixture.
    FixtureNotOver = "fixture_not_over", Input, Conflict, None;
    /// The script computes with redacted text.
    FixtureNotRedactable = "fixture_not_redactable", Mismatch, Conflict, None;
    /// The script does something else than its journal records.
    ReplayMismatch = "replay_mismatch", Mismatch, Conflict, None;

    // Answers to questions.
    /// No question is open under that number.
    AskUnknown = "ask_unknown", Input, NotFound, None;
    /// The question is answered already, or its time was up.
    AskAnswered = "ask_answered", Input, Conflict, None;
    /// The answer was given to another question than the step asks.
    AskChanged = "ask_changed", Input, Conflict, None;
    /// The answer does not fit the question.
    AnswerInvalid = "answer_invalid", Input, Unprocessable, None;

    // Requests and settings.
    /// The request asks for something impossible.
    RequestInvalid = "request_invalid", Usage, BadRequest, None;
    /// A resume would lower a limit.
    LimitLowered = "limit_lowered", Usage, BadRequest, None;
    /// A redaction rule cannot be used.
    FixtureRedactRule = "fixture_redact_rule", Usage, BadRequest, None;
    /// A settings file cannot be read as TOML.
    ConfigSyntax = "config_syntax", Usage, BadRequest, None;
    /// There is no such setting.
    ConfigUnknownKey = "config_unknown_key", Usage, BadRequest, None;
    /// A setting has an invalid value.
    ConfigValue = "config_value", Usage, BadRequest, None;
    /// A settings file cannot be read.
    ConfigUnreadable = "config_unreadable", Usage, BadRequest, None;
    /// A settings file is too large.
    ConfigTooLarge = "config_too_large", Usage, BadRequest, None;
    /// A project's settings file is a link.
    ConfigSymlink = "config_symlink", Usage, BadRequest, None;
    /// Other users may write a settings file.
    ConfigWritable = "config_writable", Usage, BadRequest, None;
    /// There is no settings file to trust.
    TrustNoFile = "trust_no_file", Usage, BadRequest, None;
    /// The list of trusted projects cannot be used.
    TrustStore = "trust_store", Usage, BadRequest, None;

    // What a script did.
    /// JSON cannot represent the result.
    ResultNotJson = "result_not_json", ScriptFault, Unprocessable, None;
    /// The script waits for a promise that nothing will settle.
    NeverSettles = "never_settles", ScriptFault, Unprocessable, None;
    /// A promise was rejected, and the script did not handle it.
    UnhandledRejection = "unhandled_rejection", ScriptFault, Unprocessable, None;
    /// A module has no default export, and so no result.
    NoDefaultExport = "no_default_export", ScriptFault, Unprocessable, None;
    /// The script threw.
    Thrown = "thrown", Failed, Unprocessable, None;
    /// A call has invalid arguments.
    CallInvalid = "call_invalid", Failed, Unprocessable, None;
    /// A prompt, an option, a schema or an argument is too large.
    CallTooLarge = "call_too_large", Failed, TooLarge, None;
    /// A `workflow()` call inside a child workflow.
    NestedTooDeep = "nested_too_deep", Failed, Unprocessable, None;
    /// `workflow()` names a script that cannot be used.
    WorkflowRefused = "workflow_refused", Failed, Unprocessable, None;
    /// A question to people was not answered in time.
    AskTimedOut = "ask_timed_out", Failed, GatewayTimeout, None;
    /// A child workflow failed.
    WorkflowFailed = "workflow_failed", Failed, Unprocessable, None;
    /// The schema of a call is not a JSON Schema, or is larger than allowed.
    SchemaInvalid = "schema_invalid", Failed, Unprocessable, None;
    /// The answer does not satisfy the schema, after one correction round.
    SchemaMismatch = "schema_mismatch", Failed, Unprocessable, None;
    /// There is no provider with that name.
    ProviderUnknown = "provider_unknown", Failed, Unprocessable, None;
    /// The answer is larger than allowed.
    AnswerTooLarge = "answer_too_large", Failed, TooLarge, None;
    /// The answer cannot be checked against the schema in bounded time.
    AnswerTooCostly = "answer_too_costly", Failed, Unprocessable, None;
    /// A defect of smol-wf ended the step.
    InternalError = "internal_error", Failed, Internal, None;

    // Agents.
    /// The agent failed.
    ProviderFailed = "provider_failed", Failed, BadGateway, None;
    /// The provider has no such model.
    ProviderModel = "provider_model", Failed, BadGateway, None;
    /// The provider's service is unavailable.
    ProviderUnavailable = "provider_unavailable", Failed, BadGateway, None;
    /// The model declined.
    ProviderRefused = "provider_refused", Failed, BadGateway, None;
    /// The agent was refused a permission that it needed.
    ProviderPermissionDenied = "provider_permission_denied", Failed, BadGateway, None;
    /// The agent's answer broke off.
    ProviderCutStream = "provider_cut_stream", Failed, BadGateway, None;
    /// The agent's process was killed from outside.
    ProviderKilled = "provider_killed", Failed, BadGateway, None;
    /// The agent took too long, or was silent for too long.
    ProviderTimeout = "provider_timeout", Failed, GatewayTimeout, None;
    /// The agent's program cannot be started.
    ProviderSpawn = "provider_spawn", Failed, BadGateway, None;
    /// The provider does not support an option of the step.
    ProviderUnsupported = "provider_unsupported", Failed, BadGateway, None;
    /// A worktree is requested outside of a repository.
    WorktreeNoRepository = "worktree_no_repository", Failed, BadGateway, None;
    /// The repository has no commit.
    WorktreeNoCommit = "worktree_no_commit", Failed, BadGateway, None;
    /// Git is not installed.
    WorktreeNoGit = "worktree_no_git", Failed, BadGateway, None;
    /// There is no folder for worktrees.
    WorktreeNoFolder = "worktree_no_folder", Failed, BadGateway, None;
    /// The branch of a worktree exists already.
    WorktreeBranchTaken = "worktree_branch_taken", Failed, BadGateway, None;
    /// Git failed.
    WorktreeGit = "worktree_git", Failed, BadGateway, None;
    /// A file of a worktree cannot be written or removed.
    WorktreeFile = "worktree_file", Failed, BadGateway, None;
    /// The agent is not logged in.
    ProviderAuth = "provider_auth", Paused, Unavailable, None;
    /// The account has no credit left.
    ProviderQuota = "provider_quota", Paused, Unavailable, None;
    /// The provider's rate limit is reached.
    ProviderRateLimit = "provider_rate_limit", Paused, TooManyRequests, None;
    /// A step names no provider, and no agent was found.
    NoAgent = "no_agent", Unavailable, Unavailable, None;

    // Limits, and other stops.
    /// The fuel of the run is used up.
    LimitFuel = "limit_fuel", Failed, Unprocessable, Some(Limit::Fuel);
    /// The fuel of one turn is used up.
    LimitTurnFuel = "limit_turn_fuel", Failed, Unprocessable, Some(Limit::Fuel);
    /// The script needs more memory than allowed.
    LimitMemory = "limit_memory", Failed, Unprocessable, Some(Limit::Memory);
    /// The native stack overflowed.
    LimitStack = "limit_stack", Failed, Unprocessable, None;
    /// Too many entries besides those of agents: log lines, phases, sleeps and more.
    LimitNotes = "limit_notes", Failed, Unprocessable, None;
    /// The script passed too many bytes to the host in one turn.
    LimitTurnBytes = "limit_turn_bytes", Failed, Unprocessable, None;
    /// The result is too large.
    LimitResult = "limit_result", Failed, Unprocessable, None;
    /// The sandbox stopped the script.
    GuestFault = "guest_fault", Failed, Unprocessable, None;
    /// The script started too many agents.
    LimitAgents = "limit_agents", Paused, TooManyRequests, Some(Limit::Agents);
    /// The journal is full.
    LimitJournal = "limit_journal", Paused, TooManyRequests, Some(Limit::Journal);
    /// One turn took too long.
    LimitTurnTime = "limit_turn_time", Paused, TooManyRequests, Some(Limit::TurnTime);
    /// The time for the run is up.
    TimedOut = "timed_out", Paused, TooManyRequests, Some(Limit::Time);
    /// The budget is spent.
    BudgetSpent = "budget_spent", Paused, TooManyRequests, Some(Limit::Budget);
    /// The cost of a step is unknown, so a budget in dollars cannot be kept.
    BudgetUnpriced = "budget_unpriced", Paused, TooManyRequests, Some(Limit::Budget);
    /// The tokens of a step are unknown, so a budget in tokens cannot be kept.
    BudgetUnmetered = "budget_unmetered", Paused, TooManyRequests, Some(Limit::Budget);
    /// Somebody stopped the step.
    Stopped = "stopped", Failed, Conflict, None;
    /// Somebody paused the run.
    Paused = "paused", Paused, Conflict, None;
    /// Only questions to people are open.
    WaitingForAnswer = "waiting_for_answer", Waiting, Conflict, None;
    /// The run was cancelled.
    Cancelled = "cancelled", Failed, Conflict, None;
    /// A simulation ends where the script waits and no step is open.
    BrokenOff = "broken_off", Failed, Conflict, None;
    /// A simulation ends where the script runs on without asking for a step.
    RehearsalBound = "rehearsal_bound", Failed, Conflict, None;

    // The machine.
    /// Another process took the run over.
    RunLeaseLost = "run_lease_lost", Failed, Conflict, None;
    /// The journal can no longer be written.
    WriterGone = "writer_gone", Failed, Internal, None;
    /// The engine takes no more runs.
    ShuttingDown = "shutting_down", Failed, Unavailable, None;
    /// An operation of the system failed.
    System = "system", Failed, Internal, None;
    /// The sandbox cannot be set up.
    SandboxSetup = "sandbox_setup", Failed, Internal, None;
    /// The sandbox has no room for another instance.
    SandboxFull = "sandbox_full", Failed, Unavailable, None;
    /// A script instance cannot be made.
    SandboxInstance = "sandbox_instance", Failed, Internal, None;
    /// A turn ran out of fuel.
    GuestOutOfFuel = "guest_out_of_fuel", Failed, Internal, None;
    /// A turn ran out of memory.
    GuestMemory = "guest_memory", Failed, Internal, None;
    /// A turn ran out of stack.
    GuestStack = "guest_stack", Failed, Internal, None;
    /// A turn passed too many bytes to the host at once.
    GuestOversize = "guest_oversize", Failed, Internal, None;
    /// The host stopped a turn.
    GuestStopped = "guest_stopped", Failed, Internal, None;
    /// The host ran out of memory in a turn.
    GuestHostMemory = "guest_host_memory", Failed, Internal, None;
    /// The guest crashed.
    GuestCrashed = "guest_crashed", Failed, Internal, None;
    /// An instance that had failed was to run another turn.
    GuestSpent = "guest_spent", Failed, Internal, None;
    /// The system's limit of open files is too low for a run.
    LimitOpenFiles = "limit_open_files", Failed, Internal, None;
    /// The standard output could not be written.
    StdoutUnwritable = "stdout_unwritable", Unwritten, Internal, None;
}
