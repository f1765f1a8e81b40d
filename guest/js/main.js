// The prelude's way in: what the Rust side calls, and nothing a script can.

import { apply, parse, promiseThen, slots } from "smol:primordials";
import { describe, importError, whereAmI } from "smol:errors";
import { frozenJson, strictJson } from "smol:json";
import { resultJson, useHost as valuesUseHost } from "smol:values";
import { settle, useHost as callsUseHost } from "smol:calls";
import { isModernBody, sees, useSurface } from "smol:surface";
import { fire, useHost as timersUseHost } from "smol:timers";
import { useHost as groupsUseHost } from "smol:groups";
import { openGlobals, prepareGlobals } from "smol:globals";

// How the script ended: undefined while it has not, then `["done", json]` or
// `["failed", code, description]`.
let end;
let input;
let context;

const ended = (first, second, third) => {
  end = slots(3);
  end[0] = first;
  end[1] = second;
  end[2] = third;
};

const failedWith = (error) => ended("failed", "thrown", describe(error));

const succeedWith = (value) => {
  try {
    const { text, problem } = sees(2)
      ? resultJson(value, "result", isModernBody())
      : strictJson(value, "result");
    if (problem === undefined) ended("done", text);
    else ended("failed", "result_not_json", describe({ __proto__: null, name: "TypeError", message: problem }));
  } catch (error) {
    failedWith(error);
  }
};

/** Once, when the guest is built; `host` holds the raw imports. */
export const install = (host) => {
  callsUseHost(host);
  groupsUseHost(host);
  timersUseHost(host);
  valuesUseHost(host);
  prepareGlobals(host.random);
};

/** Before any of the author's code runs. */
export const open = (args, meta, surface, isBody) => {
  useSurface(surface, isBody);
  // In a body the arguments are the script's own.
  if (args !== undefined) input = isModernBody() ? parse(args) : frozenJson(args);
  context = openGlobals(input, frozenJson(meta));
};

/** Run a script of the body dialect: `body` is the async function around it. */
export const runBody = (body) => {
  promiseThen(apply(body, undefined, []), succeedWith, failedWith);
};

const finishModule = async (evaluated, namespace) => {
  await evaluated;
  const entry = namespace.default;
  return typeof entry === "function" ? apply(entry, undefined, [input, context]) : entry;
};

/** Finish a module: `evaluated` is the promise of its top level. */
export const runModule = (evaluated, namespace) => {
  promiseThen(finishModule(evaluated, namespace), succeedWith, failedWith);
};

export const outcome = () => end;

export { describe, fire, importError, settle, whereAmI };
