// Kinds of objects that JSON shows otherwise than by their keys, told by a
// prototype. A script can fake one: then its object is taken for what it says,
// and is still copied by its own keys.

import {
  AggregateErrorProto, BooleanProto, BooleanValueOf, ErrorProto, MapProto, NumberProto, NumberValueOf, ObjectPrototype,
  PromiseProto, RegExpProto, SetProto, StringProto, StringValueOf, WeakMapProto, WeakSetProto, apply, getPrototypeOf,
  isArray, newMap, ownList,
} from "smol:primordials";
import { failureCodeOf } from "smol:errors";

const KINDS = newMap();

/** The prototypes that tell a kind. */
export const kindProtos = ownList();

const known = (proto, kind) => {
  kindProtos[kindProtos.length] = proto;
  KINDS.set(proto, kind);
};
// Those that `JSON.stringify` shows as `{}` whatever they hold.
const hollow = (proto, name) => known(proto, { __proto__: null, name, unbox: undefined });
// Those in whose place `JSON.stringify` shows what they hold.
const boxed = (proto, unbox) => known(proto, { __proto__: null, name: undefined, unbox });
hollow(MapProto, "a Map");
hollow(SetProto, "a Set");
hollow(WeakMapProto, "a WeakMap");
hollow(WeakSetProto, "a WeakSet");
hollow(RegExpProto, "a regular expression");
hollow(PromiseProto, "a promise that was not awaited");
hollow(ErrorProto, "an error");
boxed(NumberProto, NumberValueOf);
boxed(StringProto, StringValueOf);
boxed(BooleanProto, BooleanValueOf);
export const PROMISE = KINDS.get(PromiseProto);
export const ERROR = KINDS.get(ErrorProto);

/** The kind of an object that is no array; undefined of one that is shown by its keys. */
export const kindOf = (value) => {
  for (let at = getPrototypeOf(value); at !== null && at !== ObjectPrototype; at = getPrototypeOf(at)) {
    const kind = KINDS.get(at);
    if (kind !== undefined) return kind;
  }
  return undefined;
};

/** What an object is called that JSON shows as `{}` whatever it holds; else undefined. */
export const hollowKind = (value) => {
  const kind = kindOf(value);
  return kind === undefined ? undefined : kind.name;
};

/** The value in `new Number(1)` and the like; the object itself when it is a fake. */
export const unboxed = (value, kind) => {
  try {
    return apply(kind.unbox, value, []);
  } catch {
    return value;
  }
};

const inherits = (value, proto) => {
  for (let at = getPrototypeOf(value); at !== null; at = getPrototypeOf(at)) {
    if (at === proto) return true;
  }
  return false;
};

/** Puts what an error shows of itself into the copy; whether it has `errors`. */
export const errorParts = (error, copy) => {
  const name = error.name;
  const message = error.message;
  copy.name = typeof name === "string" ? name : "Error";
  copy.message = typeof message === "string" ? message : "";
  const code = failureCodeOf(error);
  if (code !== undefined) copy.code = code;
  return inherits(error, AggregateErrorProto) && isArray(error.errors);
};
