// What a script finds in its global scope, fixed for good.

import {
  ObjectPrototype, constant, create, data, defineProperty, freeze, global, ownKeys,
} from "smol:primordials";
import { asks, budget, calls } from "smol:calls";
import { constructs } from "smol:groups";
import { openLocale } from "smol:locale";
import { isModernBody, sees } from "smol:surface";
import { openTimers } from "smol:timers";

// Each of these would tell two runs of one script apart (when the collector
// ran, what a thread did, what time it is), or is the engine's own.
const REMOVED = [
  "WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics", "performance", "gc", "Javy",
  "print", "scriptArgs", "std", "os", "bjson", "navigator",
];

const LOG_LEVELS = ["log", "info", "warn", "error", "debug"];

const freezeAll = (functions) => {
  const names = ownKeys(functions);
  for (let index = 0; index < names.length; index++) freeze(functions[names[index]]);
};

/** Once, when the guest is built. */
export const prepareGlobals = (random) => {
  for (let index = 0; index < REMOVED.length; index++) delete global[REMOVED[index]];
  defineProperty(Math, "random", data(random, false));

  freezeAll(calls);
  freezeAll(asks);
  freezeAll(constructs);
  freeze(budget.spent);
  freeze(budget.remaining);
  freeze(budget);

  const console = create(ObjectPrototype);
  for (let index = 0; index < LOG_LEVELS.length; index++) {
    defineProperty(console, LOG_LEVELS[index], constant(calls.log));
  }
  freeze(console);

  const { agent, workflow, phase, log } = calls;
  const { parallel, pipeline } = constructs;
  const shared = { __proto__: null, agent, parallel, pipeline, workflow, phase, log, budget };
  const names = ownKeys(shared);
  for (let index = 0; index < names.length; index++) {
    defineProperty(global, names[index], data(shared[names[index]]));
  }
  defineProperty(global, "console", data(console, false));
  fixed = names;
};

// Names of the primitives on the global object.
let fixed;

// A body may put others in their place, as in Claude Code; elsewhere they stay.
const fixGlobals = () => {
  for (let index = 0; index < fixed.length; index++) {
    defineProperty(global, fixed[index], constant(global[fixed[index]]));
  }
  defineProperty(global, "console", constant(global.console, false));
};

/** Once per script: adds what only this run knows, and returns the script's `ctx`. */
export const openGlobals = (args, meta) => {
  const { agent, workflow, phase, log, sleep } = calls;
  const { parallel, pipeline } = constructs;
  const own = isModernBody() ? data : constant;
  if (!isModernBody()) fixGlobals();
  defineProperty(global, "args", own(args));
  if (sees(2)) {
    openTimers(own);
    openLocale();
  }
  const { approve, ask, waitFor } = asks;
  const extra = freeze(sees(4) ? { sleep, approve, ask, waitFor } : { sleep });
  const SW = { __proto__: null, agent, parallel, pipeline, workflow, phase, log, budget, args, sleep };
  if (sees(2)) SW.extra = extra;
  defineProperty(global, "SW", constant(freeze(SW)));
  const context = { args, meta, agent, parallel, pipeline, workflow, phase, log, budget, sleep };
  if (sees(2)) context.extra = extra;
  return freeze(context);
};
