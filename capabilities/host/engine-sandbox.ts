/**
 * Engines run native code over files from elsewhere. Where the system allows it, their process has less
 * than the rights of the node: it sees the code and its model's folder, or it is another user.
 */

import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EngineSandbox } from '../../interface/node.ts'
import { ENGINE_CHILD, ENGINE_CODE } from '../entries.ts'
import { ENGINE_STDIO } from './engine-channel.ts'
import type { EngineEnvironment } from './engine-environment.ts'
import { WATCH_NODE } from './engine-messages.ts'

/** By its full path: a program of that name elsewhere in the search path proves nothing. */
export const BUBBLEWRAP = '/usr/bin/bwrap'
/** Of util-linux: has the system end a process together with its parent. */
const SETPRIV = '/usr/bin/setpriv'
/** What drivers of graphics processors open. */
const GPU_DEVICES = [
  '/dev/dri',
  '/dev/kfd',
  '/dev/nvidiactl',
  '/dev/nvidia-uvm',
  '/dev/nvidia-uvm-tools',
  // Neural processors of Rockchip, and the memory that they share with programs.
  '/dev/rknpu',
  '/dev/dma_heap'
] as const
/** Cards of one machine. */
const CARDS = Array.from({ length: 16 }, (_, n) => `/dev/nvidia${n}`)
/** How drivers find their cards, and the files that name their libraries. */
const GPU_READABLE = [
  '/sys/class/drm',
  '/sys/devices',
  '/sys/bus/pci',
  '/sys/dev/char',
  '/etc/vulkan',
  '/etc/OpenCL',
  // The name of the chip.
  '/sys/firmware/devicetree'
] as const
/** `nobody`: owns no files on any system. */
const NOBODY = 65534
/** A start of Node takes 50 ms, on a slow board ten times that. */
const PROBE_TIMEOUT_MS = 10_000

/** A program to run, and what it may see. */
export interface Confined {
  /** Arguments for Node. */
  readonly args: readonly string[]
  /** The working directory, and all that the process may read besides code. */
  readonly folder: string
  /** Of the folder, only these: what else lies there is not the model's. */
  readonly files?: readonly string[] | undefined
  /** Folders with more code. */
  readonly code: readonly string[]
  /** Whether the devices of graphics processors are shown. */
  readonly gpu?: boolean
  readonly env: EngineEnvironment
}

export interface Start {
  readonly command: string
  readonly args: readonly string[]
  readonly options: { readonly cwd: string; readonly uid?: number; readonly gid?: number }
}

/** How to start Node under `sandbox`. */
export function startOf(sandbox: EngineSandbox, what: Confined, bubblewrap = BUBBLEWRAP): Start {
  const { args, folder: cwd } = what
  switch (sandbox) {
    case 'bubblewrap':
      return { command: bubblewrap, args: [...bubbleOf(what), process.execPath, ...args], options: { cwd } }
    case 'user':
      // The system enters the folder before it changes the user, so a private home may lie above it.
      return { ...boundToNode(args), options: { cwd, uid: NOBODY, gid: NOBODY } }
    case 'none':
      return { ...boundToNode(args), options: { cwd } }
  }
}

/** A busy engine cannot see that its node is gone: the system ends it, or a thread of its own, which costs 15 MB. */
const boundToNode = (args: readonly string[]): Pick<Start, 'command' | 'args'> =>
  hasSetpriv()
    ? boundToParent(process.execPath, args)
    : { command: process.execPath, args: [...args, WATCH_NODE] }

/** How to start a program that ends with its parent and gains no rights, where the system can do that. */
export const boundToParent = (command: string, args: readonly string[]): Pick<Start, 'command' | 'args'> =>
  hasSetpriv()
    ? { command: SETPRIV, args: ['--no-new-privs', '--pdeathsig', 'KILL', command, ...args] }
    : { command, args }

/** Busybox has a link of that name, which does not know the option. */
const hasSetpriv = (): boolean =>
  process.platform === 'linux' && existsSync(SETPRIV) && realpathSync(SETPRIV) === SETPRIV

let found: Promise<EngineSandbox> | undefined

/** What holds on this device, found by trying it once, when it is first asked for. */
export function engineSandbox(): Promise<EngineSandbox> {
  found ??= probe()
  return found
}

async function probe(): Promise<EngineSandbox> {
  if (process.platform === 'linux' && existsSync(BUBBLEWRAP) && (await works('bubblewrap')))
    return 'bubblewrap'
  if (process.getuid?.() === 0 && (await works('user'))) return 'user'
  return 'none'
}

/** Whether Node starts there, has its channel, can load the code of engines, and can read their libraries. */
export function works(sandbox: EngineSandbox, bubblewrap?: string): Promise<boolean> {
  const script = `
    for (const path of process.argv.slice(2)) require('node:fs').accessSync(path, 4)
    import(process.argv[1]).then(() => process.exit(0))`
  const needed = [ENGINE_CHILD.href, ...['onnxruntime-node', 'sharp'].map(fileOf)]
  const what = { args: ['-e', script, ...needed], folder: '/', code: [], env: {} }
  const { command, args, options } = startOf(sandbox, what, bubblewrap)
  const child = spawn(command, args, {
    ...options,
    env: {},
    stdio: ENGINE_STDIO,
    timeout: PROBE_TIMEOUT_MS,
    killSignal: 'SIGKILL'
  })
  for (const stream of [child.stdout, child.stderr]) stream?.resume()
  return new Promise(resolve => {
    child.on('exit', code => resolve(code === 0))
    child.on('error', () => resolve(false))
  })
}

/** A view of the system that holds libraries, Node, the code of engines, the model, and nothing else. */
function bubbleOf({ folder, files = [folder], code, env, gpu = false }: Confined): string[] {
  const readable = [
    '/usr',
    '/lib',
    '/lib32',
    '/lib64',
    '/bin',
    '/etc/ld.so.cache',
    '/etc/localtime',
    '/nix/store',
    '/sys/devices/system/cpu',
    process.execPath,
    ...ENGINE_CODE.map(url => fileURLToPath(url)),
    ...modulesAbove(dirname(fileURLToPath(ENGINE_CHILD))),
    ...code,
    ...(gpu ? GPU_READABLE : []),
    ...['LD_LIBRARY_PATH', 'LD_PRELOAD'].flatMap(name => env[name]?.split(':') ?? []),
    ...(folder === '/' ? [] : files)
  ]
  return [
    // No network, no other processes, no capability, no terminal; it ends with the node.
    ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ...(folder === '/' ? [] : ['--dir', folder]),
    ...readable.flatMap(path => ['--ro-bind-try', path, path]),
    ...(gpu ? [...GPU_DEVICES, ...CARDS].flatMap(path => ['--dev-bind-try', path, path]) : []),
    ...['--chdir', folder, '--']
  ]
}

/** Packages are looked for in each folder upwards, and may be links. */
function modulesAbove(folder: string): string[] {
  const modules = join(folder, 'node_modules')
  const here = existsSync(modules) ? [modules, realpathSync(modules)] : []
  return dirname(folder) === folder ? here : [...here, ...modulesAbove(dirname(folder))]
}

const fileOf = (name: string): string => createRequire(import.meta.url).resolve(name)
