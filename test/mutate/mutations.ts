/** Small faults of the kinds that people make: each is one edit of one function. */

import {
  isArrowFunction,
  isAwaitExpression,
  isBinaryExpression,
  isBlock,
  isCallExpression,
  isConditionalExpression,
  isExpressionStatement,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isIdentifier,
  isIfStatement,
  isMethodDeclaration,
  isNumericLiteral,
  isPropertyDeclaration,
  isReturnStatement,
  isVariableDeclaration,
  isVariableStatement,
  isWhileStatement,
  type Node,
  type SourceFile,
  SyntaxKind
} from 'typescript/unstable/ast'

export interface Mutation {
  readonly kind: string
  readonly start: number
  readonly end: number
  readonly replacement: string
  /** The name of the constant of the file whose value it changes. */
  readonly constant?: string
}
export interface NamedFunction {
  readonly name: string
  readonly node: Node
}

/** What is shorter is a name for an expression, and seldom has more than one site. */
const LINES_MIN = 3
const SWAPPED: Record<string, readonly [kind: string, operator: string]> = {
  '<': ['boundary', '<='],
  '<=': ['boundary', '<'],
  '>': ['boundary', '>='],
  '>=': ['boundary', '>'],
  '===': ['negated', '!=='],
  '!==': ['negated', '==='],
  '+': ['arithmetic', '-'],
  '-': ['arithmetic', '+'],
  '*': ['arithmetic', '/'],
  '/': ['arithmetic', '*'],
  '+=': ['arithmetic', '-='],
  '-=': ['arithmetic', '+=']
}
/** Lines for developers, which no test needs to read. */
const DEBUG_LINE = /\blog\??\.(debug|trace)\(/

/** The functions of `source` with a name and at least three lines, constructors left out. */
export function functionsOf(source: SourceFile): NamedFunction[] {
  const found: NamedFunction[] = []
  const visit = (node: Node): void => {
    const name = nameOf(node, source)
    const lines = source.text.slice(node.getStart(source), node.end).split('\n').length
    if (name !== undefined && lines >= LINES_MIN) found.push({ name, node })
    node.forEachChild(visit)
  }
  visit(source)
  return found
}

function nameOf(node: Node, source: SourceFile): string | undefined {
  if (isFunctionDeclaration(node) || isMethodDeclaration(node) || isGetAccessorDeclaration(node)) {
    return node.body === undefined ? undefined : node.name?.getText(source)
  }
  if (!isArrowFunction(node) && !isFunctionExpression(node)) return undefined
  const { parent } = node
  return isVariableDeclaration(parent) || isPropertyDeclaration(parent)
    ? parent.name.getText(source)
    : undefined
}

/** All faults that `node`, a function of `source`, can be given. */
export function mutationsOf(node: Node, source: SourceFile): Mutation[] {
  const found: Mutation[] = []
  const names = new Set<string>()
  const visit = (inner: Node): void => {
    // What a type says is the compiler's to check.
    if (SyntaxKind[inner.kind].endsWith('Type')) return
    if (isIdentifier(inner)) names.add(inner.text)
    found.push(...expressionFaults(inner, source), ...statementFaults(inner, source))
    inner.forEachChild(visit)
  }
  node.forEachChild(visit)
  for (const statement of source.statements) found.push(...constantFaults(statement, names, source))
  return found
}

function expressionFaults(node: Node, source: SourceFile): Mutation[] {
  const start = node.getStart(source)
  const text = (of: Node): string => of.getText(source)
  const fault = (kind: string, replacement: string): Mutation => ({ kind, start, end: node.end, replacement })

  if (isBinaryExpression(node)) {
    const { left, operatorToken, right } = node
    const operator = text(operatorToken)
    const swapped = SWAPPED[operator]
    if (swapped !== undefined) {
      return [{ ...at(operatorToken, source), kind: swapped[0], replacement: swapped[1] }]
    }
    if (operator === '??') return [fault('dropped default', text(left))]
    if (operator !== '&&' && operator !== '||') return []
    return [fault('dropped operand', text(left)), fault('dropped operand', text(right))]
  }
  if (isAwaitExpression(node)) return [fault('removed await', text(node.expression))]
  if (isNumericLiteral(node)) {
    return [fault('constant', node.text === '0' ? '1' : node.text === '1' ? '0' : `${text(node)} * 10`)]
  }
  if (node.kind === SyntaxKind.TrueKeyword) return [fault('constant', 'false')]
  if (node.kind === SyntaxKind.FalseKeyword) return [fault('constant', 'true')]
  if (!isCallExpression(node)) return []
  const called = node.expression
  const bound = /^Math\.(min|max)$/.exec(text(called))?.[1]
  if (bound !== undefined) {
    const other = bound === 'min' ? 'Math.max' : 'Math.min'
    return [{ ...at(called, source), kind: 'min or max', replacement: other }]
  }
  return node.arguments.slice(1).flatMap((second, index) => {
    const first = node.arguments[index]!
    const [from, to] = [first.getStart(source), second.end]
    const between = source.text.slice(first.end, second.getStart(source))
    const replacement = text(second) + between + text(first)
    if (text(first) === text(second)) return []
    return [{ kind: 'swapped arguments', start: from, end: to, replacement }]
  })
}

function statementFaults(node: Node, source: SourceFile): Mutation[] {
  const whole = at(node, source)
  const condition =
    isIfStatement(node) || isWhileStatement(node)
      ? node.expression
      : isConditionalExpression(node)
        ? node.condition
        : undefined
  const found: Mutation[] = []
  if (condition !== undefined && SWAPPED[operatorOf(condition, source)] === undefined) {
    const replacement = `!(${condition.getText(source)})`
    found.push({ ...at(condition, source), kind: 'negated', replacement })
  }
  if (isIfStatement(node) && node.elseStatement === undefined) {
    const leaves = /^\{?\s*(return|throw|continue|break)\b/.test(node.thenStatement.getText(source))
    found.push({ ...whole, kind: leaves ? 'dropped check' : 'dropped branch', replacement: '{}' })
  }
  if (isIfStatement(node) && node.elseStatement !== undefined) {
    found.push({ ...at(node.elseStatement, source), kind: 'dropped branch', replacement: '{}' })
  }
  if (isExpressionStatement(node) && !DEBUG_LINE.test(node.getText(source))) {
    found.push({ ...whole, kind: 'removed statement', replacement: '{}' })
  }
  if (isReturnStatement(node) && node.expression !== undefined && isBlock(node.parent)) {
    found.push({
      ...whole,
      kind: 'missing return',
      replacement: `;(${node.expression.getText(source)})`
    })
  }
  return found
}

/** Numbers that the file names and the function uses. */
function constantFaults(statement: Node, names: ReadonlySet<string>, source: SourceFile): Mutation[] {
  if (!isVariableStatement(statement)) return []
  return statement.declarationList.declarations.flatMap(({ name, initializer }) => {
    if (initializer === undefined || !names.has(name.getText(source))) return []
    const value = initializer.getText(source)
    if (!/^[\d_.e\s*+()-]+$/.test(value)) return []
    return [
      {
        ...at(initializer, source),
        kind: 'constant',
        replacement: `10 * (${value})`,
        constant: name.getText(source)
      }
    ]
  })
}

const at = (node: Node, source: SourceFile) => ({ start: node.getStart(source), end: node.end })

const operatorOf = (node: Node, source: SourceFile): string =>
  isBinaryExpression(node) ? node.operatorToken.getText(source) : ''

export const mutated = (text: string, { start, end, replacement }: Mutation): string =>
  text.slice(0, start) + replacement + text.slice(end)
