/** What a document may be made to hold, and what one update may make a device do. */

const KIB = 1024
const MIB = 1024 * KIB

/** An update fits an envelope of 256 KiB, with the heads that it names and its signature. */
export const UPDATE_BYTES_MAX = 240 * KIB
/** What one writer may have in one document: what a small device can still open. Of its own, so that all devices decide alike. */
export const WRITER_BYTES_MAX = 50 * MIB
/** Slots of one document, of all writers. Twice as many, opened and read as a whole, took 0.93 GB of the thread's heap of 1 GiB. */
export const SLOTS_MAX = 600_000
/** No honest update of this size needs more; each may cost a walk over a long run of concurrent text. */
export const TEXT_STRUCTS_MAX = 256
/** Each edit makes three structs at most. */
export const NOTE_EDITS_MAX = 80
/** Of imported notes: a piece takes three bytes for each unit at most, and fits an update. */
export const NOTE_PIECE_UNITS = 16 * KIB
/** First content of an editor's document comes as one update. */
export const RAW_STRUCTS_MAX = 4096
/** Structs of one raw update that do not follow on the one before: each may cost a walk. */
export const RAW_JUMPS_MAX = 256
/** Units of clock that one update may take: deleted content states a length without having it. */
export const UPDATE_UNITS_MAX = MIB
/** Far above what is written in years, far below where numbers lose their last bit. */
export const CLOCK_MAX = 2 ** 48
/** Concurrent states of one task that a state may name: as many devices as write one task at once. */
export const TASK_SEEN_MAX = 64
/** Nesting of a value of JSON: deeper is an attack on the stack. The wire allows as many, less the slot around it. */
export const MEMORY_DEPTH_MAX = 15
/** Of keys and ids, as `MemoryKey` has it. */
export const MEMORY_KEY_MAX = 256
/** Root names of raw documents: what editors use are a dozen letters. */
export const ROOT_NAME_MAX = 128
/** Of a snapshot, once it is inflated: what all writers of a document may have, where these are few. */
export const SNAPSHOT_BYTES_MAX = 256 * MIB
/** Keys that one change names to its watchers; of more, none. */
export const KEYS_NAMED_MAX = 100
