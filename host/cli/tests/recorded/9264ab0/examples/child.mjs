// Writes and corrects one section. Called by parent.mjs, and runs alone, too.
// args: { heading?: string, mustCover?: string, topic?: string, audience?: string }
export const meta = {
  name: "child",
  description: "Writes one section of a document and checks it against its sources",
};

export default async function ({
  heading = "Overview",
  mustCover = "what it is, and what it is for",
  topic = "this repository",
  audience = "a new colleague",
}) {
  const draft = await agent(
    `Write the section "${heading}" of a document on ${topic} for ${audience}, at most 200 words. It must cover: ${mustCover}.

Look every fact up in the repository before you state it; name files and commands exactly. Leave out what you cannot find. Reply with the text only, without the heading.`,
    { label: `write: ${heading}` },
  );
  if (draft === null) throw new Error(`nobody wrote the section "${heading}"`);
  const text = await agent(
    `Check this section against the repository, sentence by sentence. Correct what is wrong, remove what nothing supports, and keep the rest word for word. Reply with the section only.

${draft}`,
    { label: `check: ${heading}` },
  );
  return { heading, text: text ?? draft };
}
