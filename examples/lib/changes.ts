// The kinds of changes that release notes tell of, and how to ask for them.

export const kinds = ["breaking", "added", "mended"] as const;
export type Kind = (typeof kinds)[number];

/** What an agent answers about one kind. */
export interface Notes {
  kind: Kind;
  notes: string[];
}

export const NOTES = {
  type: "object",
  properties: {
    kind: { enum: kinds },
    notes: { type: "array", items: { type: "string" }, maxItems: 20 },
  },
  required: ["kind", "notes"],
} as const;

const MEANING: Record<Kind, string> = {
  breaking: "makes somebody change what they do",
  added: "somebody can do now and could not do before",
  mended: "was wrong and is right now",
};

export function questionAbout(kind: Kind, since: string): string {
  return `Read the commits of this repository since ${since} and list every change that ${MEANING[kind]}, in one sentence each. The kind is "${kind}". Leave out what only the authors notice.`;
}
