// Watches something until it settles, and sleeps durably before each look: the
// process may be stopped meanwhile, and `smol-wf resume` goes on.
// args: { what?: string, everyMs?: number, looks?: number }
import { sleep } from "workflow:extra";

export const meta = {
  name: "sleep",
  description: "Looks at a deployment, a build or a page at intervals until it settles",
};

const STATE = {
  type: "object",
  properties: {
    state: { enum: ["going-on", "settled", "failed"] },
    observation: { type: "string", description: "What was seen, in one sentence, with numbers" },
  },
  required: ["state", "observation"],
};

export default async function ({ what = "the latest CI run of this repository", everyMs = 200, looks = 3 }) {
  const seen = [];
  for (let look = 1; look <= looks; look++) {
    await sleep(everyMs);
    const now = await agent(
      `Check the current state of ${what}. Only look: start, cancel, approve and retry nothing.

Answer "settled" when it has come to a good end and nothing more will happen, "failed" when it has come to a bad end, else "going-on". If you cannot tell, say why and answer "going-on".
Seen so far: ${seen.at(-1)?.observation ?? "nothing yet"}`,
      { label: `look ${look}`, schema: STATE },
    );
    const state = now?.state ?? "going-on";
    seen.push({ at: new Date().toISOString(), state, observation: now?.observation ?? "no answer" });
    log(`look ${look} of ${looks}: ${state}`);
    if (state !== "going-on") return { state, seen };
  }
  return { state: "going-on", seen };
}
