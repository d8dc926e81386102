import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { API } from 'typescript/unstable/sync'
import { afterEach, describe, expect, it } from 'vitest'
import { drawMutants, PRODUCT } from './draw.ts'
import { functionsOf, mutated, mutationsOf } from './mutations.ts'
import { testsThatSee } from './sight.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A project of its own, with these files. */
function project(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'lumos-mutate-'))
  folders.push(root)
  for (const folder of PRODUCT) mkdirSync(join(root, folder))
  const compilerOptions = {
    ...{ strict: true, noEmit: true, types: [], target: 'es2024', module: 'nodenext' },
    allowImportingTsExtensions: true
  }
  const all = { ...files, 'tsconfig.json': JSON.stringify({ compilerOptions, include: ['**/*.ts'] }) }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

/** What each fault makes of the only line of a function. */
function faultsOf(line: string, before = ''): string[] {
  const root = project({
    'node/a.ts': `${before}async function f(a: any, b: any, log?: any) {\n${line}\n}\n`
  })
  const api = new API({ cwd: root })
  const snapshot = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] })
  const source = snapshot.getProjects()[0]!.program.getSourceFile(join(root, 'node/a.ts'))!
  const [f] = functionsOf(source)
  const faults = mutationsOf(f!.node, source).map(mutation => {
    const text = mutated(source.text, mutation)
    const own = text.split('{\n')[1]!.split('\n}')[0]!
    return `${mutation.kind}: ${own === line ? text.split('\n')[0] : own}`
  })
  api.close()
  return faults
}

describe('the faults of a line', () => {
  it.each([
    ['while (a < b) break', ['boundary: while (a <= b) break']],
    ['while (a.b) a = b', ['negated: while (!(a.b)) a = b', 'removed statement: while (a.b) {}']],
    ['if (a === b) throw a', ['dropped check: {}', 'negated: if (a !== b) throw a']],
    [
      'if (a) b(); else a()',
      [
        'negated: if (!(a)) b(); else a()',
        'dropped branch: if (a) b(); else {}',
        'removed statement: if (a) {} else a()',
        'removed statement: if (a) b(); else {}'
      ]
    ],
    [
      'return a && b',
      ['missing return: ;(a && b)', 'dropped operand: return a', 'dropped operand: return b']
    ],
    ['return a ?? b', ['missing return: ;(a ?? b)', 'dropped default: return a']],
    ['await a', ['removed statement: {}', 'removed await: a']],
    ['a(b, 7)', ['removed statement: {}', 'swapped arguments: a(7, b)', 'constant: a(b, 7 * 10)']],
    [
      'b += Math.min(a)',
      ['removed statement: {}', 'arithmetic: b -= Math.min(a)', 'min or max: b += Math.max(a)']
    ],
    ['log.debug({}, a)', ['swapped arguments: log.debug(a, {})']]
  ])('%s', (line, faults) => {
    expect(faultsOf(line)).toEqual(faults)
  })

  it('are also those of the numbers it names', () => {
    expect(faultsOf('throw a[SIZE_MAX]', 'const SIZE_MAX = 4 * 1024; ')).toEqual([
      'constant: const SIZE_MAX = 10 * (4 * 1024); async function f(a: any, b: any, log?: any) {'
    ])
  })
})

describe('the mutants of a seed', () => {
  const files = {
    'node/sum.ts': 'export function sum(a: number, b: number): number {\n  return a + b\n}\n',
    'units/safe.ts': 'export function safe(a: string, b: number): string {\n  return a.padStart(b, a)\n}\n',
    'cli/user.ts':
      "import { sum } from '../node/sum.ts'\nexport const two = (): number => {\n  return sum(1, 1)\n}\n"
  }

  it('are always the same, and type-check', () => {
    const root = project(files)
    const { mutants, refused } = drawMutants(root, 7, 3)
    expect(drawMutants(root, 7, 3)).toEqual({ mutants, refused })
    expect(mutants.find(({ where }) => where === 'sum')).toMatchObject({
      file: join('node', 'sum.ts'),
      line: 2,
      kind: 'arithmetic',
      change: '+ -> -',
      text: files['node/sum.ts'].replace('+', '-')
    })
    // The compiler refuses all that `safe` can be given.
    expect(mutants.map(({ where }) => where).sort()).toEqual(['sum', 'two'])
  })

  it('are none while the source does not type-check', () => {
    const root = project({ 'node/sum.ts': files['node/sum.ts'].replace('a + b', 'text') })
    expect(() => drawMutants(root, 7, 1)).toThrow('does not type-check')
  })
})

it('asks the tests that load a file: its own folder first, then the nearest, the slow ones last', () => {
  const files = {
    'node/a.ts': 'export {}',
    'node/b.ts': "import './a.ts'",
    'node/main.ts': "import './b.ts'",
    'test/node/far.test.ts': "const PROGRAM = 'node/main.ts'",
    'test/node/near.test.ts': "import '../../node/b.ts'",
    'test/node/none.test.ts': "import '../../node/c.ts'",
    'test/gateway/other.test.ts': "import '../../node/a.ts'",
    'test/hostile/many.test.ts': "import '../../node/a.ts'",
    'test/bench/slow.test.ts': "import '../../node/a.ts'"
  }
  const root = project(files)
  const tests = testsThatSee(root, Object.keys(files), join('node', 'a.ts'))
  expect(tests).toEqual([
    'test/node/near.test.ts',
    'test/node/far.test.ts',
    'test/gateway/other.test.ts',
    'test/hostile/many.test.ts'
  ])
})

it.each([
  ['--help', 0, /npm run mutate/],
  ['--seed=x', 2, /npm run mutate/],
  ['--count=0', 2, /npm run mutate/]
])('with %s the command ends with %i', async (arg, status, words) => {
  const main = join(import.meta.dirname, 'main.ts')
  const { promise, resolve } = Promise.withResolvers<[unknown, string]>()
  execFile(process.execPath, [main, arg], (err, stdout, stderr) => resolve([err?.code ?? 0, stdout + stderr]))
  const [code, printed] = await promise
  expect(code).toBe(status)
  expect(printed).toMatch(words)
})
