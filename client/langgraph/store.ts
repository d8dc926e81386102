/** A store of LangGraph in a space of memory: what agents keep beyond one thread, on each device of the space. */

import {
  BaseStore,
  type GetOperation,
  type Item,
  type Operation,
  type OperationResults,
  type PutOperation,
  type SearchItem,
  type SearchOperation,
  validateNamespace
} from '@langchain/langgraph-checkpoint'
import { type ItemFact, isMeant, itemOf } from './items.ts'
import { type Change, MemoryClient, type MemoryOptions } from './memory-client.ts'
import { docOf, listed, NAMESPACES_DOC, namespacesIn } from './namespaces.ts'

const LISTED = 100
const FOUND = 10

export class LumosStore extends BaseStore {
  readonly #memory: MemoryClient
  /** Documents that the map of namespaces has: it is written once for each. */
  readonly #named = new Set<string>()

  constructor(options: MemoryOptions) {
    super()
    this.#memory = new MemoryClient(options)
  }

  /** All is read before anything is written. What is put into one namespace is on disk whole, or not at all. */
  override async batch<Op extends readonly Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    for (const operation of operations) check(operation)
    const results = await Promise.all(operations.map(operation => this.#read(operation)))
    const puts = operations.filter(operation => 'key' in operation && 'value' in operation)
    const byDoc = Map.groupBy(puts as PutOperation[], ({ namespace }) => docOf(namespace))
    for (const [doc, ofDoc] of byDoc) await this.#put(doc, ofDoc)
    return results as OperationResults<Op>
  }

  async #read(operation: Operation): Promise<unknown> {
    if ('namespacePrefix' in operation) return await this.#search(operation)
    if ('key' in operation) return 'value' in operation ? undefined : await this.#get(operation)
    const { limit = LISTED, offset = 0 } = operation
    return listed(await this.#namespaces(), { ...operation, limit, offset })
  }

  async #get({ namespace, key }: GetOperation): Promise<Item | null> {
    return itemOf(namespace, key, await this.#memory.get(docOf(namespace), key)) ?? null
  }

  async #search(operation: SearchOperation): Promise<SearchItem[]> {
    const { namespacePrefix: prefix, query, limit = FOUND, offset = 0 } = operation
    const namespaces = (await this.#namespaces()).filter(namespace =>
      prefix.every((label, i) => label === namespace[i])
    )
    const items =
      query === undefined
        ? (await Promise.all(namespaces.map(namespace => this.#itemsOf(namespace)))).flat().sort(newestFirst)
        : await this.#recalled(namespaces, query)
    return items.filter(item => isMeant(item, operation)).slice(offset, offset + limit)
  }

  /** By words and by meaning, the best first. */
  async #recalled(namespaces: readonly string[][], query: string): Promise<SearchItem[]> {
    const byDoc = new Map(namespaces.map(namespace => [docOf(namespace), namespace]))
    if (byDoc.size === 0) return []
    const found = await this.#memory.search(query, [...byDoc.keys()])
    const items = found.map(async ({ doc, key, score }) => {
      const namespace = byDoc.get(doc)
      const item = namespace && itemOf(namespace, key, await this.#memory.get(doc, key))
      return item === undefined ? [] : [{ ...item, score }]
    })
    return (await Promise.all(items)).flat()
  }

  async #itemsOf(namespace: readonly string[]): Promise<Item[]> {
    const facts = await this.#memory.open(docOf(namespace))
    return Object.entries(facts).flatMap(([key, fact]) => itemOf(namespace, key, fact) ?? [])
  }

  /** Those that hold something. */
  async #namespaces(): Promise<string[][]> {
    const docs = new Set(await this.#memory.docs())
    const named = namespacesIn(await this.#memory.open(NAMESPACES_DOC))
    return named.filter(namespace => docs.has(docOf(namespace)))
  }

  async #put(doc: string, puts: readonly PutOperation[]): Promise<void> {
    const now = new Date().toISOString()
    // Of two puts of one key the later one counts.
    const last = new Map(puts.map(put => [put.key, put]))
    const changes = await Promise.all(
      last.values().map(async ({ namespace, key, value }): Promise<Change> => {
        if (value === null) return { type: 'unset', key }
        const known = itemOf(namespace, key, await this.#memory.get(doc, key))
        const created = known?.createdAt.toISOString() ?? now
        return {
          type: 'set',
          key,
          value: { value, created_at: created, updated_at: now } satisfies ItemFact
        }
      })
    )
    if (!this.#named.has(doc) && changes.some(({ type }) => type === 'set')) {
      const name: Change = { type: 'set', key: doc, value: puts[0]!.namespace }
      await this.#memory.write(NAMESPACES_DOC, [name])
      this.#named.add(doc)
    }
    await this.#memory.write(doc, changes)
  }
}

const newestFirst = (a: Item, b: Item): number => b.updatedAt.getTime() - a.updatedAt.getTime()

/** As `BaseStore` checks what comes by its own methods: the prefix of a search may be empty. */
function check(operation: Operation): void {
  if ('namespacePrefix' in operation)
    validateNamespace(operation.namespacePrefix, { allowEmpty: true, allowReservedRoot: true })
  else if ('key' in operation) validateNamespace(operation.namespace, { allowReservedRoot: true })
}
