import { describe, expect, it } from 'vitest'
import type { Message } from '../../interface/tasks/messages.ts'
import { beginningsOf, Conversations, REMEMBERED_MAX } from '../../node/routing/conversations.ts'

const long = 'word '.repeat(400)
const said = (role: 'user' | 'assistant', content: string): Message => ({ role, content })
const chat = (...messages: Message[]) => beginningsOf({ model: 'm', input: { messages } })

describe('the peers that have read a conversation', () => {
  it('are found by its beginning, however it goes on', () => {
    const conversations = new Conversations()
    conversations.note(chat(said('user', long)), 'den', 0)
    const next = chat(said('user', long), said('assistant', 'Yes.'), said('user', 'And why?'))
    expect([...conversations.known(next, 1)]).toEqual([['den', `user ${long}`.length]])
  })

  it('are of one model, and of the same words', () => {
    const conversations = new Conversations()
    conversations.note(chat(said('user', long)), 'den', 0)
    const other = beginningsOf({ model: 'n', input: { messages: [said('user', long)] } })
    expect(conversations.known(other, 1).size).toBe(0)
    expect(conversations.known(chat(said('user', `${long}!`)), 1).size).toBe(0)
    expect(conversations.known(chat(said('assistant', long)), 1).size).toBe(0)
  })

  it('are told by the longest beginning that each has read', () => {
    const conversations = new Conversations()
    const first = chat(said('user', long))
    const second = chat(said('user', long), said('assistant', 'Yes.'), said('user', long))
    conversations.note(second, 'attic', 0)
    conversations.note(first, 'den', 1)
    expect([...conversations.known(second, 2).keys()].sort()).toEqual(['attic', 'den'])
    expect(conversations.known(second, 2).get('attic')).toBe(second.at(-1)!.chars)
  })

  it('are forgotten after half an hour, and by the number of others', () => {
    const conversations = new Conversations()
    const own = chat(said('user', long))
    conversations.note(own, 'den', 0)
    expect(conversations.known(own, 30 * 60_000 - 1).size).toBe(1)
    expect(conversations.known(own, 30 * 60_000).size).toBe(0)
    for (let i = 0; i < REMEMBERED_MAX; i++) conversations.note([{ key: `${i}`, chars: 1 }], 'other', 0)
    expect(conversations.known(own, 1).size).toBe(0)
  })

  it('are found by no more than half a million characters, which is all that is hashed', () => {
    const million = Array.from({ length: 100 }, () => said('user', 'x'.repeat(10_000)))
    const beginnings = chat(...million)
    expect(beginnings.at(-1)!.chars).toBeLessThanOrEqual(512 * 1024)
    expect(beginnings.at(-1)).toEqual(chat(...million.slice(0, 60)).at(-1))
  })

  it('are not asked for of what is short, of pictures or of a prompt without a beginning', () => {
    expect(chat(said('user', 'Why?'))).toEqual([])
    expect(beginningsOf({ model: 'm', input: { image: new Uint8Array(9) } })).toEqual([])
    expect(beginningsOf({ model: 'm', input: { prompt: 'x'.repeat(2047) } })).toEqual([])
    const [one, two] = beginningsOf({ model: 'm', input: { prompt: 'x'.repeat(4100) } })
    expect([one?.chars, two?.chars]).toEqual([2048, 4096])
  })
})
