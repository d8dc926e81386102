/** Services: names by which requests mean the model that a device has chosen, and the devices that answer to them. */

import * as z from 'zod'
import { ModelId } from '../interface/names.ts'
import { type LumosNode, ModelInfo } from '../interface/node.ts'
import {
  SERVICE_NAME,
  ServiceInfo,
  ServiceModelInfo,
  ServiceRuntime,
  ServiceSource,
  ServiceState
} from '../interface/services.ts'
import { defineUnit } from './define-unit.ts'
import { HINTS, Recommended, recommend } from './service-advice.ts'

/** As many devices as a mesh has. */
const REPLICAS_MAX = 256

const Device = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** Of its model there. */
  state: ModelInfo.shape.providers.element.shape.state
})

const Service = z.strictObject({
  id: z.string(),
  modelId: z.string(),
  /** Of this device; `elsewhere` also where only other devices have it. */
  status: ServiceState,
  /** Null where this device does not have it. */
  origin: ServiceInfo.shape.origin.nullable(),
  /** What it can be asked. */
  tasks: z.array(z.string()),
  /** How many devices are to hold its default model; null where no number is wanted. */
  replicas: z.int().nullable(),
  models: z.array(ServiceModelInfo),
  /** Those that answer to its name. */
  devices: z.array(Device)
})
type Service = z.infer<typeof Service>
export type ServiceItem = Service

const ServiceId = z.strictObject({ serviceId: SERVICE_NAME })

export const serviceUnits = (node: LumosNode) => [
  defineUnit({
    name: 'service.list',
    kind: 'query',
    permission: 'read',
    summary: 'The services of this device and of others, with the devices that answer to each.',
    input: z.strictObject({ status: ServiceState.optional(), modelId: ModelId.optional() }),
    examples: [{ input: { status: 'ready' } }],
    output: z.strictObject({ services: z.array(Service) }),
    run: async ({ status, modelId }) => ({
      services: servicesOf(node).filter(
        one =>
          (status === undefined || one.status === status) &&
          (modelId === undefined || one.modelId === modelId)
      )
    })
  }),
  defineUnit({
    name: 'service.get',
    kind: 'query',
    permission: 'read',
    summary: 'One service, with its models and the devices that answer to it.',
    input: ServiceId,
    examples: [{ input: { service_id: 'clip' } }],
    output: Service,
    run: async ({ serviceId }) => serviceOf(node, serviceId)
  }),
  defineUnit({
    name: 'service.create',
    kind: 'command',
    permission: 'manage',
    summary: 'Have this device answer to a name with a model, which a job brings where it is not here.',
    input: z.strictObject({
      modelId: ModelId,
      /** Default: the name of the model. */
      serviceId: SERVICE_NAME.optional(),
      runtime: ServiceRuntime.optional(),
      source: ServiceSource.optional()
    }),
    examples: [{ input: { model_id: 'digits-cnn', service_id: 'digits' } }],
    output: ServiceId,
    async run({ serviceId: id, ...what }) {
      const named =
        id ??
        SERVICE_NAME.parse(
          what.modelId
            .split('/')
            .at(-1)!
            .replace(/[^\w.-]/g, '-')
        )
      return { serviceId: node.services.create({ id: named, ...what }).id }
    }
  }),
  defineUnit({
    name: 'service.delete',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Forget a service that was created. Its model stays on the disk.',
    input: ServiceId,
    examples: [{ input: { service_id: 'digits' }, output: { success: true } }],
    output: z.strictObject({ success: z.literal(true) }),
    async run({ serviceId }) {
      node.services.delete(serviceId)
      return { success: true as const }
    }
  }),
  defineUnit({
    name: 'service.start',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Bring and serve the models of a service, also after a restart of the node.',
    input: ServiceId,
    examples: [{ input: { service_id: 'clip' } }],
    output: Service,
    async run({ serviceId }) {
      node.services.start(serviceId)
      return serviceOf(node, serviceId)
    }
  }),
  defineUnit({
    name: 'service.stop',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Answer to the name of a service no more, nor serve models that no other service has. Requests under way end first.',
    input: ServiceId,
    examples: [{ input: { service_id: 'clip' } }],
    output: Service,
    async run({ serviceId }) {
      node.services.stop(serviceId)
      return serviceOf(node, serviceId)
    }
  }),
  defineUnit({
    name: 'service.scale',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Say how many devices are to hold the default model of a service. Copies answer to the name of the model.',
    input: ServiceId.extend({ replicas: z.int().min(0).max(REPLICAS_MAX) }),
    examples: [{ input: { service_id: 'clip', replicas: 2 }, output: { success: true } }],
    output: z.strictObject({ success: z.literal(true) }),
    async run({ serviceId, replicas }, { signal }) {
      const { modelId } = node.services.get(serviceId)
      await node.weights.replicate(modelId, replicas, { signal })
      node.services.scaled(serviceId, replicas)
      return { success: true as const }
    }
  }),
  defineUnit({
    name: 'service.recommend',
    kind: 'query',
    permission: 'read',
    summary: 'How large a device a model needs, on how many it should be, and what these answered lately.',
    input: z.strictObject({ modelId: ModelId, hint: z.enum(HINTS).optional() }),
    examples: [{ input: { model_id: 'digits-cnn', hint: 'availability' } }],
    output: Recommended,
    run: async ({ modelId, hint }) => recommend(node, modelId, hint)
  })
]

function serviceOf(node: LumosNode, id: string): Service {
  // Of one that no device has, this says which there are.
  return servicesOf(node).find(one => one.id === id) ?? toService(node, node.services.get(id))
}

function servicesOf(node: LumosNode): Service[] {
  const own = node.services.list()
  const known = new Set(own.map(({ id }) => id))
  const others = new Map<string, string>()
  for (const { id, modelId } of node.services.stated()) if (!known.has(id)) others.set(id, modelId)
  return [
    ...own.map(service => toService(node, service)),
    ...[...others].map(([id, modelId]) =>
      toService(node, { id, modelId, status: 'elsewhere', origin: null, models: [] })
    )
  ].sort((a, b) => (a.id < b.id ? -1 : 1))
}

type Known = Pick<Service, 'id' | 'modelId' | 'status' | 'origin' | 'models'>

function toService(node: LumosNode, service: Known): Service {
  const offers = node.models().filter(({ model }) => model === service.id)
  const devices = new Map(
    offers.flatMap(({ providers }) =>
      providers.map(({ peerId, name, state }) => [peerId, { peerId, name, state }] as const)
    )
  )
  const replicas = node.weights.list().find(({ model }) => model === service.modelId)?.copies ?? null
  return { ...service, tasks: offers.map(({ task }) => task), replicas, devices: [...devices.values()] }
}
