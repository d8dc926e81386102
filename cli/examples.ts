/** The examples below the help of a command. */

type Example = readonly [command: string, result: string]

/** Each with what follows from it. */
export const examples = (...all: readonly Example[]): string =>
  ['\nExamples:', ...all.map(([command, result]) => `  lumos-node ${command}\n      ${result}`)].join('\n')
