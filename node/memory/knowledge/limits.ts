/** What one file may be, and what reading it may cost. A file of people is far below, a file that was made to hang a node is above. */

const MIB = 1024 * 1024

/** The list of a file's pieces fits one write of 240 KiB: an entry takes 50 bytes at most. About four million characters. */
export const PIECES_MAX = 4096
/** A key has 256 characters; `#` and the hash take 23 of them. */
export const NAME_CHARS_MAX = 233
/** Pieces of 1,400 letters of four bytes each, in JSON, with headings. */
export const CONTENT_BYTES_MAX = 32 * MIB
/** A longer name does not fit a line of a table. */
export const TITLE_CHARS_MAX = 300
/** A PDF of 1,000 pages takes three seconds on a slow core. */
export const READ_MS_MAX = 30_000
/** Of the process that reads; its libraries take 80 MiB of that, a PDF of 24 MiB three times its size. */
export const READER_BYTES_MAX = 512 * MIB
