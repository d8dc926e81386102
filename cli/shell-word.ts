/** A text as one word for a shell; `@` would be a file to this command line. */
export const shellWord = (text: string): string =>
  /^[\w.:/=-][\w.:/@=-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
