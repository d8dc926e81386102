/** What the page says, in English. Each screen has a part of its own. */

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

export const en = {
  common: {
    menu: 'Screens',
    skip: 'Go to the content',
    loading: 'Loading …',
    again: 'Try again',
    cancel: 'Cancel',
    close: 'Close',
    language: 'Language',
    theme: 'Theme',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    more: (count: number) => `Show more (${count} left)`,
    offline: 'This node does not answer. The page looks for it again by itself.'
  },
  screens: {
    home: 'Home',
    mesh: 'Mesh',
    models: 'Models',
    chat: 'Chat',
    playground: 'Playground',
    requests: 'Requests',
    memory: 'Memory',
    events: 'Events',
    people: 'People and keys',
    doctor: 'Doctor',
    settings: 'Settings'
  },
  signIn: {
    title: 'This browser is not let in',
    how: 'On the device that runs this node, type:',
    token: 'Or paste a token of this node',
    refused: 'The node does not take this token.',
    enter: 'Let this browser in'
  },
  home: {
    devices: (count: number) => plural(count, 'device', 'devices')
  },
  mesh: {},
  device: {},
  models: {},
  chat: {},
  playground: {},
  requests: {},
  memory: {},
  events: {},
  people: {},
  doctor: {},
  settings: {}
}
