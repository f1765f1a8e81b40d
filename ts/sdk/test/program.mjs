// The program under test, and folders that go when the tests are over.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const sdk = fileURLToPath(new URL("..", import.meta.url));
export const project = fileURLToPath(new URL("../../..", import.meta.url));
export const tsc = join(sdk, "tsc.js");

const program = process.env.SMOL_WF;
if (!program) throw new Error("SMOL_WF does not name the program; scripts/check-sdk.sh does");

/** A new folder, for `test`. */
export function folder(test) {
  const path = mkdtempSync(join(tmpdir(), "smol-wf-sdk-"));
  test.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Files of a folder, by name. */
export function write(path, files) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
}

/** What `smol-wf` writes to stdout; a database of its own is in `home`. */
export function smolWf(home, words, cwd = project) {
  const env = { PATH: process.env.PATH, HOME: home, SMOL_WF_DB: join(home, "runs.db") };
  const { stdout, stderr, error } = spawnSync(program, words, { cwd, env, encoding: "utf8" });
  if (error) throw error;
  if (!stdout) throw new Error(`smol-wf ${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** What a Node program prints, and its exit code. */
export function node(words, cwd) {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd, encoding: "utf8" });
  return { status, text: stdout + stderr };
}

export function npm(words, cwd) {
  return execFileSync("npm", [...words, "--silent", "--no-audit", "--no-fund", "--offline"], { cwd, encoding: "utf8" });
}
