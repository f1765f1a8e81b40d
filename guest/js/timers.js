// `setTimeout` and `clearTimeout`. The host counts the time and says when it is
// up; the callbacks are kept here.

import {
  NumberOf, StringOf, apply, defineProperty, freeze, global, newMap, truncate,
} from "smol:primordials";
import { describe, placeOfCall, refusal, typeError } from "smol:errors";
import { warn, useHost as warningsUseHost } from "smol:warnings";

const callbacks = newMap();
let host;

export const useHost = (imports) => {
  host = imports;
  warningsUseHost(imports);
};

const NO_ARGUMENTS = [];

// Once a script.
let warnedOfArguments = false;

const functions = {
  __proto__: null,

  setTimeout(callback, milliseconds, ...others) {
    if (typeof callback !== "function") {
      throw typeError("setTimeout(callback, milliseconds): the callback must be a function");
    }
    // As elsewhere: what is no number of at least 1 is 1.
    const given = NumberOf(milliseconds);
    const answer = host.setTimer(given >= 1 ? truncate(given) : 1);
    if (typeof answer !== "number") throw refusal(answer, "RangeError");
    callbacks.set(StringOf(answer), callback);
    if (others.length > 0 && !warnedOfArguments) {
      warnedOfArguments = true;
      const message = "setTimeout(callback, milliseconds): a callback is given no arguments; " +
        "write setTimeout(() => callback(value), milliseconds)";
      warn("timer_arguments", message, { __proto__: null, stack: placeOfCall() });
    }
    return answer;
  },

  clearTimeout(timer) {
    const kind = typeof timer;
    const number = kind === "number" || kind === "string" ? NumberOf(timer) : 0;
    if (callbacks.delete(StringOf(number))) host.clearTimer(number);
  },
};

/** Called by the host's `fire`. What the callback throws stops nobody. */
export const fire = (timer) => {
  const key = StringOf(timer);
  const callback = callbacks.get(key);
  if (callback === undefined) return;
  callbacks.delete(key);
  try {
    apply(callback, undefined, NO_ARGUMENTS);
  } catch (error) {
    const { 0: name, 1: message, 2: stack } = describe(error);
    warn("timer_threw", "the callback of a timer threw: " + name + ": " + message, { __proto__: null, stack });
  }
};

/** Once per script. */
export const openTimers = (own) => {
  defineProperty(global, "setTimeout", own(freeze(functions.setTimeout)));
  defineProperty(global, "clearTimeout", own(freeze(functions.clearTimeout)));
};
