// Values as JSON text, from surface 2 on: the result of a script, the arguments
// of a child, a schema.
//
// A copy is built first and written then: the copy has no prototypes, so that
// nothing a script did to those of arrays and objects changes its result, and
// parts that JSON has no word for can be left out and named.

import {
  AggregateErrorProto, ArrayProto, BooleanValueOf, NumberOf, ObjectPrototype, ownKeys, ErrorProto, MapProto, NumberValueOf, PromiseProto, RegExpProto,
  SetProto, StringOf, StringValueOf, WeakMapProto, WeakSetProto, apply, create, getPrototypeOf, isArray,
  keysOf, newSet, pathStep, setPrototypeOf, slots, stringify,
} from "smol:primordials";
import { describe, failureCodeOf, typeError } from "smol:errors";
import { warn } from "smol:warnings";

const NO_WORD = { __proto__: null, function: "a function", symbol: "a symbol", bigint: "a BigInt" };

/** What a value is called that JSON cannot hold whatever it is; else undefined. */
export const unfitKind = (value) => NO_WORD[typeof value];

const inherits = (value, proto) => {
  for (let at = getPrototypeOf(value); at !== null; at = getPrototypeOf(at)) {
    if (at === proto) return true;
  }
  return false;
};

// Those that `JSON.stringify` shows as `{}` whatever they hold.
const HOLLOW = [
  [MapProto, "a Map"], [SetProto, "a Set"], [WeakMapProto, "a WeakMap"], [WeakSetProto, "a WeakSet"],
  [RegExpProto, "a regular expression"],
];

const hollow = (value, purpose) => {
  // Claude Code's children get {} too. A result shows what an error says.
  if (purpose !== RESULT && inherits(value, ErrorProto)) return "an error";
  for (let index = 0; index < HOLLOW.length; index++) {
    if (inherits(value, HOLLOW[index][0])) return HOLLOW[index][1];
  }
  return undefined;
};

const UNBOX = [NumberValueOf, StringValueOf, BooleanValueOf];

// The value in `new Number(1)` and the like, else the object itself.
const unboxed = (value) => {
  for (let index = 0; index < UNBOX.length; index++) {
    try {
      return apply(UNBOX[index], value, []);
    } catch {
      // It is none of these.
    }
  }
  return value;
};

const isPlain = (value) => {
  const proto = getPrototypeOf(value);
  return proto === null || getPrototypeOf(proto) === null;
};

// What an error shows of itself, besides what was set on it.
const errorParts = (error, copy) => {
  const name = error.name;
  const message = error.message;
  copy.name = typeof name === "string" ? name : "Error";
  copy.message = typeof message === "string" ? message : "";
  const code = failureCodeOf(error);
  if (code !== undefined) copy.code = code;
  if (inherits(error, AggregateErrorProto) && isArray(error.errors)) return true;
  return false;
};

/** What a value is for, in the words of a warning. */
const RESULT = { __proto__: null, part: "result_part", promise: "result_promise", whole: "the result" };
const ARGS = { __proto__: null, part: "args_part", promise: "args_promise", whole: "the arguments" };
const OPTIONS = { __proto__: null, part: "options_part", promise: "options_part", whole: "the options" };

export const resultJson = (value, root, lenient) => valueJson(value, root, lenient, RESULT, undefined);

// What has no text must be said: a child would be started with nothing, an agent
// asked without its schema.
const refused = (what, problem) => typeError(what + ": " + problem);

/** JSON text of the arguments of `workflow()`; undefined of undefined. */
export const argsJson = (value, lenient, stack) => {
  if (value === undefined) return undefined;
  const { text, problem } = valueJson(value, "args", lenient, ARGS, stack);
  if (problem !== undefined) throw refused("workflow(target, args)", problem);
  return text === "" ? undefined : text;
};

/** Says what JSON would lose of a part of the options of a call. */
export const lookInto = (value, root, lenient, what, stack) => {
  const { problem } = valueJson(value, root, lenient, OPTIONS, stack);
  if (problem !== undefined) throw refused(what, problem);
};

/**
 * `{text}`, or `{problem}` that says where and why there is none. `lenient`:
 * parts without a word in JSON are left out with a warning instead. No text at
 * all is `undefined`. `stack` is where in the author's text the value is used.
 */
const valueJson = (value, root, lenient, purpose, stack) => {
  let problem;
  const open = newSet();
  const box = slots(1);
  let frame = { __proto__: null, up: null, key: undefined, source: undefined, copy: box, keys: null, next: 0, count: 1 };

  const pathTo = (at, key) => {
    let text = "";
    let name = key;
    for (let here = at; here.up !== null; here = here.up) {
      text = pathStep(here.keys === null, name) + text;
      name = here.key;
    }
    return root + text;
  };
  const unfit = (at, key, what) => {
    const path = pathTo(at, key);
    if (!lenient || at.up === null) {
      problem = path + " " + what;
      return;
    }
    warn(purpose.part, path + " " + what + ": it is left out of " + purpose.whole, { __proto__: null, path, stack });
  };

  const enter = (at, key, source) => {
    if (open.has(source)) {
      problem = pathTo(at, key) + " is one of the values that it stands in: JSON has no cycles";
      return;
    }
    const list = isArray(source);
    let copy;
    let keys = null;
    let count;
    if (list) {
      count = source.length;
      copy = setPrototypeOf(slots(count), null);
    } else {
      copy = create(null);
      if (!isPlain(source)) {
        if (inherits(source, PromiseProto)) {
          const path = pathTo(at, key);
          const message = path + " is a promise that was not awaited";
          if (!lenient) {
            problem = message;
            return;
          }
          const shown = message + ", so " + purpose.whole + " " + (purpose === RESULT ? "has" : "have") + " {} there";
          warn(purpose.promise, shown, { __proto__: null, path, stack });
        }
        const what = hollow(source, purpose);
        if (what !== undefined) {
          const path = pathTo(at, key);
          warn(purpose.part, path + " is " + what + ", which JSON shows as {}", { __proto__: null, path, stack });
        }
      }
      keys = keysOf(source);
      if (purpose === RESULT && inherits(source, ErrorProto) && errorParts(source, copy)) keys = withErrors(keys);
      count = keys.length;
    }
    at.copy[key] = copy;
    open.add(source);
    frame = { __proto__: null, up: at, key, source, copy, keys, next: 0, count };
  };

  const place = (at, key, given) => {
    let item = given;
    let kind = typeof item;
    if ((kind === "object" && item !== null) || kind === "bigint") {
      const toJSON = item.toJSON;
      if (typeof toJSON === "function") item = apply(toJSON, item, [at.up === null ? "" : StringOf(key)]);
      else if (kind === "object" && !isPlain(item)) item = unboxed(item);
      kind = typeof item;
    }
    if (kind === "bigint") {
      problem = pathTo(at, key) + " is a BigInt";
    } else if (NO_WORD[kind] !== undefined) {
      unfit(at, key, "is " + NO_WORD[kind]);
    } else if (kind === "object" && item !== null) {
      enter(at, key, item);
    } else if (item !== undefined) {
      at.copy[key] = item;
    } else if (at.up === null) {
      at.copy[key] = undefined;
    }
  };

  while (frame !== null && problem === undefined) {
    if (frame.next === frame.count) {
      open.delete(frame.source);
      frame = frame.up;
      continue;
    }
    const at = frame;
    const index = at.next++;
    const key = at.keys === null ? index : at.keys[index];
    try {
      place(at, key, at.up === null ? value : at.source[key]);
    } catch (error) {
      if (at.up === null) throw error;
      const { 0: name, 1: message } = describe(error);
      unfit(at, key, "cannot be read (" + name + ": " + message + ")");
    }
  }
  if (problem !== undefined) return { __proto__: null, text: undefined, problem };
  const text = box[0] === undefined ? "" : written(box[0]);
  return { __proto__: null, text, problem };
};

const hasIndex = (proto) => {
  const names = ownKeys(proto);
  for (let index = 0; index < names.length; index++) {
    const name = names[index];
    if (typeof name === "string" && StringOf(NumberOf(name)) === name && NumberOf(name) >= 0) return true;
  }
  return false;
};

// `JSON.stringify` keeps a list of its own, which a setter on the prototype of
// arrays gets in the way of.
const written = (copy) => (hasIndex(ArrayProto) || hasIndex(ObjectPrototype) ? spelled(copy) : stringify(copy));

const spelled = (value) => {
  if (typeof value !== "object" || value === null) return stringify(value === undefined ? null : value);
  let text = "";
  if (isArray(value)) {
    for (let index = 0; index < value.length; index++) text += (index === 0 ? "" : ",") + spelled(value[index]);
    return "[" + text + "]";
  }
  const keys = keysOf(value);
  for (let index = 0; index < keys.length; index++) {
    text += (index === 0 ? "" : ",") + stringify(keys[index]) + ":" + spelled(value[keys[index]]);
  }
  return "{" + text + "}";
};

const withErrors = (keys) => {
  const all = slots(keys.length + 1);
  let there = false;
  for (let index = 0; index < keys.length; index++) {
    all[index] = keys[index];
    if (keys[index] === "errors") there = true;
  }
  if (there) return keys;
  all[keys.length] = "errors";
  return all;
};
