/** The units as the node describes them: their words and the JSON Schemas of their inputs. They are the same for as long as it runs. */

import { useEffect, useState } from 'preact/hooks'

export interface Described {
  readonly name: string
  readonly summary: string
  readonly input: { readonly properties?: Readonly<Record<string, { readonly default?: unknown }>> }
}

type All = ReadonlyMap<string, Described>
let asked: Promise<All> | undefined

async function read(): Promise<All> {
  const answer = await fetch('/api/v2/units')
  if (!answer.ok) throw new Error(answer.statusText)
  const { items } = (await answer.json()) as { items: readonly Described[] }
  return new Map(items.map(item => [item.name, item]))
}

/** By their names. What fails is tried again by the next part of the page that asks. */
export function describedUnits(): Promise<All> {
  asked ??= read().catch((err: unknown) => {
    asked = undefined
    throw err
  })
  return asked
}

/** Undefined until it is known. */
export function useDescribed(): All | undefined {
  const [all, set] = useState<All>()
  useEffect(() => {
    describedUnits().then(set, () => undefined)
  }, [])
  return all
}
