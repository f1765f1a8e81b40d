// What the author should know of a script, and what does not stop it.

import { toWellFormed } from "smol:primordials";

let host;

export const useHost = (imports) => {
  host = imports;
};

/** `about` may hold `path`, `step` and `stack`, each where there is one. */
export const warn = (code, message, about) => {
  const { path, step, stack } = about;
  host.warn(code, toWellFormed(message), path === undefined ? null : toWellFormed(path),
    step === undefined ? null : step, stack === undefined ? null : stack);
};
