/** The settings of a node as those see them who read and change them. */

import * as z from 'zod'

export const SettingInfo = z.strictObject({
  /** Such as `gateway.port`. */
  key: z.string(),
  /** What the sources say now: the node has it from its next start on. */
  value: z.unknown(),
  /** `default`, `<file>:<line>`, `env LUMOS_…`, `flag --…` or `membership of this mesh`. */
  origin: z.string(),
  /** Whether the node runs with another value, so that it has this one after a restart. */
  waits: z.boolean()
})
export type SettingInfo = z.infer<typeof SettingInfo>

/** The settings of this node, where it has a file of its own for them. */
export interface OwnSettings {
  /** The home, and `lumos.yaml` in it, which need not exist. */
  readonly home: string
  readonly path: string
  /** @throws {LumosError} `CONFIG_INVALID`: the file was changed, and the next start would refuse it. */
  list(): Promise<SettingInfo[]>
  /**
   * Write a value into `lumos.yaml`; its comments and its order stay. Text is read as a flag would be.
   *
   * @throws {LumosError} `INVALID_INPUT` for a key that no setting has, `CONFIG_INVALID` for a value that it does not
   *   take; the file stays as it was.
   */
  set(key: string, value: unknown): Promise<SettingInfo>
  /** Take a value out of `lumos.yaml`: its variable or its default holds again. */
  unset(key: string): Promise<SettingInfo>
}
