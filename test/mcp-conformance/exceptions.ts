/** Scenarios of the suite that our client does not pass, each by its reason. */

export const EXCEPTIONS: Readonly<Record<string, string>> = {
  'elicitation-sep1034-client-defaults':
    'Its server asks a person, and a node asks none: it does not say that it can.',
  'sep-2322-client-request-state': 'Its server asks a person without having been told that it can.'
}
