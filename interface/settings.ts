/** The settings of a node as those see them who read and change them. */

import * as z from 'zod'

/** `time` and `size` are those of `5m` and `8GB`; a `table` has values by name. */
export const SettingKind = z.enum(['text', 'number', 'switch', 'choice', 'list', 'time', 'size', 'table'])
export type SettingKind = z.infer<typeof SettingKind>

/** What a person needs to fill in a setting. */
const SettingForm = z.strictObject({
  /** What it is for, in a sentence or some. */
  description: z.string(),
  kind: SettingKind,
  default: z.unknown(),
  /** Of the kind `choice`. */
  choices: z.array(z.string()),
  /** Of the kind `number`. */
  min: z.number().nullable(),
  max: z.number().nullable()
})
export type SettingForm = z.infer<typeof SettingForm>

export const SettingInfo = SettingForm.extend({
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
   * @param options.check write nothing: tell what the setting would be.
   */
  set(key: string, value: unknown, options?: { readonly check?: boolean | undefined }): Promise<SettingInfo>
  /** Take a value out of `lumos.yaml`: its variable or its default holds again. */
  unset(key: string): Promise<SettingInfo>
}
