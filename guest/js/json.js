// Values as JSON text: the options of a call, and the result of a script.

import {
  StringOf, apply, charCode, create, freeze, isArray, keysOf, newWeakMap, ownKeys, parse, pathStep, stringify,
} from "smol:primordials";
import { typeError } from "smol:errors";
import { lookInto, unfitKind } from "smol:result";
import { isModernBody, sees } from "smol:surface";
import { warn } from "smol:warnings";

const UNFIT = { __proto__: null, function: "a function", symbol: "a symbol", bigint: "a BigInt" };

/**
 * `{text}` or, for a value that JSON has no word for, `{problem}` that says
 * where. Goes by the rules of `JSON.stringify`, but refuses what those would
 * silently drop: functions and symbols. Every getter and `toJSON` runs once;
 * what one of them throws is thrown.
 */
export const strictJson = (value, root) => {
  // The objects that are being written, innermost first, each with the key it
  // stands under: `JSON.stringify` goes depth first, so this is the path.
  let open = null;
  let problem;
  const path = (holder, key, around) => {
    let text = pathStep(isArray(holder), key);
    for (let at = around; at.parent !== null; at = at.parent) text = pathStep(isArray(at.parent.object), at.key) + text;
    return root + text;
  };
  const replacer = function (key, item) {
    const kind = typeof item;
    while (open !== null && open.object !== this) open = open.parent;
    const unfit = UNFIT[kind];
    if (unfit !== undefined) {
      problem = (open === null ? root : path(this, key, open)) + " is " + unfit;
      throw null;
    }
    if (kind === "object" && item !== null) open = { __proto__: null, object: item, key, parent: open };
    return item;
  };
  try {
    const text = stringify(value, replacer);
    return { __proto__: null, text: text === undefined ? "null" : text, problem };
  } catch (error) {
    // `stringify` refuses a cycle right after it has shown the object to the
    // replacer: then the innermost one is one of those around it.
    for (let at = open && open.parent; at !== null && problem === undefined; at = at.parent) {
      if (at.object !== open.object) continue;
      problem = path(open.parent.object, open.key, open.parent) + " is one of the values that it stands in: JSON has no cycles";
    }
    if (problem === undefined) throw error;
    return { __proto__: null, text: undefined, problem };
  }
};

// Those that hold an agent to something: to lose one would set it free.
const RESTRICTING = ["permissions", "disallowedTools", "allowedTools", "tools", "bashCommandClamp", "isolation", "schema"];

// Parts of options that were looked into: most calls share theirs.
const seen = newWeakMap();

// JSON has no word for these numbers, and the host shall see what was written.
const spoken = (value) =>
  typeof value === "number" && (value !== value || value === Infinity || value === -Infinity) ? StringOf(value) : value;

// A number that is none can be no name, and must not pass for one.
const NAMES = ["model", "provider", "agentType"];

const isOneOf = (list, name) => {
  for (let index = 0; index < list.length; index++) if (list[index] === name) return true;
  return false;
};

// A copy of the options that loses nothing of them without a word.
const wholeOptions = (given, what, stack) => {
  const toJSON = given.toJSON;
  const options = typeof toJSON === "function" ? apply(toJSON, given, [""]) : given;
  if (typeof options !== "object" || options === null || isArray(options)) return options;
  const copy = create(null);
  const keys = keysOf(options);
  for (let index = 0; index < keys.length; index++) {
    const name = keys[index];
    const value = options[name];
    const unfit = typeof value === "object" ? undefined : unfitKind(value);
    const path = "options" + pathStep(false, name);
    if (unfit !== undefined) {
      const problem = path + " is " + unfit;
      if (!isModernBody() || unfit === "a BigInt" || isOneOf(RESTRICTING, name)) throw typeError(what + ": " + problem);
      warn("options_part", problem + ": it is left out of the options", { __proto__: null, path, stack });
      continue;
    }
    if (typeof value !== "object" || value === null) {
      copy[name] = spoken(value);
      if (copy[name] !== value && isOneOf(NAMES, name)) throw typeError(what + ": " + path + " is " + copy[name]);
      continue;
    }
    if (seen.get(value) === undefined) {
      lookInto(value, path, isModernBody(), what, stack);
      seen.set(value, true);
    }
    copy[name] = name === "retry" ? spokenParts(value) : value;
  }
  return copy;
};

// The numbers of `retry`, as above.
const spokenParts = (value) => {
  if (isArray(value) || typeof value.toJSON === "function") return value;
  const copy = create(null);
  const keys = keysOf(value);
  for (let index = 0; index < keys.length; index++) copy[keys[index]] = spoken(value[keys[index]]);
  return copy;
};

/** JSON text of a call's options, read once; `{}` when there are none. */
export const optionsJson = (options, what, stack) => {
  if (options === undefined || options === null) return "{}";
  if (typeof options === "object" && !isArray(options)) {
    const text = stringify(sees(2) ? wholeOptions(options, what, stack) : options);
    if (text !== undefined && charCode(text, 0) === 123) return text;
  }
  if (isModernBody()) {
    warn("options_ignored", what + " are not an object and are ignored", { __proto__: null, stack });
    return "{}";
  }
  throw typeError(what + " must be an object");
};

/** The value of JSON text, with no part of it that can be changed. */
export const frozenJson = (text) => {
  const value = parse(text);
  // No recursion: the host's text may nest deeper than the stack goes.
  let todo = { __proto__: null, value, next: null };
  while (todo !== null) {
    const { value: current, next } = todo;
    todo = next;
    if (typeof current !== "object" || current === null) continue;
    freeze(current);
    const keys = ownKeys(current);
    for (let index = 0; index < keys.length; index++) {
      todo = { __proto__: null, value: current[keys[index]], next: todo };
    }
  }
  return value;
};
