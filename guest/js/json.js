// Values as JSON text: the options of a call, and the result of a script.

import {
  charCode, freeze, isArray, ownKeys, parse, pathStep, stringify,
} from "smol:primordials";
import { typeError } from "smol:errors";
import { isModernBody } from "smol:surface";
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

/** JSON text of a call's options, read once; `{}` when there are none. */
export const optionsJson = (options, what, stack) => {
  if (options === undefined || options === null) return "{}";
  if (typeof options === "object" && !isArray(options)) {
    const text = stringify(options);
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
