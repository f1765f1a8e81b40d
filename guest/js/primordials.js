// The intrinsics that the prelude uses, taken before any author code runs.
// A script may patch its globals and prototypes as it likes: nothing here, and
// nothing built on it, looks at them again. This is for correctness; what a
// script may do is decided by the host alone.

export const { apply, ownKeys } = Reflect;
export const { create, defineProperty, freeze, getPrototypeOf, hasOwn, keys: keysOf, setPrototypeOf } = Object;
export const { isArray } = Array;
export const { stringify, parse } = JSON;
export const StringOf = String;
export const NumberOf = Number;
export const truncate = Math.trunc;
export const BigIntOf = BigInt;
export const AggregateErrorProto = AggregateError.prototype;
export const ErrorProto = Error.prototype;
export const ArrayProto = Array.prototype;
export const MapProto = Map.prototype;
export const SetProto = Set.prototype;
export const WeakMapProto = WeakMap.prototype;
export const WeakSetProto = WeakSet.prototype;
export const RegExpProto = RegExp.prototype;
export const PromiseProto = Promise.prototype;
export const StringProto = String.prototype;
export const NumberProto = Number.prototype;
export const BooleanProto = Boolean.prototype;
export const BigIntProto = BigInt.prototype;
export const DateProto = Date.prototype;
export const NumberValueOf = Number.prototype.valueOf;
export const StringValueOf = String.prototype.valueOf;
export const BooleanValueOf = Boolean.prototype.valueOf;
export const ErrorClass = Error;
export const TypeErrorClass = TypeError;
export const RangeErrorClass = RangeError;
export const PromiseClass = Promise;
export const global = globalThis;
export const ObjectPrototype = Object.prototype;

const { then } = Promise.prototype;
const { resolve, reject } = Promise;
const { slice, indexOf, split, toWellFormed: wellFormed, charCodeAt } = String.prototype;
const { join } = Array.prototype;
const { normalize: normalized, toLowerCase, toUpperCase } = String.prototype;
const { toFixed: fixed } = Number.prototype;
const { getTime } = Date.prototype;
const set = { __proto__: null, add: Set.prototype.add, has: Set.prototype.has, delete: Set.prototype.delete };
const SetClass = Set;
const dates = {
  __proto__: null,
  getUTCHours: Date.prototype.getUTCHours,
  getUTCMinutes: Date.prototype.getUTCMinutes,
  getUTCSeconds: Date.prototype.getUTCSeconds,
  getUTCDate: Date.prototype.getUTCDate,
  getUTCMonth: Date.prototype.getUTCMonth,
  getUTCFullYear: Date.prototype.getUTCFullYear,
};
const map = { __proto__: null, get: Map.prototype.get, set: Map.prototype.set, delete: Map.prototype.delete };
const weak = { __proto__: null, get: WeakMap.prototype.get, set: WeakMap.prototype.set };
const MapClass = Map;
const WeakMapClass = WeakMap;

// `await` and `then` ask a promise for its `constructor` and that for its
// species. With these two fixed, they use the engine's own machinery on every
// native promise, whatever a script does to `then`.
defineProperty(Promise.prototype, "constructor", { writable: false, configurable: false });
defineProperty(Promise, Symbol.species, { configurable: false });
defineProperty(globalThis, "Promise", { writable: false, configurable: false });

export const promiseThen = (promise, onValue, onError) => apply(then, promise, [onValue, onError]);
export const toPromise = (value) => apply(resolve, PromiseClass, [value]);
export const rejected = (error) => apply(reject, PromiseClass, [error]);
export const substring = (text, from, to) => apply(slice, text, [from, to]);
export const find = (text, part) => apply(indexOf, text, [part]);
export const charCode = (text, index) => apply(charCodeAt, text, [index]);
export const lines = (text) => apply(split, text, ["\n"]);
export const joined = (list, between) => apply(join, list, [between]);

export const normalize = (text, form) => apply(normalized, text, [form]);
export const lowerCase = (text) => apply(toLowerCase, text, []);
export const upperCase = (text) => apply(toUpperCase, text, []);
export const toFixed = (number, digits) => apply(fixed, number, [digits]);
export const typedDate = (date) => apply(getTime, date, []);
export const dateField = (name, date) => apply(dates[name], date, []);

/** A string that UTF-8 can carry: lone surrogates become U+FFFD. */
export const toWellFormed = (text) => apply(wellFormed, text, []);

/** A property that no prototype can get in the way of. */
export const data = (value, enumerable = true) => {
  const descriptor = create(null);
  descriptor.value = value;
  descriptor.writable = true;
  descriptor.enumerable = enumerable;
  descriptor.configurable = true;
  return descriptor;
};

/** The same, for good. */
export const constant = (value, enumerable = true) => {
  const descriptor = create(null);
  descriptor.value = value;
  descriptor.writable = false;
  descriptor.enumerable = enumerable;
  descriptor.configurable = false;
  return descriptor;
};

/** An array without a prototype: writing at its end asks nobody. */
export const ownList = () => setPrototypeOf([], null);

/** An array of `count` slots of its own: writing them asks no prototype. */
export const slots = (count) => {
  const list = [];
  const empty = data(null);
  for (let index = 0; index < count; index++) defineProperty(list, index, empty);
  return list;
};

// Collections whose prototype is the prelude's own: `map.get(key)` asks nothing
// that a script could have changed, and costs a quarter of an `apply`.

/** QuickJS finds a number only among very many others: key by its text. */
export const newMap = () => setPrototypeOf(new MapClass(), map);
export const newSet = () => setPrototypeOf(new SetClass(), set);
export const newWeakMap = () => setPrototypeOf(new WeakMapClass(), weak);

const isNameCode = (code, first) =>
  code === 36 || code === 95 || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ||
  (!first && code >= 48 && code <= 57);

const isName = (key) => {
  if (key.length === 0) return false;
  for (let index = 0; index < key.length; index++) {
    if (!isNameCode(charCode(key, index), index === 0)) return false;
  }
  return true;
};

/** One step of a path, such as `.name`, `[3]` or `["a b"]`. */
export const pathStep = (inList, key) => {
  if (inList) return "[" + key + "]";
  return isName(key) ? "." + key : "[" + stringify(key) + "]";
};
