/** What a model is computed on: what is installed and answers, in the order of its speed, and at last the processor. */

import type { EngineEnvironment } from '../../host/engine-environment.ts'
import type { Library, Llama } from './library.ts'

export type Gpu = 'cuda' | 'metal' | 'vulkan'

/** Variables that choose among the devices of each kind: one that is empty or `-1` means none. */
const CHOSEN_BY: Readonly<Record<Gpu, readonly string[]>> = {
  cuda: ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES'],
  metal: [],
  vulkan: ['GGML_VK_VISIBLE_DEVICES']
}
const NONE = /^\s*(?:|-1|none|void)\s*$/i

/** In the order in which they are tried. */
export function candidates(
  accelerators: readonly string[],
  { platform, env }: { readonly platform: string; readonly env: EngineEnvironment }
): Gpu[] {
  const known: Gpu[] = ['cuda', 'metal', 'vulkan']
  return known.filter(gpu => {
    // Its package for a Mac holds both.
    const there = gpu === 'metal' ? platform === 'darwin' : accelerators.includes(gpu)
    const off = CHOSEN_BY[gpu].some(name => env[name] !== undefined && NONE.test(env[name]))
    return there && !off
  })
}

/**
 * The first that works. The library tries each in a process of its own, since a driver may end the one that asks it.
 */
export async function openLlama(library: Library, gpus: readonly Gpu[]): Promise<Llama> {
  const options = {
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: library.LlamaLogLevel.error
  }
  for (const gpu of gpus) {
    try {
      const llama = await library.getLlama({ ...options, gpu })
      // A driver without a device.
      if ((await llama.getGpuDeviceNames()).length > 0) return llama
      await llama.dispose()
    } catch {
      // No driver, or one that does not fit: the next.
    }
  }
  return await library.getLlama({ ...options, gpu: false })
}
