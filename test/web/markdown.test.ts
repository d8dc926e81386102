/** The Markdown of answers: what models write is drawn as nodes, and never as markup. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isValidElement, type VNode } from 'preact'
import { describe, expect, it, vi } from 'vitest'

// The words of the page are read from the browser.
vi.stubGlobal('localStorage', { getItem: () => null })
vi.stubGlobal('document', { documentElement: {} })
vi.stubGlobal('location', { origin: 'http://127.0.0.1:1' })
const { blocks } = await import('../../web/parts/markdown.tsx')
const { Link } = await import('../../web/parts/inline.tsx')
const { copy, plain, spelled } = await import('../../web/parts/text.tsx')

/** Each element as `tag`, with what it holds; a block of code as its text. */
function drawn(node: unknown): string {
  if (Array.isArray(node)) return node.map(drawn).join('')
  if (!isValidElement(node)) return typeof node === 'string' || typeof node === 'number' ? String(node) : ''
  const { type, props } = node as VNode<{ children?: unknown; href?: string; code?: string }>
  if (type === Link) return drawn((Link as (props: unknown) => unknown)(props))
  if (typeof type === 'function') return `{${props.code ?? drawn(props.children)}}`
  return `<${type}${props.href ? ` ${props.href}` : ''}>${drawn(props.children)}</${type}>`
}
const of = (text: string): string => drawn(blocks(text.split('\n'), 0))

describe('the Markdown of an answer', () => {
  it('has paragraphs, marks, lists, code, quotations and tables', () => {
    expect(of('# One\nSome **bold *both* x** and `a*b*` in snake_case_name')).toBe(
      '<h3>One</h3><p>Some <strong>bold <em>both</em> x</strong> and <code>a*b*</code> in snake_case_name</p>'
    )
    expect(of('- one\n- two\n  3. deep\n\nend')).toBe(
      '<ul><li><p>one</p></li><li><p>two</p><ol><li><p>deep</p></li></ol></li></ul><p>end</p>'
    )
    expect(of('```ts\nif (a < b) {\n  **x**\n}\n```')).toBe('{if (a < b) {\n  **x**\n}}')
    expect(of('> said\n\n|a|b|\n|-|-|\n|1|2|')).toBe(
      '<blockquote><p>said</p></blockquote><div><table><thead><tr><th>a</th><th>b</th></tr></thead>' +
        '<tbody><tr><td>1</td><td>2</td></tr></tbody></table></div>'
    )
  })

  it('shows code that is not finished yet', () => {
    expect(of('```\nconst a')).toBe('{const a}')
    expect(of('**bold')).toBe('<p>**bold</p>')
  })

  it('leads only to http and https, and says the host', () => {
    expect(of('[here](https://a.example/x)')).toContain(
      '<a https://a.example/x>here</a><span> (a.example)</span>'
    )
    for (const url of ['javascript:alert(1)', 'data:text/html,x', '//a.example', 'file:///etc/passwd']) {
      expect(of(`[here](${url})`)).toBe(`<p>[here](${url})</p>`)
    }
    expect(of('![p](https://a.example/p.png)')).not.toContain('<img')
    expect(of('[https://bank.example](https://a.example)')).toContain('(a.example)')
    expect(of('[https://a.example.bank](https://a.example)')).toContain('(a.example)')
    expect(of('https://a.example@evil.example')).toContain('(evil.example)')
  })

  it('shows markup, and characters that hide or turn text, as text', () => {
    expect(of('<script>alert(1)</script>')).toBe('<p><script>alert(1)</script></p>')
    expect(of('a\u202eb\u200bc\u0007')).toBe('<p>abc\ufffd</p>')
  })

  it('is linear in the text, whatever a model writes', () => {
    const texts = [
      '*a ',
      '**a',
      '[',
      '[a](',
      '_a_ ',
      '`a',
      '> ',
      '- ',
      '1. a\n',
      '|',
      '<h',
      'http://',
      '\\*',
      '~~'
    ]
    for (const text of texts) {
      // Of the processor: other programs may take their turns meanwhile.
      const begun = process.cpuUsage()
      of(text.repeat(20_000 / text.length))
      of(`${text.repeat(10_000 / text.length)}](x)`)
      expect(process.cpuUsage(begun).user / 1000, text).toBeLessThan(1_000)
    }
    expect(() => of('> '.repeat(20_000))).not.toThrow()
    expect(() => of(Array.from({ length: 300 }, (_, i) => `${'  '.repeat(i)}- a`).join('\n'))).not.toThrow()
  })
})

describe('text of others', () => {
  const hidden = 'rm\u200b\u061c\u202e\u3164\u{e0041} x\u001b[201~\r'

  it('is copied as it is seen, by each button', async () => {
    expect(plain(hidden)).toBe('rm x\ufffd[201~\ufffd')
    expect(plain('\u0646\u200c\u0645 \u2764\ufe0f')).toBe('\u0646\u200c\u0645 \u2764\ufe0f')
    const copied: string[] = []
    vi.stubGlobal('navigator', { clipboard: { writeText: async (text: string) => void copied.push(text) } })
    await copy(hidden)
    expect(copied).toEqual([plain(hidden)])
    const web = join(import.meta.dirname, '../../web')
    const writers = readdirSync(web, { recursive: true, encoding: 'utf8' })
      .filter(name => /\.tsx?$/.test(name))
      .filter(name => readFileSync(join(web, name), 'utf8').includes('writeText'))
    expect(writers).toEqual([join('parts', 'text.tsx')])
  })

  it('that a person decides about spells what is not seen, and is the same JSON', () => {
    const given = { path: `/etc\u200d${hidden}`, '\u{e0042}': 1 }
    const shown = spelled(JSON.stringify(given, null, 2))
    expect(shown).toMatch(/^[\n\x20-\x7e]+$/)
    expect(shown).toContain('\\u200d')
    expect(JSON.parse(shown)).toEqual(given)
  })
})
