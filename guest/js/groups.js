// `parallel` and `pipeline`: many at once, where a slot that throws becomes
// `null` and the host is told why.

import {
  PromiseClass, apply, isArray, promiseThen, rejected, slots, toPromise,
} from "smol:primordials";
import { describe, typeError } from "smol:errors";
import { isModernBody } from "smol:surface";

let host;
let groups = 0;

export const useHost = (imports) => {
  host = imports;
};

const NO_ARGUMENTS = [];

const parallel = (thunks) => {
  if (!isArray(thunks)) {
    return rejected(typeError("parallel(thunks): the thunks must be an array of functions"));
  }
  const ordinal = ++groups;
  const count = thunks.length;
  const results = slots(count);
  let left = count;
  return new PromiseClass((resolve) => {
    if (count === 0) resolve(results);
    const done = () => {
      if (--left === 0) resolve(results);
    };
    const start = (index) => {
      const failed = (error) => {
        host.nullSlot("parallel", ordinal, index, undefined, describe(error));
        done();
      };
      const filled = (value) => {
        results[index] = value;
        done();
      };
      try {
        const thunk = thunks[index];
        const value = typeof thunk === "function" ? apply(thunk, undefined, NO_ARGUMENTS) : thunk;
        promiseThen(toPromise(value), filled, failed);
      } catch (error) {
        failed(error);
      }
    };
    for (let index = 0; index < count; index++) start(index);
  });
};

const pipeline = (items, ...stages) => {
  if (!isArray(items)) {
    return rejected(typeError("pipeline(items, ...stages): the items must be an array"));
  }
  for (let stage = 0; stage < stages.length; stage++) {
    if (typeof stages[stage] !== "function") {
      return rejected(typeError("pipeline(items, ...stages): stage " + (stage + 1) + " is not a function"));
    }
  }
  const ordinal = ++groups;
  const count = items.length;
  const results = slots(count);
  let left = count;
  return new PromiseClass((resolve) => {
    if (count === 0) resolve(results);
    // Each item goes its own way: no stage waits for another item.
    const flow = async (index) => {
      let stage = -1;
      try {
        const item = await items[index];
        let value = item;
        for (stage = 0; stage < stages.length; stage++) {
          // In a body null ends its item, as in Claude Code; all else goes on.
          if (value === null && isModernBody()) break;
          const given = slots(3);
          given[0] = value;
          given[1] = item;
          given[2] = index;
          value = await apply(stages[stage], undefined, given);
        }
        results[index] = value;
      } catch (error) {
        host.nullSlot("pipeline", ordinal, index, stage < 0 ? undefined : stage, describe(error));
      }
      if (--left === 0) resolve(results);
    };
    for (let index = 0; index < count; index++) flow(index);
  });
};

export const constructs = { __proto__: null, parallel, pipeline };
