// What smol-wf writes for other programs, as types: the report, the event stream,
// and the lines of a fixture. Types of events and fields are only ever added, so
// ignore those that you do not know. Times are texts in the form of RFC 3339, unless
// their name has a unit.

/** Tokens. Those that came from a cache count as read. */
export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
}

export type RunState = "running" | "interrupted" | "cancelled" | "paused" | "completed" | "failed" | "damaged";

/** What `run`, `resume` and `fork` write with `--output json`. */
export interface Report {
  schemaVersion: 1;
  runId: string;
  /** The same, for readers of older reports. */
  runID: string;
  /** `meta.name`. */
  name: string;
  state: RunState;
  /** What the script returned; `null` until then. */
  result: unknown;
  /** The same, for readers of older reports. */
  results: unknown;
  /** The file that holds the result, if it is too large for the report. */
  resultsFile?: string;
  /** Why the run failed or stopped. */
  error?: ReportError;
  tokenUsage: TokenUsage;
  /** As far as it is known. */
  costUsd: number;
  /** Steps whose cost is unknown. */
  costUnknownCalls?: number;
  usage: { byModel: UsageOf[]; byProvider: UsageOf[] };
  /** Units of fuel that the scripts used. */
  fuel: number;
  agents: AgentCounts;
  /** In order of appearance. */
  phases: { title: string; agents: number; tokenUsage: TokenUsage; costUsd: number }[];
  /** Why there are nulls among the results. */
  nulls: Null[];
  nullsNotListed?: number;
  warnings?: Warning[];
  /** Steps that the script did not await; they were cut off when it ended. */
  abandoned?: number[];
  worktrees?: (Worktree & { step: number; label?: string })[];
  /** The agents' own sessions. */
  sessions?: { step: number; label: string; provider: string; model?: string; sessionId: string }[];
  asks?: Asks;
  /** How often a process took the run up. */
  attempts: number;
  /** The run that this one is a fork of. */
  parent?: Parent;
  /** Of a fork: answers that it took over, and what they saved. */
  reused?: { agents: number; byHand: number; steered?: number; tokenUsage: TokenUsage; costUsd: number };
}

export interface UsageOf {
  /** The model, or the provider. */
  name: string;
  calls: number;
  tokenUsage: TokenUsage;
  costUsd: number;
  costUnknownCalls?: number;
}

export interface AgentCounts {
  called: number;
  completed: number;
  failed: number;
  /** Attempts beyond the first of each step. */
  retried: number;
  /** Those of `completed` whose answer is `null`. */
  null: number;
}

export interface ReportError {
  /** Stable; `smol-wf docs` and docs/errors.md explain it. */
  code: string;
  message: string;
  /** What to do about it. */
  hint?: string;
  /** The limit that was reached, with its numbers. */
  reached?: { name: string; [number: string]: unknown };
  /** The error's own name, for a script's error. */
  name?: string;
  /** The module that line and column are in; none is the script itself. */
  file?: string;
  line?: number;
  column?: number;
  stack?: string;
  /** When the provider answers again. */
  resetsAt?: string;
}

/** Why something is `null`. */
export interface Null {
  place: "parallel" | "pipeline" | "agent";
  /** Number of the construct in its script, from 1. */
  ordinal?: number;
  /** Slot or item, from 0. */
  index?: number;
  /** Stage that threw, from 0. */
  stage?: number;
  step?: number;
  label?: string;
  code: string;
  reason: string;
  line?: number;
  column?: number;
}

/** A warning about the script. */
export interface Warning {
  code: string;
  message: string;
  /** Where in a result it is, such as `result.items[2]`. */
  path?: string;
  step?: number;
  line?: number;
  column?: number;
  label?: string;
}

/** A worktree that was kept because something in it had changed. */
export interface Worktree {
  path: string;
  branch: string;
  /** The commit at which it began. */
  base: string;
  commits: number;
  files: number;
  insertions: number;
  deletions: number;
  head?: string;
  branches?: string[];
  warning?: string;
}

/** Leave that agents asked for in vain, and open questions to people. */
export interface Asks {
  refused: number;
  /** The flags that allow it. */
  allow?: string;
  steps: { step: number; label: string; provider: string; asks: RefusedAsk[] }[];
  open?: (AskOpened & { step: number })[];
}

export interface RefusedAsk {
  what: string;
  /** The line in the agent's own settings that allows exactly this. */
  allow?: string;
  times: number;
  /** Only the agent's own rules can allow it. */
  ownRulesOnly?: boolean;
}

export interface Parent {
  run: string;
  entries: number;
  /** Answers to steps from this one on were not taken. */
  from?: number;
  reason: "edited" | "asked";
}

/** With `permission` an agent asks leave; the others are functions of scripts. */
export type AskKind = "approve" | "ask" | "wait_for" | "permission";

/** A question, with everything that is needed to answer it. */
export interface AskOpened {
  kind: AskKind;
  label: string;
  question: string;
  detail?: string;
  schema?: unknown;
  default?: unknown;
  match?: unknown;
  deadline?: string;
  /** Of an agent: number of the question within its step, the attempt, who asks. */
  ask?: number;
  attempt?: number;
  provider?: string;
  tool?: string;
  /** Bytes of the whole detail, if it was cut. */
  detailBytes?: number;
  /** An answer names it. */
  digest: string;
}

export interface AskSettled {
  kind: AskKind;
  label: string;
  /** Of an agent: number of the question within its step. */
  ask?: number;
  /** What the script was given; of an agent, whether it may. */
  output?: unknown;
  /** The agent no longer waited. */
  withdrawn?: boolean;
  error?: Failure;
  by?: string;
  comment?: string;
  at?: string;
}

/** Why a step failed. */
export interface Failure {
  code: string;
  message: string;
  name?: string;
  /** Where a child threw it, as `file:line:column`. */
  place?: string;
}

/** An error that a script threw; line and column are 0 for none. */
export interface ScriptError {
  code: string;
  name: string;
  message: string;
  line: number;
  column: number;
  stack?: string;
  /** The code of the failed step whose error it is. */
  failure?: string;
}

/** The fields of an event, by its type. */
export interface EventData {
  "workflow.started": { name: unknown; description: unknown; phases: unknown; script: string; budget?: Allowance };
  "workflow.resumed": { attempt: number; budget?: Allowance };
  "workflow.forked": Parent;
  "workflow.phase": { title: string };
  /** With `of`, it repeats the event of that type in words. */
  "workflow.log": { message: string; of?: EventType };
  "workflow.warning": Omit<Warning, "code"> & { code?: string };
  /** It waits for room. */
  "workflow.agent_queued": { label: string; phase: string | null; model: string | null };
  "workflow.agent_started": {
    label: string;
    phase: string | null;
    model: string | null;
    prompt: string;
    attempt: number;
    vendor?: string;
  };
  "workflow.agent_session": { sessionId: string };
  "workflow.agent_event": { kind: string; text: string };
  "workflow.agent_completed": AgentEnded & { output: unknown };
  "workflow.agent_failed": AgentEnded & { error: Failure; given?: "null" };
  /** What became of a message to the agent. */
  "workflow.agent_told": { number: number; tooLate: boolean };
  "workflow.agent_parked": { label: string; phase: string | null; error: Failure; usage: AgentUsage };
  "workflow.message": {
    message: string | null;
    number: number;
    by: string;
    step?: number;
    /** What an agent is told. */
    text?: string;
    refused?: string;
    /** The limits that it raises. */
    limits?: { [name: string]: unknown };
  };
  "workflow.worktree_kept": Worktree;
  "workflow.slot_null": {
    group: "parallel" | "pipeline";
    ordinal: number;
    index: number;
    stage?: number;
    error: ScriptError;
    step?: number;
  };
  "workflow.sleep_started": { milliseconds: number };
  "workflow.sleep_ended": Record<string, never>;
  "workflow.ask_opened": AskOpened;
  "workflow.ask_settled": AskSettled;
  "workflow.stopped": Stopped;
  /** `workflow` is what a child was called by. */
  "workflow.result": { result: unknown; workflow?: string };
  "workflow.error": { error: ScriptError | Failure; workflow?: string };
}

/** A budget, in one of these units. */
export type Allowance = { usd_micros: number } | { output_tokens: number };

export interface AgentUsage {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens?: number;
  cacheWriteTokens?: number;
}

/** `null` where the provider did not say, or no agent was asked. */
export interface AgentEnded {
  label: string;
  phase: string | null;
  usage: AgentUsage | null;
  model: string | null;
  durationMs: number | null;
  costUsd: number | null;
  attempts: number | null;
  asks?: RefusedAsk[];
  worktree?: Worktree;
  /** Messages that people gave to it. */
  steered?: number;
  /** The step of another run whose answer it is. */
  reused?: { run: string; call: number; byHand?: boolean };
}

/** Why a process let go of a run that is not over. */
export type Stopped =
  | { reason: "cancelled" }
  | { reason: "paused"; by: string }
  | { reason: "timed_out"; limit_ms: number }
  | { reason: "limit"; code: string; message: string; reached?: { name: string; [number: string]: unknown } }
  | { reason: "provider"; provider: string; code: string; message: string; resets_at_ms?: number }
  | { reason: "waiting_for_answer"; asks: number };

export type EventType = keyof EventData;

/** One line of what `--output jsonl` writes. */
export type WorkflowEvent<Type extends EventType = EventType> = {
  [T in Type]: {
    v: 1;
    type: T;
    /** From 1 without gaps; an event that is not stored has that of the one before it. */
    seq: number;
    elapsedNanos: number;
    metadata: {
      runId: string;
      stepId?: string;
      provider?: string;
      sessionId?: string;
      /** 1 in a child. */
      workflowDepth: number;
      /** The `workflow()` step of a child. */
      parentStepId?: string;
    };
    data: EventData[T];
  };
}[Type];

/** One line of a `.swf` file, a recorded run. Each ends with a digest of itself. */
export type FixtureLine = FixtureHead | FixtureEntry | FixtureText | FixtureSeal;

/** The first line. Paths are relative to the folder of the fixture. */
export interface FixtureHead {
  swf: number;
  name: string;
  script: string;
  root: string;
  redact?: string[];
  redacted?: boolean;
  digest: string;
}

/** An entry of the run's journal. Texts of several lines follow on lines of their own. */
export interface FixtureEntry {
  /** Microseconds since 1970. */
  at_us: number;
  kind: string;
  digest: string;
  [field: string]: unknown;
}

/** One line of such a text. */
export interface FixtureText {
  text: string;
  digest: string;
}

/** The last line: a digest of all those before it. */
export interface FixtureSeal {
  seal: string;
  digest: string;
}
