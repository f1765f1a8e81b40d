// Values as JSON text, from surface 2 on: the result of a script, the arguments
// of a child, the options of an agent.
//
// Nearly all of them are plain data, which `JSON.stringify` writes as it is. Of
// any other a copy is built first and written then: the copy has no prototypes,
// so that nothing a script did to those of arrays and objects changes its
// result, and parts that JSON has no word for can be left out and named.

import {
  ArrayProto, NumberOf, ObjectPrototype, StringOf, apply, create, isArray, keysOf, newSet, newWeakMap, ownKeys, ownList,
  pathStep, slots, stringify,
} from "smol:primordials";
import { describe, typeError } from "smol:errors";
import { ERROR, PROMISE, errorParts, kindOf, kindProtos, unboxed } from "smol:kinds";
import { warn } from "smol:warnings";

let host;

export const useHost = (imports) => {
  host = imports;
  host.useKinds(kindProtos);
};

/**
 * Whether JSON loses nothing of a value that nobody is told of: data alone, and
 * none of the script's code would run to write it. False where nobody knows.
 */
export const isPlain = (value) => !("toJSON" in ArrayProto) && !("toJSON" in ObjectPrototype) && host.isPlain(value);

const NO_WORD = { __proto__: null, function: "a function", symbol: "a symbol", bigint: "a BigInt" };

/** What a value is called that JSON cannot hold whatever it is; else undefined. */
export const unfitKind = (value) => NO_WORD[typeof value];

// What a value is for, in the words of a warning. `numbers` is what becomes of
// those that JSON has no word for, where that is not `null` without a word.
const RESULT = {
  __proto__: null, part: "result_part", promise: "result_promise", whole: "the result", has: "has", numbers: "null",
};
const ARGS = {
  __proto__: null, part: "args_part", promise: "args_promise", whole: "the arguments", has: "have", numbers: "null",
};
const OPTIONS = {
  __proto__: null, part: "options_part", promise: "options_part", whole: "the options", has: "have", numbers: "told",
};
// The host refuses `retry` by what was written.
const RETRY = { __proto__: OPTIONS, numbers: "spoken" };

/** JSON text of the result: `{text}`, or `{problem}` that says where and why there is none. */
export const resultJson = (value, root, lenient) => asText(value, root, lenient, RESULT, undefined);

// What has no text must be said: a child would be started with nothing, an agent
// asked without its schema.
const refused = (what, problem) => typeError(what + ": " + problem);

/** JSON text of the arguments of `workflow()`; undefined of undefined. */
export const argsJson = (value, lenient, stack) => {
  if (value === undefined) return undefined;
  const { text, problem } = asText(value, "args", lenient, ARGS, stack);
  if (problem !== undefined) throw refused("workflow(target, args)", problem);
  return text === "" ? undefined : text;
};

// Parts of options of which a loss was told: most calls share theirs.
const told = newWeakMap();

/**
 * `{copy}` of a part of the options of a call, of which JSON loses nothing that
 * is not told, and `{note}` of the first number in it that JSON has no word for.
 */
export const partOfOptions = (value, name, lenient, what, stack) => {
  const result = copied(value, "options", name, lenient, name === "retry" ? RETRY : OPTIONS, stack);
  if (result.problem !== undefined) throw refused(what, result.problem);
  return result;
};

// Elements on a prototype: a list with holes shows them, and `JSON.stringify`
// keeps a list of its own, which a setter there gets in the way of.
const hasElements = () => hasIndex(ArrayProto) || hasIndex(ObjectPrototype);

const asText = (value, root, lenient, purpose, stack) => {
  const isOdd = hasElements();
  let copy = value;
  if (isOdd || !isPlain(value)) {
    const result = copied(value, root, undefined, lenient, purpose, stack);
    if (result.problem !== undefined) return { __proto__: null, text: undefined, problem: result.problem };
    copy = result.copy;
  }
  if (copy === undefined) return { __proto__: null, text: "", problem: undefined };
  return { __proto__: null, text: isOdd ? spelled(copy) : stringify(copy), problem: undefined };
};

/** What is written of a number that JSON has no word for; undefined of any other. */
export const oddNumber = (value) => (value - value === 0 ? undefined : StringOf(value));

/**
 * `{copy}`, or `{problem}` that says where and why there is none; undefined has
 * the copy undefined. Every getter and `toJSON` runs once. `lenient`: parts
 * without a word in JSON are left out with a warning instead. `name` is that of
 * the property of `root` that the value is, if it is one. `stack` is where in
 * the author's text the value is used.
 */
const copied = (value, root, name, lenient, purpose, stack) => {
  let problem;
  let note;
  let isQuiet;
  const open = newSet();
  // The object that is copied now, the value itself first, as if in a list.
  const box = ownList();
  let source = ownList();
  source[0] = value;
  let copy = box;
  let keys = null;
  let next = 0;
  let count = 1;
  // Those around it, the outermost first. No recursion: it may nest deeply.
  const around = ownList();
  let depth = 0;

  const step = (names, after) => pathStep(names === null, names === null ? after - 1 : names[after - 1]);
  const path = () => {
    let text = name === undefined ? root : root + pathStep(false, name);
    for (let index = 1; index < depth; index++) text += step(around[index][2], around[index][3]);
    return depth === 0 ? text : text + step(keys, next);
  };
  const tell = (code, where, words) => {
    if (isQuiet === undefined) {
      isQuiet = purpose.part === OPTIONS.part && told.get(value) === true;
      if (purpose.part === OPTIONS.part) told.set(value, true);
    }
    if (!isQuiet) warn(code, where + words, { __proto__: null, path: where, stack });
  };
  const unfit = (what) => {
    const where = path();
    if (!lenient || depth === 0) {
      problem = where + " " + what;
      return;
    }
    if (keys === null) copy[next - 1] = null;
    const lost = keys === null ? "it is null there" : "it is left out of " + purpose.whole;
    tell(purpose.part, where, " " + what + ": " + lost);
  };
  const number = (key, item) => {
    const word = oddNumber(item);
    if (word === undefined || purpose.numbers === "null") {
      copy[key] = item;
    } else if (purpose.numbers === "spoken") {
      copy[key] = word;
    } else if (lenient) {
      const where = path();
      if (note === undefined) note = where + " is " + word + ", which JSON shows as null";
      copy[key] = null;
      tell(purpose.part, where, " is " + word + ", which JSON shows as null");
    } else {
      problem = path() + " is " + word + ", which JSON has no word for";
    }
  };
  const emptied = (kind) => {
    // Claude Code's children get {} too. A result shows what an error says.
    if (kind === ERROR && purpose === RESULT) return;
    const where = path();
    if (kind !== PROMISE) {
      tell(purpose.part, where, " is " + kind.name + ", which JSON shows as {}");
    } else if (lenient) {
      tell(purpose.promise, where, " is " + kind.name + ", so " + purpose.whole + " " + purpose.has + " {} there");
    } else {
      problem = where + " is " + kind.name;
    }
  };
  const enter = (key, item, kind) => {
    if (open.has(item)) {
      problem = path() + " is one of the values that it stands in: JSON has no cycles";
      return;
    }
    let inner;
    let names = null;
    let length;
    if (isArray(item)) {
      inner = ownList();
      length = NumberOf(item.length);
    } else {
      inner = create(null);
      if (kind !== undefined && kind.name !== undefined) emptied(kind);
      names = keysOf(item);
      if (kind === ERROR && purpose === RESULT && errorParts(item, inner)) names = withErrors(names);
      length = names.length;
    }
    copy[key] = inner;
    open.add(item);
    around[depth++] = [source, copy, keys, next, count];
    source = item;
    copy = inner;
    keys = names;
    next = 0;
    count = length;
  };
  const place = (key, given) => {
    let item = given;
    let type = typeof item;
    if (type === "object" || type === "bigint") {
      const toJSON = item.toJSON;
      if (typeof toJSON === "function") {
        const asked = depth > 0 ? StringOf(key) : name === undefined ? "" : name;
        item = apply(toJSON, item, [asked]);
        type = typeof item;
      }
    }
    let kind;
    if (type === "object" && item !== null && !isArray(item)) {
      kind = kindOf(item);
      if (kind !== undefined && kind.unbox !== undefined) {
        item = unboxed(item, kind);
        type = typeof item;
      }
    }
    if (type === "object" && item !== null) enter(key, item, kind);
    else if (type === "number") number(key, item);
    else if (type === "bigint") problem = path() + " is a BigInt";
    else if (NO_WORD[type] !== undefined) unfit("is " + NO_WORD[type]);
    else if (item !== undefined) copy[key] = item;
    else if (keys === null && depth > 0) copy[key] = null;
  };

  while (problem === undefined) {
    if (!(next < count)) {
      if (depth === 0) break;
      open.delete(source);
      const outer = around[--depth];
      source = outer[0];
      copy = outer[1];
      keys = outer[2];
      next = outer[3];
      count = outer[4];
      continue;
    }
    const key = keys === null ? next : keys[next];
    next++;
    try {
      const item = source[key];
      const type = typeof item;
      const isPlain = type === "string" || type === "boolean" || item === null || (type === "number" && item - item === 0);
      if (isPlain) copy[key] = item;
      else place(key, item);
    } catch (error) {
      if (depth === 0) throw error;
      const { 0: title, 1: message } = describe(error);
      unfit("cannot be read (" + title + ": " + message + ")");
    }
  }
  return { __proto__: null, copy: box[0], problem, note };
};

// Whether there is an element in it: those come first.
const hasIndex = (proto) => {
  const name = ownKeys(proto)[0];
  return typeof name === "string" && StringOf(NumberOf(name)) === name && NumberOf(name) >= 0;
};

// `JSON.stringify` of a copy, without it.
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
