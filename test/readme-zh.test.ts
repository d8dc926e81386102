/** The Chinese README has what the English one has: what is missing is named. Figures are in the English one only. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const EN = readFileSync(join(ROOT, 'README.md'), 'utf8').replace(
  /<!-- figures[\s\S]*?end of figures -->\n/,
  ''
)
const ZH = readFileSync(join(ROOT, 'README.zh-CN.md'), 'utf8')

/** A new heading gets its translation here. */
const HEADINGS: Readonly<Record<string, string>> = {
  '# lumos-node': '# lumos-node',
  '## Start': '## 开始',
  '## Two devices': '## 两台设备',
  '## Commands': '## 命令',
  '## Any OpenAI client': '## 任何 OpenAI 客户端',
  '## Weights once per mesh': '## 权重，整张网络只下载一次',
  '## Memory that devices share': '## 设备之间共享的记忆',
  '## From a program': '## 在程序里使用',
  '## Your models': '## 你自己的模型',
  '## What to expect': '## 性能如何',
  '## More': '## 更多文档'
}

const BLOCK = /^```[\s\S]*?^```$/gm
const prose = (text: string): string => text.replace(BLOCK, '')
const headings = (text: string): string[] => prose(text).match(/^#+ .*$/gm) ?? []
/** Comments are for people, and in their language. */
const blocks = (text: string): string[] =>
  (text.match(BLOCK) ?? []).map(block => block.replace(/ +# .*$/gm, ''))
/** By the commands of its first cell. */
const rows = (text: string): string[] =>
  (prose(text).match(/^\| `.*$/gm) ?? []).map(row => row.split(/(?<!\\)\|/)[1]!.trim())
const links = (text: string): string[] =>
  [...new Set([...prose(text).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!))]
    // Each names the other one.
    .filter(target => !target.startsWith('README'))
    .sort()
/** Code within a text, such as names of files, settings and options. */
const code = (text: string): string[] => [...new Set(prose(text).match(/`[^`\n]+`/g))].sort()

describe('README.zh-CN.md', () => {
  it.each([
    [
      'headings, in their order',
      headings(EN).map(one => HEADINGS[one] ?? `${one} (not translated)`),
      headings(ZH)
    ],
    ['code, but for its comments', blocks(EN), blocks(ZH)],
    ['rows of commands, in their order', rows(EN), rows(ZH)],
    ['links', links(EN), links(ZH)],
    ['names in code', code(EN), code(ZH).filter(one => one !== '`npm run bench -- publish`')]
  ])('has the same %s', (_, english, chinese) => {
    expect(english.length).toBeGreaterThan(5)
    expect({
      missing: english.filter(one => !chinese.includes(one)),
      more: chinese.filter(one => !english.includes(one))
    }).toEqual({ missing: [], more: [] })
    expect(chinese).toEqual(english)
  })

  it('leads to places that are there', () => {
    const targets = [...ZH.matchAll(/\]\(([^)#]+)/g)].map(([, target]) => target!)
    expect(targets.filter(target => !existsSync(join(ROOT, target)))).toEqual([])
  })
})
