// What a smol-wf script finds in its global scope, as types. Types only: the
// behaviour is in the program that runs the script.

/// <reference path="./modules.d.ts" />

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON Schema: an object of keywords. `true` and `false` are not taken here. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** A phase that a script announces. */
export interface WorkflowPhase {
  /** As `phase()` and the option `phase` name it. */
  readonly title: string;
  /** One line for people. */
  readonly detail?: string;
  /** Model of the phase's calls that name none, in a module. In a body it is shown. */
  readonly model?: string;
  /** Provider of the phase's calls that name none. */
  readonly provider?: string;
  /** The only tools of their own that the agents of its calls may use. */
  readonly tools?: readonly string[];
  /** How often the models of its agents may answer. */
  readonly maxTurns?: number;
  /** Text that is added to the system prompts of its agents. */
  readonly system?: string;
  /** More folders in which its agents may work. */
  readonly dirs?: readonly string[];
  /** MCP servers of its agents. */
  readonly mcp?: readonly string[];
}

/**
 * What a script says about itself. It is read without running the script, so
 * `export const meta = {…}` must be a plain literal.
 */
export interface WorkflowMeta {
  readonly name: string;
  readonly description: string;
  /** When an agent should choose this workflow. */
  readonly whenToUse?: string;
  /** In order; a plain string is a title. */
  readonly phases?: readonly (string | WorkflowPhase)[];
  /** Schema of the run's arguments: they are checked, and get its defaults. */
  readonly args?: JsonSchema;
}

/** How one agent is run. */
export interface AgentOptions {
  /** What people see; no part of the call's identity. */
  readonly label?: string;
  /** The phase it belongs to, in place of the last `phase()`. */
  readonly phase?: string;
  /** The answer is then JSON that satisfies it, not text. */
  readonly schema?: JsonSchema;
  /** Model id, an alias of `--model-map`, or `ID?provider=NAME&thinking=LEVEL`. */
  readonly model?: string;
  /** Agent provider by name. */
  readonly provider?: string;
  /** Reasoning effort. */
  readonly effort?: "low" | "medium" | "high" | (string & {});
  /** `worktree`: the agent works in a git worktree of its own. */
  readonly isolation?: "worktree";
  /** Kind of agent, where the provider has kinds. */
  readonly agentType?: string;
  /** What the agent may do to files. */
  readonly permissions?: "read" | "write";
  /** What one attempt may take: milliseconds, or text like `"90s"`. */
  readonly timeout?: number | string;
  /** How long the agent may be silent, in milliseconds or as text; 0 or less: for ever. */
  readonly stallMs?: number | string;
  /**
   * What a failed agent is: `null`, as without this in a body, or an error that
   * is thrown, as in a module.
   */
  readonly onFailure?: "null" | "throw";
  /** Tells a call apart from calls that are equal otherwise. */
  readonly key?: string;
  /** Tools that are taken from the agent, such as `Bash`. */
  readonly disallowedTools?: readonly string[];
  /** The only tools of its own that the agent may use, by Claude Code's names. */
  readonly tools?: readonly string[];
  /** The same as `tools`. */
  readonly allowedTools?: readonly string[];
  /** The only shell commands that the agent may run. */
  readonly bashCommandClamp?: readonly string[];
  /** Text that is added to the agent's system prompt. */
  readonly system?: string;
  /** More folders in which the agent may work: in the project, or allowed by the settings. */
  readonly dirs?: readonly string[];
  /** How often the agent's model may answer, with tools between. */
  readonly maxTurns?: number;
  /** Images that the agent is shown, as paths. */
  readonly images?: readonly string[];
  /** MCP servers that the agent may use, by their names in the settings. */
  readonly mcp?: readonly string[];
  /** The label of an earlier call of this script, in whose session the agent goes on. */
  readonly session?: string;
  /** For Claude Code; changes nothing here. */
  readonly sharedHeadLength?: number;
  /** How often a failure that may pass is tried again. */
  readonly retry?: {
    /** Attempts in all, 1 to 10. */
    readonly maxAttempts?: number;
    /** Wait before the second; doubles with each. */
    readonly backoffMs?: number;
  };
}

/** A workflow that is pointed at, relative to the calling script. */
export interface WorkflowReference {
  readonly scriptPath: string;
}

/** The run's allowance, in output tokens. */
export interface Budget {
  /** `null` when no allowance was given. */
  readonly total: number | null;
  /** Output tokens of the calls that have settled. */
  spent(): number;
  /** What is left, never below 0; `Infinity` without an allowance. */
  remaining(): number;
}

/** An error of a call that failed: `agent()` or `workflow()`. */
export interface CallError extends Error {
  /** Stable, such as `agent_failed` or `schema_mismatch`. */
  readonly code: string;
}

/** Runs one agent: text, or what `schema` describes. In a body, `null` when the
 * agent failed; a module is thrown a `CallError`. */
export interface Agent {
  <T = unknown>(prompt: string, options: AgentOptions & { readonly schema: JsonSchema }): Promise<T | null>;
  (prompt: string, options?: AgentOptions & { readonly schema?: undefined }): Promise<string | null>;
}

/** Runs all at once. A slot that throws becomes `null`; the run's report says why. */
export interface Parallel {
  <const T extends readonly (() => unknown)[]>(
    thunks: T,
  ): Promise<{ -readonly [K in keyof T]: Awaited<ReturnType<T[K]>> | null }>;
}

type Stage<In, Item, Out> = (previous: In, item: Item, index: number) => Out | PromiseLike<Out>;

/**
 * Sends each item through all stages, without waiting for the others. A stage
 * gets what the stage before returned, the item and its index. An item whose
 * stage throws becomes `null`, and skips the stages behind it; in a body, so does
 * one that is `null`.
 */
export interface Pipeline {
  <I, A>(items: readonly I[], a: Stage<I, I, A>): Promise<(A | null)[]>;
  <I, A, B>(items: readonly I[], a: Stage<I, I, A>, b: Stage<A, I, B>): Promise<(B | null)[]>;
  <I, A, B, C>(
    items: readonly I[], a: Stage<I, I, A>, b: Stage<A, I, B>, c: Stage<B, I, C>,
  ): Promise<(C | null)[]>;
  <I, A, B, C, D>(
    items: readonly I[], a: Stage<I, I, A>, b: Stage<A, I, B>, c: Stage<B, I, C>, d: Stage<C, I, D>,
  ): Promise<(D | null)[]>;
  <I>(items: readonly I[], ...stages: Stage<any, I, any>[]): Promise<unknown[]>;
}

/** Runs another workflow, by name or by path, and gives its result. One level deep. */
export interface Workflow {
  <T = unknown>(target: string | WorkflowReference, args?: unknown): Promise<T>;
}

/** The primitives, as a module's function gets them in its second parameter. */
export interface WorkflowContext<Args = any> {
  readonly args: Args;
  readonly meta: WorkflowMeta;
  readonly agent: Agent;
  readonly parallel: Parallel;
  readonly pipeline: Pipeline;
  readonly workflow: Workflow;
  readonly budget: Budget;
  phase(title: string): void;
  log(...values: unknown[]): void;
  /** Sleeps durably: the run can be stopped and taken up meanwhile. */
  sleep(milliseconds: number): Promise<void>;
  /** What `workflow:extra` has. */
  readonly extra: Extra;
}

/** What `workflow:extra` has. */
export interface Extra {
  /** Sleeps durably: the run can be stopped and taken up meanwhile. */
  sleep(milliseconds: number): Promise<void>;
  /** Asks people for a yes or a no. */
  approve(question: string, options?: ApproveOptions): Promise<Approval>;
  /** Asks people for a value. */
  ask: Ask;
  /** Waits for an event from outside. */
  waitFor<T = unknown>(name: string, options?: WaitOptions): Promise<T>;
}

/** What a call that waits for people may set. */
export interface PeopleOptions<T> {
  /** For people; the default is the beginning of the question. */
  readonly label?: string;
  /** How long it waits: milliseconds, or text like `'24h'`. Without it, for ever. */
  readonly timeout?: number | string;
  /** The answer when the time is up. By default the call fails with `ask_timed_out`. */
  readonly onTimeout?: "fail" | { readonly value: T };
}

/** Options of `approve()`. Nobody approves by waiting. */
export interface ApproveOptions
  extends PeopleOptions<false | { readonly approved: false; readonly comment?: string | null }> {
  /** What people must know to answer; a value is shown as JSON. */
  readonly detail?: Json;
}

/** Options of `ask()`. */
export interface AskOptions<T> extends PeopleOptions<T> {
  /** What people must know to answer; a value is shown as JSON. */
  readonly detail?: Json;
  /** The answer that a prompt offers; never taken by itself. */
  readonly default?: T;
}

/** Options of `waitFor()`. */
export interface WaitOptions extends PeopleOptions<unknown> {
  /** Fields that the event must have, with equal values. */
  readonly match?: { readonly [field: string]: Json };
}

/** What people said to `approve()`. */
export interface Approval {
  readonly approved: boolean;
  /** Who answered; `null` when the time was up. */
  readonly by: string | null;
  readonly comment: string | null;
  /** When, such as `2026-11-25T17:10:00Z`. */
  readonly at: string;
}

/** Asks people: text, or what `schema` describes. */
export interface Ask {
  <T = unknown>(question: string, options: AskOptions<T> & { readonly schema: JsonSchema }): Promise<T>;
  (question: string, options?: AskOptions<string> & { readonly schema?: undefined }): Promise<string>;
}

declare global {
  const agent: Agent;
  const parallel: Parallel;
  const pipeline: Pipeline;
  const workflow: Workflow;
  const budget: Budget;
  /** Names the phase that the calls after it belong to. */
  function phase(title: string): void;
  /** Says something to whoever watches the run. */
  function log(...values: unknown[]): void;
  /** What the run was started with. Without any: `{}` in a module, `undefined`
   * in a script that is a body. A body may change it, a module cannot. */
  const args: any;
  /** Calls back once, without arguments, when this much time has passed in which
   * a process held the run. */
  function setTimeout(callback: () => void, milliseconds?: number): number;
  function clearTimeout(timer?: number): void;
  /** All primitives under one name. */
  const SW: Omit<WorkflowContext, "meta">;
}
