export const meta = { name: 'class-not-awaited', description: 'A class whose methods are not awaited' }

class Crew {
  constructor(names) {
    this.names = names
    this.log = []
  }

  async brief(name) {
    const text = await agent(`Brief ${name}`)
    this.log.push(text ?? name)
  }

  async all() {
    for (const name of this.names) {
      this.brief(name)
    }
    return this.log
  }
}

const crew = new Crew(args?.names ?? ['ada', 'grace'])
const log1 = await crew.all()
const size = crew.all().length
return { log1, size }
