/** What a schema says of a wrong value, in words for its caller. */

import type * as z from 'zod'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** A field that was left out is `undefined` to a schema; JSON has no such value. */
export const issueWords = ({ message }: Pick<Issue, 'message'>): string =>
  /received undefined$/.test(message) ? 'is missing' : message

/** Of a union, the issue of the option that the value comes nearest to: the one that goes deepest into it. */
export function nearestIssue(
  issue: Issue,
  before: Path = []
): { readonly issue: Issue; readonly path: Path } {
  const path = [...before, ...issue.path]
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return { issue, path }
  const [deepest] = issue.errors
    .flatMap(errors => (errors[0] === undefined ? [] : [nearestIssue(errors[0], path)]))
    .sort((a, b) => b.path.length - a.path.length || Number(isType(a.issue)) - Number(isType(b.issue)))
  // Where the value is of the type of no option, all of them are said.
  return deepest === undefined || (deepest.path.length === path.length && isType(deepest.issue))
    ? { issue, path }
    : deepest
}

const isType = ({ code }: Issue): boolean => code === 'invalid_type'
