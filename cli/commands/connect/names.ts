/** The programs that are known here. */

export const PROGRAMS = ['openwebui', 'claude', 'codex', 'homeassistant', 'vscode', 'cline'] as const
export type Program = (typeof PROGRAMS)[number]
