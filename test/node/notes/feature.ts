import * as z from 'zod'
import type { FeatureDeclaration } from '../../../node/feature.ts'
import { NOTES_EVENTS, type Notes } from './interface.ts'

export const notes: FeatureDeclaration<Notes> = {
  name: 'notes',
  settings: z.strictObject({ charsMax: z.int().default(16) }),
  events: NOTES_EVENTS,
  tables: {
    migrations: [
      'CREATE TABLE note (text TEXT PRIMARY KEY) STRICT',
      'CREATE TABLE tally (only_one INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT'
    ],
    scopes: { note: 'mesh', tally: 'home' }
  },
  create: async components => new (await import('./notes.ts')).NotesFeature(components)
}
