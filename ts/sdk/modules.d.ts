// Modules that exist inside a workflow script only. They stand apart because a
// file that exports anything cannot declare them.

declare module "workflow:extra" {
  /** Sleeps durably: the run can be stopped and taken up meanwhile. */
  export function sleep(ms: number): Promise<void>;
  const extra: import("./index.js").Extra;
  export default extra;
}
