/** What a check is. */

import type { Server } from './server.ts'

export interface Check {
  /** Of its face, such as `chat.stream`. */
  readonly name: string
  /** What a server that passes does, in one sentence. */
  readonly promise: string
  /** Address of the public documentation that says so. */
  readonly source: string
  /** Returns where the promise is kept. */
  run(server: Server): Promise<void>
}
