/**
 * What a peer may make this node hold or wait for, in one place, so that the
 * sums stay in sight: streams × window bounds the memory behind one connection.
 */

const KIB = 1024
const MIB = 1024 * KIB

/** The first frame of a stream, before anything is known about who sends it. */
export const FIRST_FRAME_BYTES_MAX = 16 * KIB
/** Any later frame, unless its reader says otherwise. */
export const FRAME_BYTES_MAX = 256 * KIB
/** What no reader may raise its limit above. */
export const FRAME_BYTES_HARD_MAX = MIB

/** Control bodies are descriptions; nesting deeper than this is an attack on the stack. */
export const CONTROL_DEPTH_MAX = 16

/** A frame that has begun must be whole after this long, plus the time its bytes take at the rate below. */
export const FRAME_PATIENCE_MS = 10_000
/** 16 KiB/s: the slowest link on which this mesh is still of use. */
export const FRAME_BYTES_PER_MS_MIN = 16
/** A reader that takes nothing for this long has stopped; what waits for it is given up. */
export const WRITE_PATIENCE_MS = 10_000

/** Writers wait above this: two data frames keep a fast link busy. */
export const WRITE_BUFFER_BYTES_HIGH = 512 * KIB
/**
 * Answers to one peer that wait to be sent, on all its streams: four at the mark above, more than
 * a fast link needs. Beyond it a stream takes its next frame only once all before it was sent, so
 * one that is read goes on beside any that are not.
 */
export const UNSENT_BYTES_PER_PEER_MAX = 2 * MIB
/** To all peers together: a few that read nothing must not add up to what a small device cannot hold. */
export const UNSENT_BYTES_MAX = 64 * MIB

/** Binary values of one message. As many as a request may have tensors. */
export const ATTACHMENTS_MAX = 64
/** All binary values of one message together: the largest tensor request. */
export const ATTACHMENT_BYTES_MAX = 64 * MIB

/**
 * Inference streams one connection may hold open: what a dialer opens at most (a session and its lanes, one for each
 * answer that is written word by word), and a few whose end is still under way. Yamux has more than as many left for all else.
 * An idle one costs some kilobytes for a minute. One whose peer reads nothing costs the listener 128 KiB, for it takes
 * a flush beside what all of them share; one whose caller reads nothing costs the dialer a window and a queue.
 */
export const INFERENCE_STREAMS_OUTBOUND_MAX = 24
export const INFERENCE_STREAMS_INBOUND_MAX = 28

/**
 * Yamux as every node runs it. A paused stream keeps at most one window unread,
 * so the window must be below the read buffer's limit or honest peers are cut off.
 * The write buffer's limit stays above our high-water mark plus one frame of the
 * largest size: it only ever hits code that ignores back-pressure.
 */
export const YAMUX_LIMITS = {
  maxInboundStreams: 64,
  maxOutboundStreams: 64,
  maxEarlyStreams: 10,
  streamOptions: {
    maxStreamWindowSize: MIB,
    maxReadBufferLength: MIB + 256 * KIB,
    maxWriteBufferLength: 4 * MIB
  }
}
