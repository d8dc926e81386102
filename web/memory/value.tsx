/** A value of memory, readable: text as text, a message by its role and content, the rest as JSON. */

import { Passage, plain, Text } from '../parts/text.tsx'

/** As an editor shows it. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)

/** Undefined where it is no JSON. */
export function parsed(text: string): { readonly is: unknown } | undefined {
  try {
    return { is: JSON.parse(text) }
  } catch {
    return undefined
  }
}

export function Value({ of }: { readonly of: unknown }) {
  if (typeof of === 'string') return <Passage of={of} />
  if (of === null || typeof of !== 'object') return <code>{JSON.stringify(of)}</code>
  const { role, content } = of as { role?: unknown; content?: unknown }
  if (typeof role === 'string' && typeof content === 'string')
    return (
      <div>
        <span class="note">
          <Text of={role} />
        </span>
        <Passage of={content} />
      </div>
    )
  return <pre>{plain(textOf(of))}</pre>
}
