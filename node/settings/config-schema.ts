/**
 * Every setting there is, with its type, bounds and default. Keys are paths
 * (`gateway.port`); environment variables, flags and the file derive from them.
 */

import { hostname } from 'node:os'
import * as z from 'zod'
import { KeepAlive, MemorySize } from '../../interface/amounts.ts'
import { Role } from '../../interface/membership.ts'
import { DeviceName, ModelId, visibleName, WIRE_NAME_CHARS_MAX } from '../../interface/names.ts'
import { Aliases, HostName, NAMES_MAX, Origin } from './gateway-names.ts'
import { Programs } from './programs.ts'
import { RoutingSettings } from './routing.ts'
import { ServingSettings } from './serving.ts'
import { Host, holdsNoKey, Multiaddr, Path, Port, PublicAddress, ServerName, ServerUrl } from './values.ts'

/** Part of topic and protocol names, so the alphabet is narrow. */
const MESH_NAME = /^[a-z0-9-]{1,32}$/
/** Peers to dial at start: entry points, not a list of the mesh. */
const PEERS_MAX = 64
/** A router, its IPv6 address, and a second line. */
const ANNOUNCED_MAX = 4
const DIRECTORIES_MAX = 64
/** More than one device has memory for. */
const NAMED_MODELS_MAX = 64
/** Of one server. */
const SERVER_MODELS_MAX = 64

/** The host's name without what a device name may not hold. */
function defaultName(): string {
  const name = visibleName(hostname())
    .replace(/\.local$/, '')
    .replace(/[^\p{L}\p{N}\p{M} ._'-]+/gu, '-')
    .slice(0, WIRE_NAME_CHARS_MAX)
    .replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}\p{M}]+$/gu, '')
  return DeviceName.safeParse(name).data ?? 'lumos-node'
}

export const Config = z.strictObject({
  name: DeviceName.default(defaultName).describe('What this device is called in its mesh.'),
  mesh: z.strictObject({
    name: z
      .string()
      .regex(MESH_NAME, 'expected 1 to 32 of a-z, 0-9 and -')
      .default('home')
      .describe('What the mesh is called that this device founds at its first start.')
  }),
  swarm: z.strictObject({
    host: Host.default('::').describe(
      'Where to listen. `::` stands for every address, of IPv4 too; `0.0.0.0` for those of IPv4.'
    ),
    port: Port.default(5867).describe('The port for peers; 0 for any free one.'),
    mdns: z.boolean().default(true).describe('Look for peers on the local network.'),
    dht: z.boolean().default(true).describe('Find the addresses of members through other members.'),
    peers: z.array(Multiaddr).max(PEERS_MAX).default([]).describe('Multiaddrs to dial at start.'),
    announce: z
      .array(PublicAddress)
      .max(ANNOUNCED_MAX)
      .default([])
      .describe('Where others reach this node by way of a router that leads to it.')
  }),
  keys: z.strictObject({
    passphraseFile: Path.nullable()
      .default(null)
      .describe(
        "A file with the passphrase over this node's keys, on one line. It opens keys that are protected, and those made from now on are. Without it, `start` asks in the terminal."
      )
  }),
  gateway: z.strictObject({
    host: Host.default('127.0.0.1').describe(
      'Where to listen. Anything but loopback needs `hosts`; what is said there is not encrypted.'
    ),
    port: Port.default(5866).describe('The port for programs; 0 for any free one.'),
    hosts: z
      .array(HostName)
      .max(NAMES_MAX)
      .default([])
      .describe(
        "What other devices call this one (`den.lan`, `192.168.1.2`), without a port. A request is answered only when its Host is one of these and the gateway's port, character by character, or the loopback address: a name that is not listed here may be a web page's."
      ),
    origins: z
      .array(Origin)
      .max(NAMES_MAX)
      .default([])
      .describe(
        'Origins of pages that may use `/v1` with the token from a browser, such as `https://chat.example` or `chrome-extension://…`. Pages of all other origins are refused.'
      ),
    aliases: Aliases.default({}).describe(
      'Other names of models, for programs that ask for those of a vendor: `{ "claude-*": "qwen3:8b" }`. A name that ends with `*` stands for all that begin so; of several, the longest counts. Only programs of this device use them.'
    )
  }),
  grpc: z.strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'Take calls of gRPC, under TLS with a certificate of this node: `lumos-node exec gateway.grpc`.'
      ),
    host: Host.default('127.0.0.1').describe('Where to listen. Anything but loopback needs `gateway.hosts`.'),
    port: Port.default(50051).describe('The port for programs that speak gRPC; 0 for any free one.')
  }),
  models: z.strictObject({
    builtin: z
      .boolean()
      .default(true)
      .describe(
        'Serve the models that ship with the node, as demonstrations: no other device is offered them, and they are asked only where no device offers a model of that name.'
      ),
    directories: z.array(Path).max(DIRECTORIES_MAX).default([]).describe('More model repositories to serve.'),
    memoryMax: MemorySize.default('50%').describe(
      "What all loaded models together may take, such as `8GB` or `50%` of the memory of this device. The other half is for its user's programs, and for what the system caches of files."
    ),
    keepAlive: KeepAlive.default('5m').describe(
      'A model that was not used for so long is unloaded: `5m`, `1h`, seconds as a number; 0 at once, -1 never.'
    ),
    warm: z.array(ModelId).max(NAMED_MODELS_MAX).default([]).describe('Models to load at start.'),
    pinned: z
      .array(ModelId)
      .max(NAMED_MODELS_MAX)
      .default([])
      .describe('Models to load at start and to keep: they are not unloaded for another model.')
  }),
  access: z
    .record(
      ModelId,
      z.strictObject({
        roles: z.array(Role).optional(),
        peers: z.array(z.string().min(1).max(128)).max(PEERS_MAX).optional()
      })
    )
    .default({})
    .describe(
      'To whom each model is offered, by role or as peers (PeerIds, or names in the mesh). A name means whichever member is called so at the time of a request, also after the first one was removed; a PeerId means one device: `{ "llama3.3:70b": { roles: [admin], peers: [den] } }`. One that is not listed is for every member.'
    ),
  engines: z.strictObject({
    echo: z
      .boolean()
      .default(false)
      .describe('Serve the model `echo`, which answers with what it was asked.'),
    directory: Path.nullable()
      .default(null)
      .describe(
        'Where engines are installed; homes may share it. Default: `engines` in the home, and `/var/lib/lumos-node/engines` for root, whose engines may run as a user who cannot enter the home.'
      ),
    registry: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .refine(holdsNoKey, { error: 'an address is shown and logged: it must not hold a password' })
      .default('https://registry.npmjs.org')
      .describe('The npm registry that installed engines come from. Their hashes are part of the package.'),
    discover: z
      .boolean()
      .default(true)
      .describe(
        'Serve the models of Ollama, LM Studio, llama.cpp and vLLM that run on this device, where they usually listen; Ollama and LM Studio also on the port after it, where they go when `lumos-node adopt` has taken theirs.'
      ),
    servers: z
      .record(
        ServerName,
        z.strictObject({
          url: ServerUrl,
          keyFile: Path.optional(),
          keyVariable: z
            .string()
            .regex(/^[A-Za-z_]\w*$/, 'expected the name of a variable')
            .optional(),
          models: z.array(ModelId).max(SERVER_MODELS_MAX).optional(),
          leavesMesh: z.boolean().optional()
        })
      )
      .default({})
      .describe(
        'More servers that speak OpenAI\'s HTTP, each by a name: `{ attic: { url: "http://192.168.1.9:8000" } }`. The key is in `keyFile`, or in the variable that `keyVariable` names. `models` lists which of its models are served; without it, all are. What is asked of a server with `leavesMesh` leaves the mesh, and so it does by default where the address is no private one: such a model answers those who name it, and is offered to other devices only where `access` says so.'
      ),
    external: Programs.describe(
      'Programs of this device that are engines, each by a name: `{ speak: { command: /usr/bin/python3, args: [~/speak.py], tasks: [text-to-speech] } }`. A program without `runtime` is a model of that name. One with `runtime: torch`, `rknn` or `external` opens the model folders that name it; `rknn` needs `device`. A command is taken from here only, never from a model. `env` is all that it gets besides a search path: it is shown with the settings, so it is no place for a password. `read` lists what a sandbox shows it, and `gpu` adds graphics and neural processors.'
    )
  }),
  routing: RoutingSettings,
  serving: ServingSettings,
  log: z.strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('The least severe messages that the log file keeps.')
  })
})
export type Config = z.infer<typeof Config>

/** A setting: the end of a path, with what its value may be. */
export interface Setting {
  readonly key: string
  readonly schema: z.ZodType
  /** Text from the environment or a flag is taken as it is; of any other type, it is read as YAML. */
  readonly isText: boolean
  readonly isList: boolean
}

/** Every setting, and what settings are grouped under: `gateway` of `gateway.port`. */
export interface KnownSettings {
  readonly byKey: ReadonlyMap<string, Setting>
  readonly sections: ReadonlySet<string>
}

/** Sections of features, by the name of each. */
export type FeatureSections = Readonly<Record<string, z.ZodType>>

/** Those of every node, and those of its features. */
export function knownSettings(features: FeatureSections = {}): KnownSettings {
  const schema = Config.extend(features)
  const byKey = new Map(settingsOf(schema, []).map(setting => [setting.key, setting]))
  return { byKey, sections: new Set(Object.keys(schema.shape).filter(name => !byKey.has(name))) }
}

function settingsOf(schema: z.ZodObject, path: readonly string[]): Setting[] {
  return Object.entries(schema.shape).flatMap(([name, child]) => {
    if (child instanceof z.ZodObject) return settingsOf(child, [...path, name])

    const type = child instanceof z.ZodDefault ? child.unwrap() : child
    const isText = type instanceof z.ZodString || type instanceof z.ZodEnum
    return [{ key: [...path, name].join('.'), schema: child, isText, isList: type instanceof z.ZodArray }]
  })
}

/** `gateway.port` → `LUMOS_GATEWAY__PORT` */
export const envNameOf = (key: string): string => `LUMOS_${key.toUpperCase().replaceAll('.', '__')}`

/** The flag of `start` that sets it. */
const FLAGS: Readonly<Record<string, string>> = {
  name: '--name',
  'mesh.name': '--mesh',
  'swarm.port': '--port',
  'swarm.mdns': '--no-mdns',
  'swarm.peers': '--peer',
  'gateway.port': '--gateway-port',
  'engines.echo': '--echo'
}

/** Undefined where a setting has none: a program gives it by its key. */
export const flagOf = (key: string): string | undefined => FLAGS[key]
