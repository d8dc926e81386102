/** What a device may make another one hold or do by its writing. */

const KIB = 1024

/** One write of an agent: the longest prompt is split, a note of 100 pages is not. */
export const ENVELOPE_BYTES_MAX = 256 * KIB
/** A charter lists devices by name: 512 grants and lives with room to spare. */
export const CHARTER_BYTES_MAX = 128 * KIB
/** Of one space: a change of rights each week for eighty years. A newcomer checks all of them. */
export const CHARTERS_MAX = 4096
/** A checkpoint names each document and its pieces: 4,096 documents, or 50 MB of them a few times over. */
export const CHECKPOINT_BYTES_MAX = 1024 * KIB
/** Of the ciphertext of a snapshot: what fits in a frame beside its head. */
export const PIECE_BYTES_MAX = 240 * KIB

/** Lives of devices that wrote in one space: each costs a head in every exchange. */
export const WRITERS_MAX = 1024
/** Of them of one device: it begins one for each copy of its home, and each time that its right comes back. */
export const LIVES_MAX = 64
export const GRANTS_MAX = 256
/** Of the newest key of a space, sealed to devices: what one frame holds, and more devices than a mesh has. */
export const CARRIED_KEYS_MAX = 512
/** Of one device. A hostile reader may seal to others what is no key: those of other readers lie beside that. */
export const CARRIED_GIVERS_MAX = 4
/** Keys of one space: each device that is removed costs one. */
export const EPOCHS_MAX = 1024
/** Of one space; a person has a few, an agent one a conversation. */
export const DOCS_MAX = 4096
export const FORGOTTEN_MAX = 1024
