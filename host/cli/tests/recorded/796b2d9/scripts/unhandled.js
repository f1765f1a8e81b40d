export const meta = { name: 'unhandled', description: 'A rejection that nobody handles' }
Promise.reject(new Error('nobody hears me'))
return await agent('hello')
