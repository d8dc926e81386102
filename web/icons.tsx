/** The pictures of the menu, drawn in one hand: 24 by 24, lines of the colour of the text. */

import type { ComponentChildren } from 'preact'
import type { Words } from './words/index.ts'

const Icon = ({ children }: { children: ComponentChildren }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    {children}
  </svg>
)

export const ICONS: Readonly<Record<keyof Words['screens'], ComponentChildren>> = {
  home: (
    <Icon>
      <path d="M4 11 12 4l8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z" />
    </Icon>
  ),
  mesh: (
    <Icon>
      <path d="M12 6 6 17M12 6l6 11M7 18h10" />
      <circle cx="12" cy="5" r="2.2" />
      <circle cx="5" cy="18" r="2.2" />
      <circle cx="19" cy="18" r="2.2" />
    </Icon>
  ),
  models: (
    <Icon>
      <path d="m12 3 8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9" />
    </Icon>
  ),
  chat: (
    <Icon>
      <path d="M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-7l-5 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z" />
    </Icon>
  ),
  playground: (
    <Icon>
      <path d="M10 3h4M11 3v6l-6 10a1 1 0 0 0 1 2h12a1 1 0 0 0 1-2L13 9V3M7.5 15h9" />
    </Icon>
  ),
  requests: (
    <Icon>
      <path d="M4 6h9M4 12h13M4 18h6M17 6h3M20.5 12H21M14 18h6" />
    </Icon>
  ),
  memory: (
    <Icon>
      <path d="M5 4h11l3 3v13H5zM9 4v5h6V4M8 20v-6h8v6" />
    </Icon>
  ),
  events: (
    <Icon>
      <path d="M3 12h4l3-7 4 14 3-7h4" />
    </Icon>
  ),
  people: (
    <Icon>
      <circle cx="9" cy="8" r="3" />
      <path d="M3 20c0-4 3-6 6-6s6 2 6 6M16 5.5a3 3 0 0 1 0 5.5M18 14.5c2 .8 3 2.700 3 5.500" />
    </Icon>
  ),
  doctor: (
    <Icon>
      <path d="M9 3h6v6h6v6h-6v6H9v-6H3V9h6z" />
    </Icon>
  ),
  settings: (
    <Icon>
      <path d="M4 7h10M18 7h2M4 17h2M10 17h10" />
      <circle cx="16" cy="7" r="2" />
      <circle cx="8" cy="17" r="2" />
    </Icon>
  )
}
