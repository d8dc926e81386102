/** The same question from a terminal. */

import { plain } from '../parts/text.tsx'

/** A file of the reader by the field that holds its bytes. */
export type Files = Readonly<Record<string, string>>

/** In a here-document, so that a picture is no argument of a program, which systems limit to 128 KiB. */
export function curlOf(origin: string, unit: string, input: object, files: Files = {}): string {
  const rest = Object.entries(input).filter(([field]) => !(field in files))
  const fields = [
    ...rest.map(([field, value]) => `${inShell(field)}:${inShell(value)}`),
    ...Object.entries(files).map(
      ([field, name]) => `${inShell(field)}:"$(base64 < ${quoted(name)} | tr -d '\\n')"`
    )
  ]
  return [
    `curl ${origin}/api/v2/execute \\`,
    '  -H "Authorization: Bearer $(lumos-node token show)" \\',
    "  -H 'Content-Type: application/json' --data-binary @- <<END",
    `{"unit":${inShell(unit)},"input":{${fields.join(',')}}}`,
    'END'
  ].join('\n')
}

/** What means something to the shell in a here-document is escaped; JSON has no line ends. */
const inShell = (value: unknown): string => JSON.stringify(value).replace(/[\\$`]/g, '\\$&')

/** A line end in a name would end the here-document. */
const quoted = (name: string): string =>
  `'${plain(name)
    .replace(/[\n\t]/g, '?')
    .replaceAll("'", "'\\''")}'`
