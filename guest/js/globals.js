// What a script finds in its global scope, fixed for good.

import {
  ObjectPrototype, constant, create, data, defineProperty, freeze, global, ownKeys,
} from "smol:primordials";
import { budget, calls } from "smol:calls";
import { constructs } from "smol:groups";
import { sees } from "smol:surface";
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
  freezeAll(constructs);
  freeze(budget.spent);
  freeze(budget.remaining);
  freeze(budget);

  const console = create(ObjectPrototype);
  for (let index = 0; index < LOG_LEVELS.length; index++) {
    defineProperty(console, LOG_LEVELS[index], constant(calls.log));
  }
  defineProperty(global, "console", constant(freeze(console), false));

  const { agent, workflow, phase, log } = calls;
  const { parallel, pipeline } = constructs;
  const shared = { __proto__: null, agent, parallel, pipeline, workflow, phase, log, budget };
  const names = ownKeys(shared);
  for (let index = 0; index < names.length; index++) {
    defineProperty(global, names[index], constant(shared[names[index]]));
  }
};

/** Once per script: adds what only this run knows, and returns the script's `ctx`. */
export const openGlobals = (args, meta) => {
  const { agent, workflow, phase, log, sleep } = calls;
  const { parallel, pipeline } = constructs;
  defineProperty(global, "args", constant(args));
  if (sees(2)) openTimers();
  const SW = { __proto__: null, agent, parallel, pipeline, workflow, phase, log, budget, args, sleep };
  defineProperty(global, "SW", constant(freeze(SW)));
  return freeze({ args, meta, agent, parallel, pipeline, workflow, phase, log, budget, sleep });
};
