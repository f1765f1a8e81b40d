// The calls: each asks the host at once and gets a number, and becomes a
// promise that the host settles later under that number.

import {
  PromiseClass, StringOf, joined, newMap, parse, rejected, slots, stringify, substring, toWellFormed,
} from "smol:primordials";
import { failAt, failRangeAt, placeOfCall, show, typeError } from "smol:errors";
import { isModernBody, sees } from "smol:surface";
import { noteOfOptions, optionsJson, wholeOptionsJson } from "smol:json";
import { argsJson } from "smol:values";

// More than the host takes of a prompt, of options and of arguments, and of a
// line: it is the host that refuses or cuts them, and never is given so much
// that it would end the turn.
const LONG = 5 * 1024 * 1024;
const LONG_LINE = 64 * 1024;

const atMost = (text, length) => (text.length > length ? substring(text, 0, length) : text);

const pending = newMap();
let host;

/** The raw imports. They live in this variable and nowhere else. */
export const useHost = (imports) => {
  host = imports;
};

// What there is to know of each kind of call: `read` turns the outcome's text
// into the value, `fail` makes the error.
const AGENT = { __proto__: null, name: "AgentError", read: parse, fail: failAt };
// A child that returned nothing has no text at all.
const childResult = (text) => (text === "" ? undefined : parse(text));
const WORKFLOW = { __proto__: null, name: "WorkflowError", read: childResult, fail: failAt };
const ASK = { __proto__: null, name: "AskError", read: parse, fail: failAt };
const SLEEP = { __proto__: null, name: "RangeError", read: () => undefined, fail: failRangeAt };

// `answer` is the number of the call, or `[code, message]` of a refusal.
// `stack` is where the author made the call.
const expect = (answer, stack, kind) => {
  if (typeof answer !== "number") return rejected(kind.fail(stack, answer[0], answer[1], kind.name));
  return new PromiseClass((resolve, reject) => {
    pending.set(StringOf(answer), [resolve, reject, stack, kind]);
  });
};

// The agent that was given as `null` last: only one that failed is, unless its
// schema lets it answer so.
let lastNull;

/** Called by the host's `settle`; a number that is not pending means nothing. */
export const settle = (call, ok, text, message, name) => {
  const key = StringOf(call);
  const entry = pending.get(key);
  if (entry === undefined) return;
  pending.delete(key);
  const { 0: resolve, 1: reject, 2: stack, 3: kind } = entry;
  if (!ok) {
    reject(kind.fail(stack, text, message, typeof name === "string" ? name : kind.name, call));
    return;
  }
  let value;
  try {
    value = kind.read(text);
  } catch (error) {
    reject(error);
    return;
  }
  if (value === null && kind === AGENT) lastNull = call;
  resolve(value);
};

// `kind` is the word of the host's, `question` the first argument, called `what`.
const askPeople = (kind, call, question, what, options) => {
  const stack = placeOfCall();
  if (typeof question !== "string" || question === "") {
    return rejected(typeError(call + ": the " + what + " must be a string that is not empty"));
  }
  let text;
  try {
    text = wholeOptionsJson(options, call + ": the options", stack);
  } catch (reason) {
    return rejected(reason);
  }
  const note = noteOfOptions();
  const answer = host.ask(kind, toWellFormed(atMost(question, LONG)), atMost(text, LONG));
  if (typeof answer !== "number" && note !== undefined) answer[1] += " (" + note + ")";
  return expect(answer, stack, ASK);
};

/** The calls that wait for people, from surface 4 on. */
export const asks = {
  __proto__: null,

  approve(question, options) {
    return askPeople("approve", "approve(question, options)", question, "question", options);
  },

  ask(question, options) {
    return askPeople("ask", "ask(question, options)", question, "question", options);
  },

  waitFor(name, options) {
    return askPeople("waitFor", "waitFor(name, options)", name, "name", options);
  },
};

export const calls = {
  __proto__: null,

  agent(prompt, options) {
    const stack = placeOfCall();
    const kind = typeof prompt;
    const words = (kind === "number" || kind === "bigint") && isModernBody() ? StringOf(prompt) : prompt;
    if (typeof words !== "string" || words === "") {
      return rejected(typeError("agent(prompt, options): the prompt must be a string that is not empty"));
    }
    let text;
    try {
      text = optionsJson(options, "agent(prompt, options): the options", stack);
    } catch (reason) {
      return rejected(reason);
    }
    const note = noteOfOptions();
    const place = sees(2) ? stack : null;
    const answer = host.agent(toWellFormed(atMost(words, LONG)), atMost(text, LONG), place, lastNull);
    // The host refuses what it was shown, and the author wrote something else.
    if (typeof answer !== "number" && note !== undefined) answer[1] += " (" + note + ")";
    return expect(answer, stack, AGENT);
  },

  workflow(nameOrRef, args) {
    const stack = placeOfCall();
    let target;
    let text;
    try {
      const path = typeof nameOrRef === "object" && nameOrRef !== null ? nameOrRef.scriptPath : undefined;
      if (typeof path === "string") target = '{"scriptPath":' + stringify(path) + "}";
      else if (typeof nameOrRef === "string" && nameOrRef !== "") target = stringify(nameOrRef);
      else throw typeError("workflow(target, args): the target must be a name or {scriptPath}");
      text = sees(2) ? argsJson(args, isModernBody(), stack) : stringify(args);
      if (text === undefined && args !== undefined) {
        throw typeError("workflow(target, args): the args must be a value that JSON can hold");
      }
    } catch (reason) {
      return rejected(reason);
    }
    const answer = host.workflow(atMost(target, LONG), text === undefined ? text : atMost(text, LONG));
    return expect(answer, stack, WORKFLOW);
  },

  sleep(milliseconds) {
    const stack = placeOfCall();
    if (typeof milliseconds !== "number") {
      return rejected(typeError("sleep(milliseconds): the time must be a number"));
    }
    return expect(host.sleep(milliseconds), stack, SLEEP);
  },

  phase(title) {
    host.phase(toWellFormed(atMost(StringOf(title), LONG_LINE)));
  },

  log(...values) {
    const words = slots(values.length);
    for (let index = 0; index < values.length; index++) words[index] = show(values[index]);
    host.log(toWellFormed(atMost(joined(words, " "), LONG_LINE)));
  },
};

/** Read from the host at every look: there is no second account of it here. */
export const budget = {
  __proto__: null,

  get total() {
    return host.budgetTotal();
  },

  spent() {
    return host.budgetSpent();
  },

  remaining() {
    const total = host.budgetTotal();
    if (total === null) return Infinity;
    const left = total - host.budgetSpent();
    return left > 0 ? left : 0;
  },
};
