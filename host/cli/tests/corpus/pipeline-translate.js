export const meta = { name: 'translate', description: 'Translates texts and has each checked' }

const languages = args?.languages ?? ['de', 'fr', 'ja']
const text = args?.text ?? 'The file could not be saved.'

const results = await pipeline(
  languages,
  (language) => agent(`Translate into ${language}: ${text}`, { label: `translate:${language}` }),
  async (translated, language) => {
    const verdict = await agent(`Is this good ${language}? Answer yes or no.\n${translated}`)
    return { language, translated, ok: verdict?.trim().toLowerCase().startsWith('yes') ?? false }
  },
)

const done = results.filter((r) => r !== null)
log(`${done.length} of ${languages.length} translated`)
return done.map((r) => ({ language: r.language, text: r.translated, ok: r.ok }))
