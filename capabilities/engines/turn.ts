/** A long computation of an engine holds its thread: between its pieces, others have their turn. */

/**
 * Other requests of the process, and a cancel, have their turn.
 *
 * @throws the reason of the cancel.
 */
export async function turn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
  signal?.throwIfAborted()
}
