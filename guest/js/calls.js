// The calls: each asks the host at once and gets a number, and becomes a
// promise that the host settles later under that number.

import {
  PromiseClass, StringOf, joined, newMap, parse, rejected, slots, stringify, toWellFormed,
} from "smol:primordials";
import { anticipate, anticipateRange, fail, show, typeError } from "smol:errors";
import { optionsJson } from "smol:json";

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

export const calls = {
  __proto__: null,

  agent(prompt, options) {
    const error = anticipate();
    if (typeof prompt !== "string" || prompt === "") {
      return rejected(typeError("agent(prompt, options): the prompt must be a string that is not empty"));
    }
    let text;
    try {
      text = optionsJson(options, "agent(prompt, options): the options");
    } catch (reason) {
      return rejected(reason);
    }
    return expect(host.agent(toWellFormed(prompt), text), error, "AgentError", parse);
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
    return expect(host.workflow(target, text), error, "WorkflowError", parse);
  },

  sleep(milliseconds) {
    const error = anticipateRange();
    if (typeof milliseconds !== "number") {
      return rejected(typeError("sleep(milliseconds): the time must be a number"));
    }
    return expect(host.sleep(milliseconds), error, "RangeError", nothing);
  },

  phase(title) {
    host.phase(toWellFormed(StringOf(title)));
  },

  log(...values) {
    const words = slots(values.length);
    for (let index = 0; index < values.length; index++) words[index] = show(values[index]);
    host.log(toWellFormed(joined(words, " ")));
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
