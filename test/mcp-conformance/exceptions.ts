/** Scenarios of the suite that our client does not pass, each by its reason. */

export const EXCEPTIONS: Readonly<Record<string, string>> = {
  'elicitation-sep1034-client-defaults':
    'Its server asks a person, and before a node sits none: it does not say that it can be asked.',
  'sep-2322-client-request-state': 'Its server asks a person without having been told that it can.'
}
