/** Tokens of programs, each for a part of what the gateway can do. */

import * as z from 'zod'
import { NamedToken, NewToken, TokenName, type Tokens } from '../interface/tokens.ts'
import { defineUnit } from './define-unit.ts'

export const tokenUnits = (tokens: Tokens) => [
  defineUnit({
    name: 'token.create',
    kind: 'command',
    permission: 'keys',
    summary: 'Make a token for one program: what it may do, and until when. Its secret is shown this once.',
    examples: [
      { input: { name: 'notebook', permissions: ['read', 'use'], units: ['inference.*'], expires_in: '30d' } }
    ],
    input: NewToken,
    output: NamedToken.extend({ secret: z.string() }),
    run: async wanted => {
      const { secret, token } = tokens.create(wanted)
      return { ...token, secret }
    }
  }),
  defineUnit({
    name: 'token.list',
    kind: 'query',
    // Only its owner needs to know the names of other programs.
    permission: 'keys',
    summary: 'The tokens of programs, what each may do, when it was used last, and when it expires.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(NamedToken) }),
    run: async () => ({ items: [...tokens.list()] })
  }),
  defineUnit({
    name: 'token.revoke',
    kind: 'command',
    permission: 'keys',
    summary: 'End a token, with the sessions and streams that were begun with it.',
    examples: [{ input: { name: 'notebook' } }],
    input: z.strictObject({ name: TokenName }),
    output: z.strictObject({ name: TokenName }),
    run: async ({ name }) => {
      tokens.revoke(name)
      return { name }
    }
  })
]
