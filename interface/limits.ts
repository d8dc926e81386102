/** Bounds that processes and threads of their own need too. Those load no schema library, so they stand apart from the schemas. */

/** All tensors of one request, or of one answer, together. */
export const TENSOR_BYTES_MAX = 64 * 1024 * 1024

/** Tokens of one answer: no model of today has room for more. */
export const TOKENS_MAX = 1_000_000

/** All vectors of one answer: 2048 of 4096 numbers. */
export const VECTORS_BYTES_MAX = 32 * 1024 * 1024

/** A prompt above this is refused before any model sees it: 1 MiB is over 200,000 tokens. */
export const TEXT_CHARS_MAX = 1024 * 1024

/** Of every leaf but the last of a file of weights: the unit in which they are hashed, asked for and resumed. */
export const LEAF_BYTES = 1024 * 1024

/** Objects found in one picture: a crowd, and no list of all places that a model looked at. */
export const OBJECTS_MAX = 1000

/** Faces found in one picture: more than a photo of a school has that are large enough to be found. */
export const FACES_MAX = 256

/** Numbers of the vector of one face: more than any model of faces gives. */
export const FACE_NUMBERS_MAX = 4096

/** Lines read in one picture: a page of small print has some hundred. */
export const LINES_MAX = 1000

/** Stretches of speech in one recording: one for each two hundred milliseconds of half an hour. */
export const SEGMENTS_MAX = 10_000

/** Of one spoken answer: eleven minutes of uncompressed speech of 24,000 samples a second. */
export const SPEECH_BYTES_MAX = 32 * 1024 * 1024

/** One piece of media of an answer: as much as a frame holds. */
export const DATA_PIECE_BYTES_MAX = 256 * 1024

/** Of an answer: a label set may have sentences for labels. */
export const ANSWERED_LABEL_CHARS_MAX = 1000

/** Longer than the names of species with their families; a label is no place for a text. */
export const LABEL_CHARS_MAX = 256
