/** The same question from a terminal. */

import { plain } from '../parts/text.tsx'

/** Files of the reader by the field that holds their bytes: one, or a list of them. */
export type Files = Readonly<Record<string, string | readonly string[]>>

/** In a here-document, so that a picture is no argument of a program, which systems limit to 128 KiB. */
export function curlOf(origin: string, unit: string, input: object, files: Files = {}): string {
  const rest = Object.entries(input).filter(([field]) => !(field in files))
  const fields = [
    ...rest.map(([field, value]) => `${inShell(field)}:${inShell(value)}`),
    ...Object.entries(files).map(
      ([field, names]) =>
        `${inShell(field)}:${typeof names === 'string' ? read(names) : `[${names.map(read).join(',')}]`}`
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

const read = (name: string): string => `"$(base64 < ${quoted(name)} | tr -d '\\n')"`

/** A line end in a name would end the here-document. */
const quoted = (name: string): string =>
  `'${plain(name)
    .replace(/[\n\t]/g, '?')
    .replaceAll("'", "'\\''")}'`
