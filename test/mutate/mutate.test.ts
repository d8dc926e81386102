import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { API } from 'typescript/unstable/sync'
import { afterEach, describe, expect, it } from 'vitest'
import { Coverage } from './coverage.ts'
import { drawMutants, PRODUCT } from './draw.ts'
import { digestOf, executedLines, linesIn } from './lines.ts'
import { functionsOf, mutated, mutationsOf } from './mutations.ts'
import { testsAmong, testsThatSee } from './sight.ts'

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
      lines: [2],
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

it('takes for loading a file the tests that name it, or a file that does, but for those left out', () => {
  const files = {
    'node/a.ts': 'export {}',
    'node/b.ts': "import './a.ts'",
    'node/main.ts': "import './b.ts'",
    'test/node/far.test.ts': "const PROGRAM = 'node/main.ts'",
    'test/node/near.test.ts': "import '../../node/b.ts'",
    'test/node/none.test.ts': "import '../../node/c.ts'",
    'test/hostile/many.test.ts': "import '../../node/a.ts'",
    'test/gateway/other.test.ts': "import '../../node/a.ts'",
    'test/bench/slow.test.ts': "import '../../node/a.ts'"
  }
  const root = project(files)
  const near = ['test/node/near.test.ts', 'test/node/far.test.ts']
  const seeing = testsThatSee(root, Object.keys(files), join('node', 'a.ts'))
  expect(seeing.toSorted()).toEqual(
    ['test/gateway/other.test.ts', 'test/hostile/many.test.ts', ...near].toSorted()
  )
  expect(testsAmong(seeing, true)).not.toContain('test/hostile/many.test.ts')
  expect(testsAmong(seeing).at(-1)).toBe('test/hostile/many.test.ts')
})

describe('the lines that ran', () => {
  const text = 'export const a = 1\nfunction f(b) {\n  if (b) {\n    return 1\n  }\n  return 2\n}\nf(0)\n'
  const range = (startOffset: number, endOffset: number, count: number) => ({ startOffset, endOffset, count })

  it('are those whose innermost range was entered', () => {
    const [f, block] = [text.indexOf('function'), text.indexOf('{\n    return')]
    const functions = [
      { ranges: [range(0, text.length, 1)] },
      { ranges: [range(f, text.indexOf('f(0)') - 1, 1), range(block, text.indexOf('  return 2') - 1, 0)] }
    ]
    expect([...executedLines(text, functions)]).toEqual([1, 2, 3, 6, 7, 8])
  })

  it('are joined over all processes, also those that left half a report', () => {
    const root = project({ 'node/a.ts': text, 'bench/b.ts': text })
    const folder = join(root, 'reports')
    mkdirSync(folder)
    const report = (file: string, from: number, to: number) => ({
      url: pathToFileURL(join(root, file)).href,
      functions: [{ ranges: [range(from, to, 1)] }]
    })
    const own = [report('node/a.ts', 0, 10), report('bench/b.ts', 0, 10)]
    writeFileSync(join(folder, 'own.json'), JSON.stringify({ result: own }))
    const last = report('node/a.ts', text.indexOf('f(0)'), text.length)
    writeFileSync(join(folder, 'child.json'), JSON.stringify({ result: [last] }))
    writeFileSync(join(folder, 'killed.json'), '{"result":[{"url":')
    expect(linesIn(folder, root)).toEqual({
      'node/a.ts': {
        digest: digestOf(text),
        executed: [
          [1, 1],
          [8, 8]
        ]
      }
    })
  })
})

it('asks the tests that execute a line of the mutant, the cheapest first, and those of which that is unknown', async () => {
  const tests = ['cheap', 'dear', 'elsewhere', 'failing', 'blind'].map(name => `test/gateway/${name}.test.ts`)
  const original = 'export const LIMIT = 1\n'
  const root = project({
    'node/a.ts': original,
    ...Object.fromEntries(tests.map(test => [test, "import '../../node/a.ts'"])),
    'test/gateway/blind.test.ts': ''
  })
  const files = ['node/a.ts', ...tests]
  const lines: Record<string, number> = { cheap: 1, dear: 1, elsewhere: 2 }
  const kept = join(root, 'kept')
  const coverage = new Coverage(root, kept, files)
  let runs = 0
  const run = async (asked: readonly string[], into: string) => {
    runs++
    for (const test of asked) {
      const line = lines[basename(test, '.test.ts')]
      const at = line === 1 ? [0, 5] : [original.length, original.length]
      const functions = [{ ranges: [{ startOffset: at[0], endOffset: at[1], count: 1 }] }]
      const folder = join(into, encodeURIComponent(test))
      mkdirSync(folder, { recursive: true })
      const url = pathToFileURL(join(root, 'node/a.ts')).href
      writeFileSync(join(folder, 'own.json'), JSON.stringify({ result: line ? [{ url, functions }] : [] }))
    }
    const testResults = asked.map(test => ({
      name: join(root, test),
      status: test.includes('failing') ? 'failed' : 'passed',
      ...{ startTime: 0, endTime: test.includes('dear') ? 5000 : 50, message: '', assertionResults: [] }
    }))
    return { testResults }
  }
  await coverage.collect(tests, run, () => {})
  const chosen = (of: Coverage, text = original) =>
    of
      .testsFor({ file: 'node/a.ts', lines: [1], original: text }, tests)
      .map(({ test }) => basename(test, '.test.ts'))
  expect(chosen(coverage)).toEqual(['cheap', 'failing', 'dear'])
  // Of another text its lines say nothing.
  expect(chosen(coverage, `${original}//`)).toEqual(['cheap', 'elsewhere', 'failing', 'dear'])

  const again = new Coverage(root, kept, files)
  writeFileSync(join(root, tests[0]!), "import '../../node/a.ts' // changed")
  await again.collect(tests, run, () => {})
  expect(runs).toBe(2)
  expect(chosen(again)).toEqual(['cheap', 'failing', 'dear'])
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
