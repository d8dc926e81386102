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
  mesh: {
    count: (online: number, all: number) => `${online} of ${plural(all, 'device', 'devices')} here`,
    picture: (online: number, all: number) =>
      `The mesh: ${plural(all, 'device', 'devices')}, ${online} of them connected. A table follows.`,
    asTable: 'As a table',
    asPicture: 'As a picture',
    invite: 'Let a device in',
    name: 'Name',
    state: 'State',
    role: 'Role',
    roles: { admin: 'Admin', member: 'Member', edge: 'Edge', guest: 'Guest' },
    path: 'Path',
    direct: 'direct',
    relayed: 'through another device',
    roundTrip: 'Round trip',
    models: 'Models',
    software: 'Version',
    self: 'this device',
    online: 'connected',
    offline: 'away',
    duplicated: 'key in use twice'
  },
  device: {
    unknown: 'The mesh has no such device.',
    place: 'Place in the mesh',
    hardware: 'Hardware',
    processor: 'Processor',
    cores: (count: number) => plural(count, 'core', 'cores'),
    memory: 'Memory',
    system: 'System',
    accelerators: 'Accelerators',
    up: (time: string) => `up for ${time}`,
    requests: 'Requests',
    waiting: (count: number) => `${count} waiting`,
    yielding: 'It leaves its processor to its user now.',
    load: 'Load',
    busy: 'Processor',
    history: 'The load of the last minutes',
    of: (all: string) => `of ${all}`,
    temperature: 'Temperature',
    power: 'Power',
    offers: 'What it offers',
    offersNothing: 'It offers no model.',
    warm: 'loaded',
    cold: 'not loaded',
    slots: (count: number) => plural(count, 'slot', 'slots')
  },
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
