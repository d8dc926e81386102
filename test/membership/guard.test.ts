import { expect, it } from 'vitest'
import { Guard } from '../../node/membership/guard.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { memoryLog } from '../capabilities/parts.ts'

it('a service that registers a handler by a method that the guard does not know is not started', () => {
  const guard = new Guard({
    clock: new ManualClock(),
    log: memoryLog(),
    standing: () => ({ kind: 'stranger' })
  })
  const handled: string[] = []
  const registrar = {
    handle: async (protocol: string) => void handled.push(protocol),
    handleMany: (protocols: string[]) => handled.push(...protocols)
  }
  const late = guard.forMembers(({ registrar: given }: { registrar: typeof registrar }) =>
    given.handleMany(['/a'])
  )
  expect(() => late({ registrar })).toThrow('handleMany')
  const known = guard.forMembers(({ registrar: given }: { registrar: typeof registrar }) =>
    given.handle('/b')
  )
  known({ registrar })
  expect(handled).toEqual(['/b'])
})
