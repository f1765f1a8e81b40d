// Writes release notes: one agent looks at each kind of change, one writes the text.
// args: { since?: string, audience?: string }
import { kinds, questionAbout, NOTES, type Kind, type Notes } from "./lib/changes.ts";

export const meta = {
  name: "release-notes",
  description: "Collects what changed since a tag and writes release notes for its readers",
  phases: ["Collect", "Write"],
} as const;

interface Input {
  since?: string;
  audience?: string;
}

/** The notes of one kind, or null when its agent gave none. */
async function collect(kind: Kind, since: string): Promise<Notes | null> {
  const notes = await agent(questionAbout(kind, since), { label: kind, schema: NOTES });
  return notes as Notes | null;
}

export default async function ({ since = "the last tag", audience = "people who use the program" }: Input) {
  phase("Collect");
  const found = await parallel(kinds.map((kind) => () => collect(kind, since)));
  const notes = found.filter((one): one is Notes => one !== null && one.notes.length > 0);
  if (notes.length === 0) return { text: null, kinds: 0 };

  phase("Write");
  const text = await agent(
    `Write release notes for ${audience} from these notes. Put what may break first, say each thing once, and add nothing. Reply with Markdown only.

${notes.map(({ kind, notes }) => `## ${kind}\n\n${notes.map((note) => `- ${note}`).join("\n")}`).join("\n\n")}`,
    { label: "write" },
  );
  return { text, kinds: notes.length };
}
