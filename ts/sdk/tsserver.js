// Plugin for tsserver, the language server of TypeScript up to version 6:
// { "compilerOptions": { "plugins": [{ "name": "@smol-wf/sdk" }] } }
//
// Owns: the errors that an editor shows in a body. Never: another feature.

"use strict";

const { errorsOfFile } = require("./bodies.js");

module.exports = ({ typescript: ts }) => ({
  create({ languageService }) {
    const proxy = Object.create(null);
    for (const name of Object.keys(languageService)) {
      proxy[name] = (...given) => languageService[name](...given);
    }
    proxy.getSemanticDiagnostics = (name) => {
      const program = languageService.getProgram();
      const file = program?.getSourceFile(name);
      return errorsOfFile(ts, program, file, () => languageService.getSemanticDiagnostics(name));
    };
    return proxy;
  },
});
