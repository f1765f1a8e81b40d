//! The list of codes: one line each, with the word, the kind of failure for a shell
//! and over HTTP, and the limit to raise.
//!
//! Owns: nothing else. Never: leaves one of these out; the macro does not let it.

use super::{ExitClass, HttpClass, Limit};

codes! {
    // Scripts that cannot be read.
    /// More bytes than a script may have.
    ScriptTooLarge = "script_too_large", Input, TooLarge, None;
    /// Some bytes of a script are not UTF-8.
    ScriptNotUtf8 = "script_not_utf8", Input, Unprocessable, None;
    /// A NUL character: some binary file.
    ScriptNul = "script_nul", Input, Unprocessable, None;
    /// A script of white space.
    ScriptEmpty = "script_empty", Input, Unprocessable, None;
    /// A comment, string or template that never ends.
    ScriptSyntax = "script_syntax", Input, Unprocessable, None;
    /// The script does not compile.
    Syntax = "syntax", Input, Unprocessable, None;
    /// An import of something else than a module of ours.
    Import = "import", Input, Unprocessable, None;
    /// No `export const meta`.
    MetaMissing = "meta_missing", Input, Unprocessable, None;
    /// `const meta` without `export`.
    MetaNotExported = "meta_not_exported", Input, Unprocessable, None;
    /// `const meta` inside a function or another block.
    MetaNested = "meta_nested", Input, Unprocessable, None;
    /// `export let meta`, `export var meta`.
    MetaNotConst = "meta_not_const", Input, Unprocessable, None;
    /// `export const meta` twice.
    MetaDuplicate = "meta_duplicate", Input, Unprocessable, None;
    /// Something in `meta` would have to run.
    MetaNotLiteral = "meta_not_literal", Input, Unprocessable, None;
    /// `as const`, `satisfies` or a type annotation in `meta`.
    MetaTypescript = "meta_typescript", Input, Unprocessable, None;
    /// More levels of nesting than a `meta` may have.
    MetaTooDeep = "meta_too_deep", Input, Unprocessable, None;
    /// A key of `meta` is missing or has a value of another type.
    MetaInvalid = "meta_invalid", Input, Unprocessable, None;

    // Scripts and folders that cannot be found.
    /// There is no script of that name or path.
    WorkflowNotFound = "workflow_not_found", Input, NotFound, None;
    /// A path that no script can have.
    WorkflowPathInvalid = "workflow_path_invalid", Input, Unprocessable, None;
    /// A script, or what leads to it, lies outside the project.
    WorkflowOutsideProject = "workflow_outside_project", Input, Forbidden, None;
    /// A folder, a device or a pipe in place of a script.
    WorkflowNotAFile = "workflow_not_a_file", Input, Unprocessable, None;
    /// A name that no workflow can have.
    WorkflowNameInvalid = "workflow_name_invalid", Input, Unprocessable, None;
    /// The system does not let a script be read.
    WorkflowUnreadable = "workflow_unreadable", Input, Unprocessable, None;
    /// Another user's script, where everyone may put files.
    WorkflowForeign = "workflow_foreign", Input, Forbidden, None;
    /// A path that a run would have to keep is no text.
    PathNotUtf8 = "path_not_utf8", Input, Unprocessable, None;
    /// The arguments of a workflow cannot be read.
    ArgsInvalid = "args_invalid", Input, Unprocessable, None;
    /// The folder that agents work in is not there.
    CwdGone = "cwd_gone", Paused, Conflict, None;
    /// The project that children are looked for in is not there.
    ProjectGone = "project_gone", Paused, Conflict, None;

    // The store.
    /// A newer program has written the database.
    StoreNewer = "store_newer", Input, Unavailable, None;
    /// Another program's database.
    StoreForeign = "store_foreign", Input, Unavailable, None;
    /// The tables of the database are not as they were made.
    StoreAltered = "store_altered", Input, Unavailable, None;
    /// A file of the database was taken away or replaced.
    StoreReplaced = "store_replaced", Input, Unavailable, None;
    /// A folder in place of a database.
    StoreIsDirectory = "store_is_directory", Input, Unavailable, None;
    /// A pipe or a device in place of a database.
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
    /// The SQLite in use lacks what is needed.
    StoreOldSqlite = "store_old_sqlite", Input, Unavailable, None;
    /// A defect of the store.
    StoreInternal = "store_internal", Input, Internal, None;
    /// A process works on a run of the database.
    StoreInUse = "store_in_use", Input, Conflict, None;
    /// A run of that id was made before.
    RunExists = "run_exists", Input, Conflict, None;
    /// The store has no such run.
    RunNotFound = "run_not_found", Input, NotFound, None;
    /// The holder lost the run.
    RunLost = "run_lost", Input, Conflict, None;
    /// The journal has another length than the writer takes it to have.
    JournalMovedOn = "journal_moved_on", Input, Conflict, None;
    /// Entries of a journal are missing.
    JournalDamaged = "journal_damaged", Input, Internal, None;
    /// Entries that no store takes.
    EntriesInvalid = "entries_invalid", Input, Internal, None;
    /// There is no run of that id.
    RunUnknown = "run_unknown", Input, NotFound, None;
    /// Several run ids begin like that.
    RunAmbiguous = "run_ambiguous", Input, Unavailable, None;
    /// Another process works on the run.
    RunHeld = "run_held", Input, Conflict, None;
    /// The list says something else of a run than its journal.
    RunRowChanged = "run_row_changed", Input, Internal, None;

    // Journals, archives and fixtures.
    /// A newer program has written the journal.
    JournalNewer = "journal_newer", Input, Unprocessable, None;
    /// An entry of a journal cannot be read.
    JournalUnreadable = "journal_unreadable", Input, Unprocessable, None;
    /// The digest of an entry does not fit.
    JournalChanged = "journal_changed", Input, Unprocessable, None;
    /// Entries follow each other that cannot.
    JournalOutOfOrder = "journal_out_of_order", Input, Unprocessable, None;
    /// The file is none of a journal.
    ImportNotAJournal = "import_not_a_journal", Input, Unprocessable, None;
    /// A newer program has written the file.
    ImportNewer = "import_newer", Input, Unprocessable, None;
    /// The file is not all there.
    ImportIncomplete = "import_incomplete", Input, Unprocessable, None;
    /// The file holds the journal of another run than it says.
    ImportOtherRun = "import_other_run", Input, Unprocessable, None;
    /// There is another run of that id.
    ImportConflict = "import_conflict", Input, Conflict, None;
    /// A file that was named cannot be read.
    FileUnreadable = "file_unreadable", Input, Unprocessable, None;
    /// A file that was named is too large.
    FileTooLarge = "file_too_large", Input, TooLarge, None;
    /// A file that was named cannot be written.
    FileUnwritable = "file_unwritable", Input, Unprocessable, None;
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
    /// The rules beside a fixture cannot be used.
    FixtureRules = "fixture_rules", Input, Unprocessable, None;
    /// The script of a fixture is not where it says.
    FixtureScriptGone = "fixture_script_gone", Input, Unprocessable, None;
    /// The answers kept beside a fixture cannot be used.
    FixtureKept = "fixture_kept", Input, Unprocessable, None;
    /// A fixture of that run would be too large.
    FixtureTooLarge = "fixture_too_large", Input, TooLarge, None;
    /// Only a run that is over makes a fixture.
    FixtureNotOver = "fixture_not_over", Input, Conflict, None;
    /// The script computes with what was redacted.
    FixtureNotRedactable = "fixture_not_redactable", Mismatch, Conflict, None;
    /// The script asks for something else than its journal holds.
    ReplayMismatch = "replay_mismatch", Mismatch, Conflict, None;

    // Requests and settings.
    /// The request asks for something impossible.
    RequestInvalid = "request_invalid", Usage, BadRequest, None;
    /// A limit was to be lowered on resume.
    LimitLowered = "limit_lowered", Usage, BadRequest, None;
    /// A rule of redaction cannot be used.
    FixtureRedactRule = "fixture_redact_rule", Usage, BadRequest, None;
    /// A settings file cannot be read as TOML.
    ConfigSyntax = "config_syntax", Usage, BadRequest, None;
    /// There is no such setting.
    ConfigUnknownKey = "config_unknown_key", Usage, BadRequest, None;
    /// A setting cannot have that value.
    ConfigValue = "config_value", Usage, BadRequest, None;
    /// A settings file cannot be read.
    ConfigUnreadable = "config_unreadable", Usage, BadRequest, None;
    /// A settings file is too large.
    ConfigTooLarge = "config_too_large", Usage, BadRequest, None;
    /// A project's settings file is a link.
    ConfigSymlink = "config_symlink", Usage, BadRequest, None;
    /// Everyone may write a settings file.
    ConfigWritable = "config_writable", Usage, BadRequest, None;
    /// There is no settings file to trust.
    TrustNoFile = "trust_no_file", Usage, BadRequest, None;
    /// The list of trusted projects cannot be used.
    TrustStore = "trust_store", Usage, BadRequest, None;

    // What a script did.
    /// The result is nothing that JSON has a word for.
    ResultNotJson = "result_not_json", ScriptFault, Unprocessable, None;
    /// The script waits for what nothing will settle.
    NeverSettles = "never_settles", ScriptFault, Unprocessable, None;
    /// A promise failed and nobody awaited it.
    UnhandledRejection = "unhandled_rejection", ScriptFault, Unprocessable, None;
    /// A module without a result.
    NoDefaultExport = "no_default_export", ScriptFault, Unprocessable, None;
    /// The script threw.
    Thrown = "thrown", Failed, Unprocessable, None;
    /// A call was made with arguments that it cannot have.
    CallInvalid = "call_invalid", Failed, Unprocessable, None;
    /// A prompt, an option, a schema or an argument is too large.
    CallTooLarge = "call_too_large", Failed, TooLarge, None;
    /// A `workflow()` call inside a child workflow.
    NestedTooDeep = "nested_too_deep", Failed, Unprocessable, None;
    /// `workflow()` names a script that cannot be run.
    WorkflowRefused = "workflow_refused", Failed, Unprocessable, None;
    /// A child workflow failed.
    WorkflowFailed = "workflow_failed", Failed, Unprocessable, None;
    /// The schema of a call is not a JSON Schema, or larger than allowed.
    SchemaInvalid = "schema_invalid", Failed, Unprocessable, None;
    /// The answer does not satisfy the schema, after one correction round.
    SchemaMismatch = "schema_mismatch", Failed, Unprocessable, None;
    /// No provider of that name.
    ProviderUnknown = "provider_unknown", Failed, Unprocessable, None;
    /// The answer is larger than allowed.
    AnswerTooLarge = "answer_too_large", Failed, TooLarge, None;
    /// The answer cannot be checked against the schema in bounded time.
    AnswerTooCostly = "answer_too_costly", Failed, Unprocessable, None;
    /// A defect of smol-wf ended the call.
    InternalError = "internal_error", Failed, Internal, None;

    // Agents.
    /// The agent failed.
    ProviderFailed = "provider_failed", Failed, BadGateway, None;
    /// It has no such model.
    ProviderModel = "provider_model", Failed, BadGateway, None;
    /// Its service answers nobody.
    ProviderUnavailable = "provider_unavailable", Failed, BadGateway, None;
    /// The model declined.
    ProviderRefused = "provider_refused", Failed, BadGateway, None;
    /// It was kept from what it needed.
    ProviderPermissionDenied = "provider_permission_denied", Failed, BadGateway, None;
    /// Its answer broke off.
    ProviderCutStream = "provider_cut_stream", Failed, BadGateway, None;
    /// Someone ended its process.
    ProviderKilled = "provider_killed", Failed, BadGateway, None;
    /// It took too long, or was silent.
    ProviderTimeout = "provider_timeout", Failed, GatewayTimeout, None;
    /// Its program cannot be started.
    ProviderSpawn = "provider_spawn", Failed, BadGateway, None;
    /// It cannot keep an option of the call.
    ProviderUnsupported = "provider_unsupported", Failed, BadGateway, None;
    /// A worktree is asked for outside of a repository.
    WorktreeNoRepository = "worktree_no_repository", Failed, BadGateway, None;
    /// The repository has no commit.
    WorktreeNoCommit = "worktree_no_commit", Failed, BadGateway, None;
    /// There is no git.
    WorktreeNoGit = "worktree_no_git", Failed, BadGateway, None;
    /// There is no folder for worktrees.
    WorktreeNoFolder = "worktree_no_folder", Failed, BadGateway, None;
    /// A branch stands in the way.
    WorktreeBranchTaken = "worktree_branch_taken", Failed, BadGateway, None;
    /// Git failed.
    WorktreeGit = "worktree_git", Failed, BadGateway, None;
    /// A file of a worktree cannot be written or removed.
    WorktreeFile = "worktree_file", Failed, BadGateway, None;
    /// Nobody is logged in.
    ProviderAuth = "provider_auth", Paused, Unavailable, None;
    /// The account has no credit left.
    ProviderQuota = "provider_quota", Paused, Unavailable, None;
    /// Too many requests in a while.
    ProviderRateLimit = "provider_rate_limit", Paused, TooManyRequests, None;
    /// A call names nobody, and nobody was there.
    NoAgent = "no_agent", Unavailable, Unavailable, None;

    // Limits, and other stops.
    /// All the fuel of the run is gone.
    LimitFuel = "limit_fuel", Failed, Unprocessable, Some(Limit::Fuel);
    /// One turn used what it may of the fuel.
    LimitTurnFuel = "limit_turn_fuel", Failed, Unprocessable, Some(Limit::Fuel);
    /// The script wanted more memory.
    LimitMemory = "limit_memory", Failed, Unprocessable, Some(Limit::Memory);
    /// The native stack overflowed.
    LimitStack = "limit_stack", Failed, Unprocessable, None;
    /// Too many log lines, phases, sleeps and null slots.
    LimitNotes = "limit_notes", Failed, Unprocessable, None;
    /// Too much handed over without waiting.
    LimitTurnBytes = "limit_turn_bytes", Failed, Unprocessable, None;
    /// The result is too large.
    LimitResult = "limit_result", Failed, Unprocessable, None;
    /// The sandbox stopped the script.
    GuestFault = "guest_fault", Failed, Unprocessable, None;
    /// Too many agents.
    LimitAgents = "limit_agents", Paused, TooManyRequests, Some(Limit::Agents);
    /// The journal is full.
    LimitJournal = "limit_journal", Paused, TooManyRequests, Some(Limit::Journal);
    /// One turn took too long.
    LimitTurnTime = "limit_turn_time", Paused, TooManyRequests, Some(Limit::TurnTime);
    /// The time for the run is over.
    TimedOut = "timed_out", Paused, TooManyRequests, Some(Limit::Time);
    /// The budget is spent.
    BudgetSpent = "budget_spent", Paused, TooManyRequests, Some(Limit::Budget);
    /// Nobody knows what was spent.
    BudgetUnpriced = "budget_unpriced", Paused, TooManyRequests, Some(Limit::Budget);
    /// Nobody knows how many tokens were used.
    BudgetUnmetered = "budget_unmetered", Paused, TooManyRequests, Some(Limit::Budget);
    /// Someone asked for it.
    Cancelled = "cancelled", Failed, Conflict, None;
    /// A plan ends where the script waits and nothing is under way.
    BrokenOff = "broken_off", Failed, Conflict, None;
    /// A plan ends where the script goes on without asking.
    RehearsalBound = "rehearsal_bound", Failed, Conflict, None;

    // The machine.
    /// Another process took the run over.
    RunLeaseLost = "run_lease_lost", Failed, Conflict, None;
    /// The journal could not be written any more.
    WriterGone = "writer_gone", Failed, Internal, None;
    /// The engine takes no more runs.
    ShuttingDown = "shutting_down", Failed, Unavailable, None;
    /// The system refused something.
    System = "system", Failed, Internal, None;
    /// The sandbox cannot be set up.
    SandboxSetup = "sandbox_setup", Failed, Internal, None;
    /// All places of the sandbox are taken.
    SandboxFull = "sandbox_full", Failed, Unavailable, None;
    /// A script instance cannot be made.
    SandboxInstance = "sandbox_instance", Failed, Internal, None;
    /// A turn ran out of fuel.
    GuestOutOfFuel = "guest_out_of_fuel", Failed, Internal, None;
    /// A turn ran out of memory.
    GuestMemory = "guest_memory", Failed, Internal, None;
    /// A turn ran out of stack.
    GuestStack = "guest_stack", Failed, Internal, None;
    /// A turn handed over too much at once.
    GuestOversize = "guest_oversize", Failed, Internal, None;
    /// The host stopped a turn.
    GuestStopped = "guest_stopped", Failed, Internal, None;
    /// The host ran out of memory in a turn.
    GuestHostMemory = "guest_host_memory", Failed, Internal, None;
    /// The guest crashed.
    GuestCrashed = "guest_crashed", Failed, Internal, None;
    /// A turn was asked of an instance that had failed.
    GuestSpent = "guest_spent", Failed, Internal, None;
    /// Fewer files may be open at once than any run needs.
    LimitOpenFiles = "limit_open_files", Failed, Internal, None;
    /// What there was to say could not be written.
    StdoutUnwritable = "stdout_unwritable", Unwritten, Internal, None;
}
