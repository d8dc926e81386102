/** What every part with a life, and every call that can be given up, has in common. */

export interface AbortOptions {
  /** Abort to give the call up; whatever it holds is released. */
  readonly signal?: AbortSignal
}

/** Constructors do no I/O; `start` does, and a failed start leaves nothing running. */
export interface Startable {
  start(): Promise<void> | void
  stop(): Promise<void> | void
}

/** A part with a life, named for the log. */
export interface Lifecycle {
  readonly part: string
  start?(): Promise<void> | void
  stop?(): Promise<void> | void
}

/** The part of pino's logger that parts use: fields first, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
