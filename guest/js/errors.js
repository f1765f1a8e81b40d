// Errors as the prelude makes them, and any thrown value as the host is told it.

import {
  ErrorClass, TypeErrorClass, RangeErrorClass, StringOf, apply, data, defineProperty, find, isArray, joined,
  lines, newMap, newWeakMap, slots, stringify, substring, toWellFormed,
} from "smol:primordials";
import { sees } from "smol:surface";

// The prelude needs `stack` to be the engine's own text, so the hooks that
// rewrite it are not for scripts. 30 frames leave room for the prelude's.
ErrorClass.stackTraceLimit = 30;
delete ErrorClass.stackTraceLimit;
delete ErrorClass.prepareStackTrace;

const errorToString = ErrorClass.prototype.toString;

// Which errors came of a failed call, and with what code. The `code` property
// that a script sees is for the script: it can write there what it likes.
const failureCodes = newWeakMap();
// And of which call.
const failedCalls = newWeakMap();

// Stacks of calls. Calls of one place have the same text, and a fan-out makes
// very many of them: it is kept once.
const STACKS_MAX = 64;
let stacks = newMap();
let stacksCount = 0;

/**
 * Where the author makes a call. Kept with the call, so that its failure shows
 * the author's line; `failAt` makes the error once the call has failed.
 */
export const placeOfCall = () => {
  const { stack } = new ErrorClass("");
  const known = stacks.get(stack);
  if (known !== undefined) return known;
  if (stacksCount === STACKS_MAX) {
    stacks = newMap();
    stacksCount = 0;
  }
  stacksCount++;
  stacks.set(stack, stack);
  return stack;
};

const withoutPrelude = (stack) => {
  const all = lines(stack);
  const kept = [];
  let count = 0;
  for (let index = 0; index < all.length; index++) {
    const inPrelude = find(all[index], "(smol:") >= 0 || find(all[index], "(native)") >= 0;
    if (!inPrelude) defineProperty(kept, count++, data(all[index]));
  }
  return joined(kept, "\n");
};

// So that a script that prints the stack sees its own frames.
const tidy = (error) => defineProperty(error, "stack", data(withoutPrelude(error.stack), false));

const fail = (error, code, message, name, call) => {
  defineProperty(error, "message", data(message, false));
  defineProperty(error, "name", data(name, false));
  defineProperty(error, "code", data(code));
  failureCodes.set(error, code);
  if (call !== undefined) failedCalls.set(error, call);
  return tidy(error);
};

const failed = (error, stack, code, message, name, call) => {
  defineProperty(error, "stack", data(stack, false));
  return fail(error, code, message, name, call);
};

/** The error of a call that was made at `stack` and has failed. */
export const failAt = (stack, code, message, name, call) =>
  failed(new ErrorClass(""), stack, code, message, name, call);

/** The same, as a `RangeError`. */
export const failRangeAt = (stack, code, message, name, call) =>
  failed(new RangeErrorClass(""), stack, code, message, name, call);

/** The error of something that the host refused with `[code, message]`. */
export const refusal = (answer, name) => fail(new RangeErrorClass(""), answer[0], answer[1], name);

export const typeError = (message) => tidy(new TypeErrorClass(message));

/** The error of an `import` that cannot be: see the resolver. */
export const importError = (message) => {
  const error = new ErrorClass(message);
  defineProperty(error, "name", data("ImportError", false));
  failureCodes.set(error, "import");
  return error;
};

const clipped = (text) => (text.length > 200 ? substring(text, 0, 200) + "…" : text);

// What was thrown, when it was no error: `the string "x"`.
const thrownValue = (value) => {
  if (value === null || value === undefined) return StringOf(value);
  const kind = typeof value;
  if (kind === "object") return "the object " + clipped(stringify(value));
  if (kind === "function") return "a function";
  if (kind === "string") return "the string " + clipped(stringify(value));
  return "the " + kind + " " + clipped(StringOf(value));
};

// The host keeps a part of this; more would be too much to hand over.
const LONG = 64 * 1024;
const atMost = (value) => (value.length > LONG ? substring(value, 0, LONG) : value);
const text = (value, otherwise) => (typeof value === "string" ? toWellFormed(atMost(value)) : otherwise);

// The error of a failed call that this error is, or that it names as its cause.
const failureIn = (value) => {
  if (sees(2) && isArray(value.errors) && value.errors.length > 0) {
    const first = value.errors[0];
    if (typeof first === "object" && first !== null && failureCodes.get(first) !== undefined) return first;
  }
  let current = value;
  for (let depth = 0; depth < 8 && typeof current === "object" && current !== null; depth++) {
    if (failureCodes.get(current) !== undefined) return current;
    current = current.cause;
  }
  return undefined;
};

const REASONS_MAX = 3;

const reason = (value) => {
  if (typeof value === "object" && value !== null && typeof value.message === "string") {
    return text(value.name, "Error") + ": " + clipped(text(value.message, ""));
  }
  return toWellFormed(thrownValue(value));
};

// The reasons behind an error: those of `Promise.any`, and its cause.
const withReasons = (value, message) => {
  let words = message;
  if (isArray(value.errors) && value.errors.length > 0) {
    words = words === "" ? "all of them failed" : words;
    const count = value.errors.length < REASONS_MAX ? value.errors.length : REASONS_MAX;
    for (let index = 0; index < count; index++) words += (index === 0 ? ": " : "; ") + reason(value.errors[index]);
    if (value.errors.length > count) words += "; and " + (value.errors.length - count) + " more";
  }
  if (value.cause !== undefined && value.cause !== value) words += " (because of " + reason(value.cause) + ")";
  return words;
};

/** The code of the failed call that this error is. */
export const failureCodeOf = (error) => failureCodes.get(error);

/**
 * `[name, message, stack, code of the failed call, its number]`; the last two
 * are undefined where there is none.
 * Whatever was thrown may fight back (a getter, a proxy), and loses.
 */
export const describe = (value) => {
  let name = "Error";
  let message = "threw something that cannot be read";
  let stack = "";
  let code;
  let call;
  try {
    const failure = typeof value === "object" && value !== null ? failureIn(value) : undefined;
    if (failure !== undefined) {
      code = failureCodes.get(failure);
      call = failedCalls.get(failure);
    }
    if (typeof value === "object" && value !== null && typeof value.message === "string") {
      message = text(value.message, "");
      if (sees(2)) message = atMost(withReasons(value, message));
      name = text(value.name, "Error");
      stack = text(value.stack, "");
    } else {
      message = "threw " + toWellFormed(thrownValue(value));
    }
  } catch {
    // What was read so far is what there is.
  }
  const record = slots(5);
  record[0] = name;
  record[1] = message;
  record[2] = stack;
  record[3] = code;
  record[4] = call;
  return record;
};

/** Where the code that runs now is, as text, for the watcher of promises. */
export const whereAmI = () => new ErrorClass("").stack;

// One value of a `log` or `console` line.
export const show = (value) => {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return StringOf(value) + "n";
  if (typeof value === "function") return "[function]";
  if (typeof value !== "object" || value === null) return StringOf(value);
  try {
    if (value instanceof ErrorClass) return apply(errorToString, value, []);
    const json = stringify(value);
    return json === undefined ? "[an object]" : json;
  } catch {
    return "[an object that cannot be shown]";
  }
};
