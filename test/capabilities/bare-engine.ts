/** The process of an engine without the host around it, so that a test is its node. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ENGINE_CHILD } from '../../capabilities/entries.ts'
import { CHANNEL_FD, ENGINE_STDIO, EngineChannel } from '../../capabilities/host/engine-channel.ts'
import { FROM_ENGINE, TO_ENGINE } from '../../capabilities/host/engine-frames.ts'
import type { FromEngine, ToEngine } from '../../capabilities/host/engine-messages.ts'

const UNRULY = new URL('../fixtures/engines/unruly.ts', import.meta.url)

export interface BareEngine {
  readonly child: ChildProcess
  readonly channel: EngineChannel<ToEngine, FromEngine>
  readonly exited: Promise<unknown[]>
}

/** Starts one, and has it load the engine of `test/fixtures/engines/unruly.ts`. */
export function bareEngine(onMessage: (message: FromEngine) => void, ...args: string[]): BareEngine {
  const child = spawn(process.execPath, [fileURLToPath(ENGINE_CHILD), ...args], {
    stdio: ENGINE_STDIO
  })
  child.stdout?.resume()
  child.stderr?.resume()
  const channel = new EngineChannel<ToEngine, FromEngine>(child.stdio[CHANNEL_FD] as Duplex, {
    sends: TO_ENGINE,
    receives: FROM_ENGINE,
    onMessage,
    onBroken: err => {
      throw err
    },
    onClosed: () => {}
  })
  channel.send({ type: 'load', module: UNRULY.href, settings: {} })
  return { child, channel, exited: once(child, 'exit') }
}
