// Everything that a smol-wf workflow script finds in its global scope and can
// import, as types. The one source of them: the npm package `@smol-wf/sdk` has this
// file, `smol-wf types` writes it, and a test compares it with what the program
// gives to a script. It is complete by itself and needs no other file.
//
// It has no top-level import or export, so every name at its end is global in all
// files of a project. Have it once in a project: beside the scripts, or from npm.
// The behaviour is in the program that runs the script.

declare module "@smol-wf/sdk" {
  /** A value that JSON can hold. */
  export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

  /** A JSON Schema: an object of keywords. `true` and `false` are not taken here. */
  export interface JsonSchema {
    readonly [keyword: string]: unknown;
  }

  /**
   * What satisfies a schema, as far as TypeScript can say it. It is `any` where the
   * schema's words are not literal types, as in a constant without more: add
   * `@type {const}` to it in JavaScript, `as const` in TypeScript.
   */
  export type FromSchema<S> = Infer<S, S>;

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
    /** Stable, such as `provider_failed` or `schema_mismatch`. */
    readonly code: string;
  }

  /**
   * Runs one agent: text, or what `schema` describes. In a body, `null` when the
   * agent failed; a module is thrown a `CallError`. A type argument takes the place of
   * the type of the schema.
   */
  export interface Agent {
    <T = never, const S extends JsonSchema = JsonSchema>(
      prompt: string,
      options: AgentOptions & { readonly schema: S },
    ): Promise<([T] extends [never] ? FromSchema<S> : T) | null>;
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

  /** The primitives under one name: `SW` everywhere. */
  export interface Primitives<Args = any> {
    readonly args: Args;
    readonly agent: Agent;
    readonly parallel: Parallel;
    readonly pipeline: Pipeline;
    readonly workflow: Workflow;
    readonly budget: Budget;
    /** Names the phase that the calls after it belong to. */
    phase(title: string): void;
    /** Says something to whoever watches the run. */
    log(...values: unknown[]): void;
    /** Sleeps durably: the run can be stopped and taken up meanwhile. */
    sleep(milliseconds: number): Promise<void>;
    /** What `workflow:extra` has. */
    readonly extra: Extra;
  }

  /** The second parameter of a module's function, `(input, ctx)`. */
  export interface WorkflowContext<Args = any> extends Primitives<Args> {
    readonly meta: WorkflowMeta;
  }

  /** The function that a module exports as its default. Its first parameter is `args`. */
  export type WorkflowFunction<Args = any, Result = unknown> = (
    input: Args,
    ctx: WorkflowContext<Args>,
  ) => Result | Promise<Result>;

  /** What `workflow:extra` exports, also as its default. */
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
    <T = never, const S extends JsonSchema = JsonSchema>(
      question: string,
      options: AskOptions<[T] extends [never] ? NoInfer<FromSchema<S>> : NoInfer<T>> & { readonly schema: S },
    ): Promise<[T] extends [never] ? FromSchema<S> : T>;
    (question: string, options?: AskOptions<string> & { readonly schema?: undefined }): Promise<string>;
  }

  /** With the whole schema, where references in it lead. */
  type Infer<S, Root> = 0 extends 1 & S ? any
    : S extends true ? unknown
    : S extends false ? never
    // Most have none of these, and one question is faster than six.
    : keyof S & ("$ref" | "const" | "enum" | "anyOf" | "oneOf" | "allOf") extends never ? ByType<S, Root>
    : S extends { readonly $ref: infer Ref } ? Referenced<Ref, Root>
    : S extends { readonly const: infer Value } ? Value
    : S extends { readonly enum: readonly (infer Value)[] } ? Value
    : ByType<S, Root> & ByParts<S, Root>;

  type InferEach<S, Root> = S extends unknown ? Infer<S, Root> : never;

  type Referenced<Ref, Root> = Ref extends "#" ? Infer<Root, Root>
    : Ref extends `#/$defs/${infer Name}` ? InferMember<Root, "$defs", Name, Root>
    : Ref extends `#/definitions/${infer Name}` ? InferMember<Root, "definitions", Name, Root>
    : any;

  type InferMember<S, Place extends string, Name extends string, Root> =
    S extends { readonly [_ in Place]: { readonly [_ in Name]: infer Member } } ? Infer<Member, Root> : any;

  type ByParts<S, Root> =
    & (S extends { readonly anyOf: readonly (infer One)[] } ? InferEach<One, Root> : unknown)
    & (S extends { readonly oneOf: readonly (infer One)[] } ? InferEach<One, Root> : unknown)
    & (S extends { readonly allOf: infer All } ? InferAll<All, Root> : unknown);

  type InferAll<All, Root> =
    All extends readonly [infer First, ...infer Others] ? Infer<First, Root> & InferAll<Others, Root> : unknown;

  type ByType<S, Root> = S extends { readonly type: infer Type }
    ? OfType<Type extends readonly (infer One)[] ? One : Type, S, Root>
    : S extends { readonly properties: unknown } ? InferObject<S, Root>
    : S extends { readonly items: unknown } | { readonly prefixItems: unknown } ? InferArray<S, Root>
    : unknown;

  type OfType<Type, S, Root> = Type extends "string" ? string
    : Type extends "number" | "integer" ? number
    : Type extends "boolean" ? boolean
    : Type extends "null" ? null
    : Type extends "object" ? InferObject<S, Root>
    : Type extends "array" ? InferArray<S, Root>
    : any;

  type RequiredKeys<S> = S extends { readonly required: readonly (infer Key)[] } ? string extends Key ? never : Key : never;

  type InferObject<S, Root> = S extends { readonly properties: infer P }
    ? (
      & { -readonly [K in keyof P as K extends RequiredKeys<S> ? K : never]: Infer<P[K], Root> }
      & { -readonly [K in keyof P as K extends RequiredKeys<S> ? never : K]?: Infer<P[K], Root> }
      & { [K in Exclude<RequiredKeys<S>, keyof P> & string]: unknown }
      // One object in place of three, for those who read the type.
    ) extends infer Parts ? { [K in keyof Parts]: Parts[K] } : never
    : S extends { readonly additionalProperties: infer Others } ? { [key: string]: Infer<Others, Root> }
    : { [key: string]: unknown };

  type InferArray<S, Root> = S extends { readonly prefixItems: infer P extends readonly unknown[] }
    ? InferTuple<P, S, S extends { readonly items: infer Others } ? Others : true, Root>
    : S extends { readonly items: infer P extends readonly unknown[] }
      ? InferTuple<P, S, S extends { readonly additionalItems: infer Others } ? Others : true, Root>
    : S extends { readonly items: infer Item } ? Infer<Item, Root>[]
    : unknown[];

  /** Fewer items satisfy it too, unless `minItems` says how many there are. */
  type InferTuple<P extends readonly unknown[], S, Others, Root> = [
    ...(S extends { readonly minItems: P["length"] } ? InferItems<P, Root> : Partial<InferItems<P, Root>>),
    ...(Others extends false ? [] : Infer<Others, Root>[]),
  ];

  type InferItems<P extends readonly unknown[], Root> = { -readonly [K in keyof P]: Infer<P[K], Root> };

  // Only what says `export` is visible.
  export {};
}

declare module "workflow:extra" {
  const extra: import("@smol-wf/sdk").Extra;
  export default extra;
  export const sleep: typeof extra.sleep;
  export const approve: typeof extra.approve;
  export const ask: typeof extra.ask;
  export const waitFor: typeof extra.waitFor;
}

declare const agent: import("@smol-wf/sdk").Agent;
declare const parallel: import("@smol-wf/sdk").Parallel;
declare const pipeline: import("@smol-wf/sdk").Pipeline;
declare const workflow: import("@smol-wf/sdk").Workflow;
declare const budget: import("@smol-wf/sdk").Budget;
/** Names the phase that the calls after it belong to. */
declare function phase(title: string): void;
/** Says something to whoever watches the run. */
declare function log(...values: unknown[]): void;
/**
 * What the run was started with. Without any: `{}` in a module, `undefined` in a
 * script that is a body. A body may change it, a module cannot.
 */
declare const args: any;
/** All primitives under one name. */
declare const SW: import("@smol-wf/sdk").Primitives;
/**
 * Calls back once, without arguments, when this much time has passed in which a
 * process held the run.
 */
declare function setTimeout(callback: () => void, milliseconds?: number): number;
declare function clearTimeout(timer?: number): void;
/** Calls back when the script waits next. */
declare function queueMicrotask(callback: () => void): void;

/** Each of its functions is `log()`. */
interface Console {
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
  debug(...values: unknown[]): void;
}
declare var console: Console;
