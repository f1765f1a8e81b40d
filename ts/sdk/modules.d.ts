// Modules that exist inside a workflow script only. They stand apart because a
// file that exports anything cannot declare them.

declare module "workflow:extra" {
  /** Sleeps durably: the run can be stopped and taken up meanwhile. */
  export function sleep(ms: number): Promise<void>;
  /** Asks people for a yes or a no. */
  export const approve: import("./index.js").Extra["approve"];
  /** Asks people for a value. */
  export const ask: import("./index.js").Extra["ask"];
  /** Waits for an event from outside. */
  export const waitFor: import("./index.js").Extra["waitFor"];
  const extra: import("./index.js").Extra;
  export default extra;
}
