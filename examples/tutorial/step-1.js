export const meta = {
  name: 'stale-docs',
  description: 'Finds documentation that the code contradicts',
}

return await agent(
  'Read README.md, and the code that it is about. List each statement that is no longer true. Change no file.',
)
