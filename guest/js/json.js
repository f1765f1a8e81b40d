// Values as JSON text: the options of a call, and the result of a script under
// surface 1.

import {
  ObjectPrototype, apply, create, freeze, getPrototypeOf, hasOwn, isArray, keysOf, ownKeys, parse, pathStep, stringify,
} from "smol:primordials";
import { typeError } from "smol:errors";
import { hollowKind } from "smol:kinds";
import { isPlain, oddNumber, partOfOptions, unfitKind } from "smol:values";
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
const RESTRICTING = ["permissions", "disallowedTools", "allowedTools", "tools", "bashCommandClamp", "isolation", "schema", "maxTurns"];

// So many of them do under surface 2.
const RESTRICTING_SECOND = 7;

// A number that is none can be no name, and must not pass for one.
const NAMES = ["model", "provider", "agentType"];

const isOneOf = (list, name) => {
  for (let index = 0; index < list.length; index++) if (list[index] === name) return true;
  return false;
};

// The options of the calls that wait for people.
const OF_PEOPLE = ["label", "detail", "schema", "default", "match", "timeout", "onTimeout"];

// Whether no option at all may be lost: each says who may answer with what, or when
// the wait ends.
let isWhole = false;

const restricts = (name) => isWhole || (isOneOf(RESTRICTING, name) && (sees(3) || name !== "maxTurns"));

// What JSON has no word for: refused where a loss could set an agent free.
const unfitOption = (name, unfit, what, stack) => {
  const path = "options" + pathStep(false, name);
  const problem = path + " is " + unfit;
  if (!isModernBody() || unfit === "a BigInt" || restricts(name)) throw typeError(what + ": " + problem);
  warn("options_part", problem + ": it is left out of the options", { __proto__: null, path, stack });
};

// Puts one option into the copy, as the host shall see it; gives what is to be
// said of it if the host refuses it.
const addOption = (copy, name, value, what, stack) => {
  const type = typeof value;
  if (type === "object" && value !== null) {
    const part = partOfOptions(value, name, isModernBody() && !isWhole, what, stack);
    copy[name] = part.copy;
    return part.note;
  }
  if (type === "number" && oddNumber(value) !== undefined) {
    copy[name] = oddNumber(value);
    if (isOneOf(NAMES, name)) throw typeError(what + ": options." + name + " is " + copy[name]);
    return undefined;
  }
  const unfit = unfitKind(value);
  if (unfit !== undefined) unfitOption(name, unfit, what, stack);
  else copy[name] = value;
  return undefined;
};

// Whether an object has a property that it does not have of all objects.
const hasBelow = (object, name) => {
  for (let at = object; at !== null && at !== ObjectPrototype; at = getPrototypeOf(at)) {
    if (hasOwn(at, name)) return true;
  }
  return false;
};

// What the options that were read last cannot show.
let note;

// A copy of the options that loses nothing of them without a word.
const wholeOptions = (given, what, stack) => {
  const toJSON = given.toJSON;
  const options = typeof toJSON === "function" ? apply(toJSON, given, [""]) : given;
  if (typeof options !== "object" || options === null || isArray(options)) return options;
  const hollow = hollowKind(options);
  if (hollow !== undefined) throw typeError(what + " are " + hollow + ": write them as { name: value }");
  const read = create(null);
  const keys = keysOf(options);
  for (let index = 0; index < keys.length; index++) read[keys[index]] = options[keys[index]];
  // Inherited ones and hidden ones, which JSON does not see.
  const wanted = isWhole ? OF_PEOPLE : RESTRICTING;
  const count = isWhole || sees(3) ? wanted.length : RESTRICTING_SECOND;
  for (let index = 0; index < count; index++) {
    const name = wanted[index];
    if (name in read || (name in ObjectPrototype && !hasBelow(options, name))) continue;
    const value = options[name];
    if (value !== undefined) read[name] = value;
  }
  if (isPlain(read)) return read;
  const copy = create(null);
  const names = keysOf(read);
  let first;
  for (let index = 0; index < names.length; index++) {
    const said = addOption(copy, names[index], read[names[index]], what, stack);
    if (first === undefined) first = said;
  }
  note = first;
  return copy;
};

const textOfOptions = (options, what, stack) => {
  note = undefined;
  if (options === undefined || options === null) return "{}";
  if (typeof options === "object" && !isArray(options)) {
    const text = stringify(sees(2) ? wholeOptions(options, what, stack) : options);
    if (text !== undefined && text[0] === "{") return text;
  }
  if (isModernBody() && !isWhole) {
    warn("options_ignored", what + " are not an object and are ignored", { __proto__: null, stack });
    return "{}";
  }
  throw typeError(what + " must be an object");
};

// A getter or `toJSON` of the options may make another call.
const textAs = (whole, options, what, stack) => {
  const before = isWhole;
  isWhole = whole;
  try {
    return textOfOptions(options, what, stack);
  } finally {
    isWhole = before;
  }
};

/** JSON text of a call's options, read once; `{}` when there are none. */
export const optionsJson = (options, what, stack) => textAs(false, options, what, stack);

/** The same of a call that waits for people: whatever JSON has no word for is refused. */
export const wholeOptionsJson = (options, what, stack) => textAs(true, options, what, stack);

/** What those options cannot show, for when the host refuses them; else undefined. */
export const noteOfOptions = () => note;

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
