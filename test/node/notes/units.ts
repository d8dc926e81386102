import * as z from 'zod'
import { defineUnit } from '../../../units/define-unit.ts'
import type { Notes } from './interface.ts'

export const notesUnits = ({ notes }: { readonly notes: Notes }) => [
  defineUnit({
    name: 'notes.keep',
    kind: 'command',
    summary: 'Keep a note.',
    permission: 'use',
    input: z.strictObject({ text: z.string() }),
    output: z.strictObject({ kept: z.array(z.string()) }),
    run: async ({ text }) => {
      notes.keep(text)
      return { kept: notes.kept() }
    }
  })
]
