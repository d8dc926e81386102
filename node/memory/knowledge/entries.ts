/** Where the code of the process is that reads files: it is loaded by address, from the source or from the bundle. */

const isSource = import.meta.url.endsWith('.ts')

export const READER_PROCESS = new URL(
  isSource ? './read/reader-process.ts' : './memory/reader-process.js',
  import.meta.url
)
/** All of this package that it loads. */
export const READER_CODE: readonly URL[] = isSource
  ? [new URL('.', import.meta.url), new URL('../../../interface', import.meta.url)]
  : [new URL('.', import.meta.url)]
