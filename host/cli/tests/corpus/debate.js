export const meta = { name: 'debate', description: 'Two sides and a judge' }

class Debater {
  constructor(side) {
    this.side = side
    this.said = []
  }

  async speak(question, against) {
    const before = against.map((line) => `- ${line}`).join('\n')
    const line = await agent(`Argue ${this.side} on: ${question}\nThey said:\n${before || 'nothing yet'}`, {
      label: this.side,
    })
    this.said.push(line ?? '(silence)')
    return this
  }
}

const question = args?.question ?? 'tabs or spaces'
const pro = new Debater('for')
const con = new Debater('against')
for (let round = 0; round < 2; round++) {
  await pro.speak(question, con.said)
  await con.speak(question, pro.said)
}
const verdict = await agent(`Who won?\nFor: ${pro.said.join(' ')}\nAgainst: ${con.said.join(' ')}`)
return { verdict, rounds: pro.said.length }
