import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ModelState, type Reservation, Reservations } from '../../capabilities/index.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import {
  type Allocation,
  type LumosResources,
  type NewSlot,
  PRESSURE_WARNING,
  type ResourceBudget,
  type ResourceStatus,
  type SlotUpdate
} from '../../interface/resources.ts'
import type { Feature, FeatureComponents } from '../feature.ts'

type Components = Pick<FeatureComponents, 'clock' | 'random' | 'registry' | 'hardware' | 'directory' | 'emit'>

export class ResourcesFeature implements Feature<LumosResources>, LumosResources {
  readonly name = 'resource'
  readonly facet = this
  readonly #components: Components
  readonly #reservations: Reservations
  #isWarned = false

  constructor(components: Components) {
    const { clock, random, registry, emit } = components
    this.#components = components
    this.#reservations = new Reservations({
      ...{ clock, random, residency: registry.residency },
      onReserved: ({ id: slotId, bytes: memory }) => emit('resource.allocated', { slotId, memory }),
      onReleased(slotId, reason) {
        if (reason === 'preempted')
          emit('resource.preemption', { slotId, reason: 'a slot of a higher priority' })
        emit('resource.released', { slotId, reason })
      }
    })
    registry.residency.onGrown = () => this.#look()
  }

  async allocate(slot: NewSlot, options?: AbortOptions): Promise<Allocation> {
    return slotShown(await this.#reservations.reserve(slot, options))
  }

  release(slotId: string): void {
    this.#reservations.release(slotId)
  }

  update(slotId: string, change: SlotUpdate): Allocation {
    return slotShown(this.#reservations.update(slotId, change))
  }

  allocations(): Allocation[] {
    return [...this.#slots(), ...this.#loaded().map(modelShown)]
  }

  canAllocate(memoryBytes: number, priority: number): { canAllocate: boolean; reason?: string } {
    if (this.#reservations.fits(memoryBytes, priority)) return { canAllocate: true }
    const { budgetBytes, heldBytes } = this.#components.registry.residency
    const reason = `Models may take ${budgetBytes} bytes, of which ${heldBytes} are held by slots, models in use and pinned models.`
    return { canAllocate: false, reason }
  }

  budget(): ResourceBudget {
    const { registry, hardware } = this.#components
    const { budgetBytes, usedBytes } = registry.residency
    const total = Math.max(hardware.memoryBytes, Math.round(budgetBytes))
    const limit = Math.round(budgetBytes)
    const slots = this.#reservations.bytes
    return {
      total,
      reserved: total - limit,
      pools: { models: { limit, used: Math.round(usedBytes - slots) }, slots: { used: slots } }
    }
  }

  async status(): Promise<ResourceStatus> {
    const { directory, registry } = this.#components
    const { budgetBytes, usedBytes } = registry.residency
    // The folder of a feature may not be there; the home is.
    const disk = await statfs(dirname(directory))
    const { total } = this.budget()
    return {
      memory: {
        total,
        used: Math.max(0, total - process.availableMemory()),
        budget: Math.round(budgetBytes),
        allocated: Math.round(usedBytes)
      },
      storage: { total: disk.blocks * disk.bsize, free: disk.bavail * disk.bsize },
      slots: this.#slots(),
      models: this.#loaded().map(({ model: modelId, slots, running, queued }) => ({
        ...{ modelId, slots, running, queued }
      })),
      pressure: this.#pressure
    }
  }

  close(): void {
    this.#reservations.close()
  }

  get #pressure(): number {
    const { heldBytes, budgetBytes } = this.#components.registry.residency
    return heldBytes / budgetBytes
  }

  #look(): void {
    const pressure = this.#pressure
    const isHigh = pressure >= PRESSURE_WARNING
    if (isHigh && !this.#isWarned)
      this.#components.emit('resource.pressure_warning', { pressure, threshold: PRESSURE_WARNING })
    this.#isWarned = isHigh
  }

  #slots(): Allocation[] {
    return this.#reservations.list().map(slotShown)
  }

  #loaded(): ModelState[] {
    return this.#components.registry.models().filter(({ phase }) => phase !== 'cold')
  }
}

const slotShown = ({ id, name, type, bytes, priority, expiresAtMs }: Reservation): Allocation => ({
  ...{ slotId: id, name, type, memoryBytes: bytes, priority },
  ...{ status: 'in_use', expiresAtMs: Math.round(expiresAtMs) }
})

const modelShown = ({ model, needBytes, running, queued }: ModelState): Allocation => ({
  ...{ slotId: null, name: model, type: 'model', memoryBytes: Math.round(needBytes), priority: null },
  ...{ status: running + queued > 0 ? 'in_use' : 'idle', expiresAtMs: null }
})
