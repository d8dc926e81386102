/** The checks of the faces, run against any server: by HTTP, one after another, and nothing is sent elsewhere. */

import type { Clock } from '../../interface/clock.ts'
import { ANTHROPIC } from './anthropic-streams.ts'
import { Broken, type Check, Skipped } from './check.ts'
import { MODEL_CONTEXT } from './mcp.ts'
import { OLLAMA } from './ollama-chat.ts'
import { OPENAI } from './openai-tools.ts'
import { type Ask, Server, type ServerOptions } from './server.ts'

export const FACES = ['openai', 'anthropic', 'ollama', 'mcp'] as const
export type Face = (typeof FACES)[number]

export interface NamedCheck extends Check {
  readonly face: Face
  /** With its face: `openai.chat.stream`. */
  readonly fullName: string
}

const named = (face: Face, checks: readonly Check[]): NamedCheck[] =>
  checks.map(check => ({ ...check, face, fullName: `${face}.${check.name}` }))

export const CHECKS: readonly NamedCheck[] = [
  ...named('openai', OPENAI),
  ...named('anthropic', ANTHROPIC),
  ...named('ollama', OLLAMA),
  ...named('mcp', MODEL_CONTEXT)
]

export interface Result {
  readonly check: NamedCheck
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why, where it did not pass. */
  readonly reason: string | null
  readonly durationMs: number
}

/** A route of each face, and the answer of a server that does not have it. */
const PROBES: Readonly<Record<Face, readonly [path: string, ask: Ask]>> = {
  openai: ['/v1/models', { method: 'GET' }],
  anthropic: ['/v1/messages', { body: {}, headers: { 'anthropic-version': '2023-06-01' } }],
  ollama: ['/api/version', { method: 'GET' }],
  mcp: ['/mcp', { body: {}, headers: { accept: 'application/json, text/event-stream' } }]
}
const ABSENT = [404, 405]

export interface RunOptions extends ServerOptions {
  readonly checks: readonly NamedCheck[]
  /** Of each check. */
  readonly limitMs: number
  /** Skip a face that the server does not have, in place of failing it. */
  readonly skipFaces: boolean
  readonly clock: Clock
}

/** Yields each result as it is known. */
export async function* run({
  checks,
  limitMs,
  skipFaces,
  clock,
  ...server
}: RunOptions): AsyncGenerator<Result> {
  const absent = new Map<Face, boolean>()
  for (const check of checks) {
    const startMs = clock.monotonicMs()
    const { face } = check
    if (skipFaces && !absent.has(face)) absent.set(face, await isAbsent(face, server, limitMs))
    const verdict = absent.get(face)
      ? { outcome: 'skipped' as const, reason: `the server does not speak it: no ${PROBES[face][0]}` }
      : await verdictOf(check, server, limitMs)
    const reason = redacted(verdict.reason, server.token)
    yield { check, ...verdict, reason, durationMs: clock.monotonicMs() - startMs }
  }
}

/** @throws {Broken} when the address does not answer. */
export async function reach(options: ServerOptions, limitMs: number): Promise<void> {
  await new Server(options, AbortSignal.timeout(limitMs)).ask('/', { method: 'GET' })
}

async function isAbsent(face: Face, options: ServerOptions, limitMs: number): Promise<boolean> {
  try {
    const [path, ask] = PROBES[face]
    const { status } = await new Server(options, AbortSignal.timeout(limitMs)).ask(path, ask)
    return ABSENT.includes(status)
  } catch {
    // Each check says what is wrong.
    return false
  }
}

async function verdictOf(
  check: Check,
  options: ServerOptions,
  limitMs: number
): Promise<Pick<Result, 'outcome' | 'reason'>> {
  const signal = AbortSignal.timeout(limitMs)
  try {
    await check.run(new Server(options, signal))
    return { outcome: 'passed', reason: null }
  } catch (err) {
    if (err instanceof Skipped) return { outcome: 'skipped', reason: err.message }
    if (err instanceof Broken) return { outcome: 'failed', reason: err.message }
    if (signal.aborted) return { outcome: 'failed', reason: `it took longer than ${limitMs / 1000} s` }
    // A check reads an answer as its promise has it: one of another shape ends here.
    return { outcome: 'failed', reason: `the answer has another shape: ${(err as Error).message}` }
  }
}

/** A server may repeat the token in its answer. */
const redacted = (text: string | null, token: string | undefined): string | null =>
  token ? (text?.replaceAll(token, '[token]') ?? null) : text
