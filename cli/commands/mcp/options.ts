/** What the commands of this domain take. */

export const CLIENTS = ['claude', 'cursor', 'vscode', 'codex'] as const
export type Client = (typeof CLIENTS)[number]

export const chosenOf = ({ tools }: { readonly tools?: string }): string[] | undefined => tools?.split(',')
