/** Sentences of the generated documents. */

import type { BenchResult } from './results.ts'

export const machineText = ({ cpu, cores, memoryGB, platform, node }: BenchResult['machine']): string =>
  `${platform}, ${cores} × ${cpu}, ${memoryGB} GB, Node ${node}`

const LINE_CHARS = 120

/** Words in lines of the width that this repository's documents have. */
export function wrapped(text: string): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= LINE_CHARS)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.join('\n')
}
