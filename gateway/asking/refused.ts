/** What faces say of a request that failed: in the words of the error, never with what an unexpected one holds. */

import { InvalidInputError, type LumosError } from '../../interface/errors.ts'

/** A request that is refused in the words of a face. */
export class RefusedError extends InvalidInputError {
  readonly param: string | null
  readonly reason: string | null
  /** Where it is not 400. */
  readonly status: number | undefined

  constructor(
    message: string,
    {
      param = null,
      reason = null,
      status
    }: { param?: string | null; reason?: string | null; status?: number }
  ) {
    super(message)
    this.param = param
    this.reason = reason
    this.status = status
  }
}

/** The message of an error, for clients that show one text. */
export function wordsOf({ code, message, hint, details }: LumosError): string {
  const { contextTokens, promptTokens, maxTokens = 0 } = details
  if (code === 'CONTEXT_TOO_SMALL' && contextTokens !== undefined) {
    const most = `This model's maximum context length is ${contextTokens} tokens. However, you requested `
    // The answer alone may be longer than any peer has room for, and then no peer is asked to count the question.
    if (promptTokens === undefined)
      return `${most}${maxTokens} tokens in the completion. Please reduce the length of the completion.`
    const all = Number(promptTokens) + Number(maxTokens)
    return (
      `${most}${all} tokens (${promptTokens} in the messages, ${maxTokens} in the completion). ` +
      'Please reduce the length of the messages or completion.'
    )
  }
  // The stack of an unexpected error, and what led to it, are in the log alone.
  if (code === 'INTERNAL') return 'The server had an error while processing your request.'
  return hint === undefined ? message : `${message} ${hint}`
}
