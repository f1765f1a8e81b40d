// Plugin of opencode (v1): the skill `smol-workflows`, the command /smol-wf, and the MCP
// server `smol-wf`.
//
// Owns: their entries in opencode's configuration, in memory. Never: replaces an
// entry of the user's, writes a file, or starts a program.

import { fileURLToPath } from "node:url";

const SKILLS = fileURLToPath(new URL("./skills", import.meta.url));

const COMMAND = {
  description: "Write, check and run a workflow of many agents with smol-wf",
  template: "Load the skill `smol-workflows` and follow it for this: $ARGUMENTS",
};

const SERVER = { type: "local", command: ["smol-wf", "mcp"] };

/** @returns hooks of opencode */
async function server() {
  return {
    async config(config) {
      const skills = (config.skills ??= {});
      const paths = (skills.paths ??= []);
      if (!paths.includes(SKILLS)) paths.push(SKILLS);
      const commands = (config.command ??= {});
      commands["smol-wf"] ??= COMMAND;
      const servers = (config.mcp ??= {});
      servers["smol-wf"] ??= SERVER;
    },
  };
}

export default { id: "smol-workflows", server };
