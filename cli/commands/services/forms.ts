/** The forms of a configuration with services: one device, several, or a small one. */

import { LumosError } from '../../../interface/errors.ts'
import { closestNames } from '../../../interface/suggest.ts'
import { isOfLumen, KNOWN_SERVICES } from '../../../node/weights/resources/index.ts'

const FORMS = ['single', 'distributed', 'edge'] as const
export type Form = (typeof FORMS)[number]

export interface InitOptions {
  readonly form: string
  /** `den=clip,face` */
  readonly on?: readonly string[]
  readonly npu?: string
  readonly dryRun?: boolean
  readonly force?: boolean
}

interface Formed {
  /** As the settings have them. */
  readonly services: Record<string, object>
  readonly all: readonly string[]
}

/** @throws {LumosError} `USAGE` */
export function formOf(names: readonly string[], { form, on = [], npu }: InitOptions): Formed {
  if (!FORMS.includes(form as Form)) throw usage(`There is no form "${form}".`, `Forms: ${FORMS.join(', ')}.`)
  const isDistributed = form === 'distributed'
  if (isDistributed !== on.length > 0)
    throw usage('The form distributed says by --on which device has what, and others do not.', EXAMPLE)
  if (npu !== undefined && form !== 'edge') throw usage('--npu is for the form edge.')
  const devicesOf = new Map(names.map(name => [name, [] as string[]]))
  for (const one of on) {
    const [device = '', given = ''] = one.split(/=(.*)/s)
    if (device === '' || given === '')
      throw usage(`--on ${one}: expected a device and its services.`, EXAMPLE)
    for (const name of given.split(','))
      devicesOf.set(name, [...new Set([...(devicesOf.get(name) ?? []), device])])
  }
  if (devicesOf.size === 0)
    throw usage('Which services?', `Known: ${Object.keys(KNOWN_SERVICES).join(', ')}.`)
  const nowhere = [...devicesOf].find(([, devices]) => isDistributed && devices.length === 0)
  if (nowhere !== undefined) throw usage(`No --on says which device has ${nowhere[0]}.`, EXAMPLE)
  const entries = [...devicesOf].map(([name, devices]) => [
    name,
    {
      enabled: true,
      models: { default: modelOf(name, devices, form === 'edge', npu) },
      default_model: 'default'
    }
  ])
  return { services: Object.fromEntries(entries), all: [...devicesOf.keys()] }
}

const EXAMPLE = 'Such as: init --form distributed --on den=clip,face --on attic=ocr'

function modelOf(name: string, devices: readonly string[], isEdge: boolean, npu: string | undefined): object {
  if (!Object.hasOwn(KNOWN_SERVICES, name)) {
    const [closest] = closestNames(name, Object.keys(KNOWN_SERVICES))
    throw usage(
      `There is no model known for a service "${name}".`,
      closest === undefined ? `Known: ${Object.keys(KNOWN_SERVICES).join(', ')}.` : `Did you mean ${closest}?`
    )
  }
  const { model, runtime, source } = KNOWN_SERVICES[name]!
  const isOnNpu = npu !== undefined && isOfLumen(KNOWN_SERVICES[name]!)
  return {
    model,
    runtime: isOnNpu ? 'rknn' : runtime,
    ...(isOnNpu && { rknn_device: npu }),
    ...(source !== undefined && { source }),
    ...(devices.length > 0 && { devices }),
    ...(isEdge && runtime !== 'external' && { batch_size: 1 })
  }
}

const usage = (message: string, hint?: string): LumosError =>
  new LumosError('USAGE', message, hint === undefined ? {} : { hint })
