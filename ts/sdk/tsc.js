#!/usr/bin/env node
// `smol-wf-tsc [-p PROJECT] [FILE]...`: `tsc --noEmit` for projects that have
// workflow scripts which are bodies.
//
// Owns: this command. Never: writes a file.

"use strict";

const path = require("node:path");
const { createRequire } = require("node:module");
const { errorsOfFile } = require("./bodies.js");

const USAGE = "usage: smol-wf-tsc [-p FOLDER_OR_CONFIG] [FILE]...";

/** Ends with 2, for input that cannot be checked. */
function stop(message) {
  console.error(`smol-wf-tsc: ${message}`);
  process.exit(2);
}

/** The compiler of the project, or else of this package; TypeScript 7 is no library. */
function compiler() {
  let found;
  for (const from of [path.join(process.cwd(), "package.json"), __filename]) {
    try {
      const ts = createRequire(from)("typescript");
      if (ts.createProgram) return ts;
      found ??= ts.version;
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  const what = found ? `TypeScript ${found} cannot be used as a library` : "TypeScript is not installed";
  return stop(`${what}; type: npm install --save-dev typescript@6`);
}

function readArguments(words) {
  const files = [];
  let project;
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === "-h" || word === "--help") {
      console.log(USAGE);
      process.exit(0);
    } else if (word === "-p" || word === "--project") {
      project = words[++index];
      if (project === undefined) stop(`${word} needs a value\n${USAGE}`);
    } else if (word.startsWith("-")) {
      stop(`unknown option ${word}\n${USAGE}`);
    } else {
      files.push(word);
    }
  }
  return { project, files };
}

/** The configuration file: the one that is named, or the nearest. */
function findConfig(ts, project) {
  const from = path.resolve(project ?? ".");
  if (project !== undefined && ts.sys.fileExists(from)) return from;
  const names = ["tsconfig.json", "jsconfig.json"];
  for (const name of names) {
    const found = project === undefined
      ? ts.findConfigFile(from, ts.sys.fileExists, name)
      : [path.join(from, name)].find(ts.sys.fileExists);
    if (found) return found;
  }
  return stop(`no ${names.join(" or ")} in ${from}; type: smol-wf-tsc -p FILE`);
}

/** Options and files of the configuration, with what is wrong with it. */
function readConfig(ts, file) {
  const { config, error } = ts.readConfigFile(file, ts.sys.readFile);
  if (error) return { errors: [error], options: {}, fileNames: [] };
  const isJavaScript = path.basename(file) === "jsconfig.json";
  const more = isJavaScript ? { allowJs: true, ...config.compilerOptions } : config.compilerOptions;
  return ts.parseJsonConfigFileContent({ ...config, compilerOptions: more }, ts.sys, path.dirname(file), undefined, file);
}

function main() {
  const { project, files } = readArguments(process.argv.slice(2));
  const ts = compiler();
  const { options, fileNames, errors } = readConfig(ts, findConfig(ts, project));
  const named = files.map((file) => path.resolve(file));
  const missing = named.find((file) => !ts.sys.fileExists(file));
  if (missing) stop(`${missing} does not exist`);
  const rootNames = named.length > 0 ? [...fileNames.filter((name) => name.endsWith(".d.ts")), ...named] : fileNames;
  const program = ts.createProgram({ rootNames, options: { ...options, noEmit: true } });
  const found = [...errors, ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  for (const file of program.getSourceFiles()) {
    found.push(...program.getSyntacticDiagnostics(file));
    found.push(...errorsOfFile(ts, program, file, () => program.getSemanticDiagnostics(file)));
  }
  const host = {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: ts.sys.getCurrentDirectory,
    getNewLine: () => ts.sys.newLine,
  };
  const format = process.stdout.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics;
  const sorted = ts.sortAndDeduplicateDiagnostics(found);
  process.stdout.write(format(sorted, host));
  process.exitCode = sorted.length === 0 ? 0 : 1;
}

main();
