/** What a person needs to fill in a setting: what it is for, which kind of value it takes, and its default. */

import * as z from 'zod'
import { KeepAlive, MemorySize } from '../../interface/amounts.ts'
import type { SettingForm, SettingKind } from '../../interface/settings.ts'
import type { Setting } from './config-schema.ts'

export function formOf({ schema }: Setting): SettingForm {
  const inner = innermost(schema)
  const isNumber = inner instanceof z.ZodNumber
  return {
    description: schema.description ?? '',
    default: schema.parse(undefined) ?? null,
    kind: kindOf(inner),
    choices: inner instanceof z.ZodEnum ? inner.options.map(String) : [],
    min: isNumber ? inner.minValue : null,
    max: isNumber ? inner.maxValue : null
  }
}

function innermost(schema: z.ZodType): z.ZodType {
  const isWrapped = [z.ZodDefault, z.ZodNullable, z.ZodOptional].some(type => schema instanceof type)
  return isWrapped ? innermost((schema as z.ZodOptional<z.ZodType>).unwrap()) : schema
}

const KINDS: Readonly<Record<string, SettingKind>> = {
  ...{ string: 'text', number: 'number', boolean: 'switch', enum: 'choice', array: 'list' }
}

function kindOf(schema: z.ZodType): SettingKind {
  if (schema === KeepAlive) return 'time'
  if (schema === MemorySize) return 'size'
  // What is read and then changed, such as a path, is written as before the change.
  if (schema instanceof z.ZodPipe) return kindOf(schema.in as z.ZodType)
  return KINDS[schema.def.type] ?? 'table'
}
