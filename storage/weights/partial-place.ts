/** Where a file lies that is still to come: its bytes, and the journal of its leaves. */

import { rm } from 'node:fs/promises'

export interface PartialPlace {
  readonly data: string
  readonly journal: string
}

/** The journal goes last: without its data it means nothing. */
export async function removePartial({ data, journal }: PartialPlace): Promise<void> {
  await rm(data, { force: true })
  await rm(journal, { force: true })
}
