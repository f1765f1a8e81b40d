// The calls: each asks the host at once and gets a number, and becomes a
// promise that the host settles later under that number.

import {
  PromiseClass, StringOf, joined, newMap, parse, rejected, slots, stringify, substring, toWellFormed,
} from "smol:primordials";
import { anticipate, anticipateRange, fail, show, typeError } from "smol:errors";
import { isModernBody, sees } from "smol:surface";
import { optionsJson } from "smol:json";

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

const nothing = () => undefined;

// `answer` is the number of the call, or `[code, message]` of a refusal.
// `error` was made where the author made the call; `read` turns the outcome's
// text into the value.
const expect = (answer, error, name, read) => {
  if (typeof answer !== "number") return rejected(fail(error, answer[0], answer[1], name));
  return new PromiseClass((resolve, reject) => {
    pending.set(answer, { __proto__: null, resolve, reject, error, name, read });
  });
};

/** Called by the host's `settle`; a number that is not pending means nothing. */
export const settle = (call, ok, text, message, name) => {
  const entry = pending.get(call);
  if (entry === undefined) return;
  pending.delete(call);
  if (!ok) {
    entry.reject(fail(entry.error, text, message, typeof name === "string" ? name : entry.name, call));
    return;
  }
  let value;
  try {
    value = entry.read(text);
  } catch (error) {
    entry.reject(error);
    return;
  }
  entry.resolve(value);
};

// A child that returned nothing has no text at all.
const childResult = (text) => (text === "" ? undefined : parse(text));

export const calls = {
  __proto__: null,

  agent(prompt, options) {
    const error = anticipate();
    const kind = typeof prompt;
    const words = (kind === "number" || kind === "bigint") && isModernBody() ? StringOf(prompt) : prompt;
    if (typeof words !== "string" || words === "") {
      return rejected(typeError("agent(prompt, options): the prompt must be a string that is not empty"));
    }
    let text;
    try {
      text = optionsJson(options, "agent(prompt, options): the options", error.stack);
    } catch (reason) {
      return rejected(reason);
    }
    const stack = sees(2) ? error.stack : null;
    const answer = host.agent(toWellFormed(atMost(words, LONG)), atMost(text, LONG), stack);
    return expect(answer, error, "AgentError", parse);
  },

  workflow(nameOrRef, args) {
    const error = anticipate();
    let target;
    let text;
    try {
      const path = typeof nameOrRef === "object" && nameOrRef !== null ? nameOrRef.scriptPath : undefined;
      if (typeof path === "string") target = '{"scriptPath":' + stringify(path) + "}";
      else if (typeof nameOrRef === "string" && nameOrRef !== "") target = stringify(nameOrRef);
      else throw typeError("workflow(target, args): the target must be a name or {scriptPath}");
      text = stringify(args);
      if (text === undefined && args !== undefined) {
        throw typeError("workflow(target, args): the args must be a value that JSON can hold");
      }
    } catch (reason) {
      return rejected(reason);
    }
    const answer = host.workflow(atMost(target, LONG), text === undefined ? text : atMost(text, LONG));
    return expect(answer, error, "WorkflowError", childResult);
  },

  sleep(milliseconds) {
    const error = anticipateRange();
    if (typeof milliseconds !== "number") {
      return rejected(typeError("sleep(milliseconds): the time must be a number"));
    }
    return expect(host.sleep(milliseconds), error, "RangeError", nothing);
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
