/** The frame around the screens: where one is, where one can go, and whether the node is there. */

import type { ComponentType } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { ICONS } from './icons.tsx'
import { follow, RETRY_MS, useUnit } from './live.ts'
import { useMay, useSession } from './may.ts'
import { call, type UnitName } from './node.ts'
import { Button, Closed, Select } from './parts/basics.tsx'
import { Notes } from './parts/notes.tsx'
import { Text } from './parts/text.tsx'
import { linkTo, type Place, usePlace } from './router.ts'
import { Chat } from './screens/chat.tsx'
import { Doctor } from './screens/doctor.tsx'
import { Events } from './screens/events.tsx'
import { Home } from './screens/home.tsx'
import { Memory } from './screens/memory.tsx'
import { Mesh } from './screens/mesh.tsx'
import { Models } from './screens/models.tsx'
import { People } from './screens/people.tsx'
import { Playground } from './screens/playground.tsx'
import { Requests } from './screens/requests.tsx'
import { Settings } from './screens/settings.tsx'
import { SignIn } from './screens/sign-in.tsx'
import { state, useStore } from './state.ts'
import { chooseTheme, look, THEMES } from './theme.ts'
import { choose, LANGUAGES, language, useWords, type Words } from './words/index.ts'

export interface ScreenProps {
  readonly place: Place
}

/** In the order of the menu. */
const SCREENS: Readonly<Record<keyof Words['screens'], ComponentType<ScreenProps>>> = {
  home: Home,
  mesh: Mesh,
  models: Models,
  chat: Chat,
  playground: Playground,
  requests: Requests,
  memory: Memory,
  events: Events,
  people: People,
  doctor: Doctor,
  settings: Settings
}

/** What a screen is for. A session that may not call it is told so there. */
const NEEDED: Readonly<Partial<Record<keyof Words['screens'], UnitName>>> = {
  chat: 'inference.chat',
  playground: 'inference.classify',
  memory: 'memory.list',
  settings: 'config.show'
}

export function App() {
  const { signedOut } = useStore(state)
  const place = usePlace()
  const isKnown = useSession()
  useBadge()
  useEffect(() => {
    if (signedOut) return
    const closed = new AbortController()
    void follow(closed.signal)
    return () => closed.abort()
  }, [signedOut])

  if (signedOut) return <SignIn />
  return (
    <div class="frame">
      <Menu place={place} />
      <div class="main-column">
        <Standing />
        {isKnown && <Shown place={place} key={place.screen} />}
      </div>
      <Notes />
    </div>
  )
}

function Shown({ place }: ScreenProps) {
  const w = useWords()
  const name = Object.hasOwn(SCREENS, place.screen) ? (place.screen as keyof typeof SCREENS) : 'home'
  const may = useMay(NEEDED[name])
  const Content = SCREENS[name]
  return may ? <Content place={place} /> : <Closed title={w.screens[name]} />
}

function Menu({ place }: ScreenProps) {
  const w = useWords()
  const { data } = useUnit('mesh.show', {}, { on: ['mesh.'] })
  const list = useRef<HTMLUListElement>(null)
  // On a phone the list is longer than its line.
  useEffect(() => {
    const link = list.current?.querySelector<HTMLElement>('[aria-current]')
    if (link) list.current!.scrollLeft = link.offsetLeft - (list.current!.clientWidth - link.offsetWidth) / 2
  }, [place.screen])
  return (
    <nav class="menu" aria-label={w.common.menu}>
      <button type="button" class="skip" onClick={() => document.getElementById('screen')?.focus()}>
        {w.common.skip}
      </button>
      <a class="brand" href={linkTo('home')}>
        <img src="/icon.svg" alt="" width="28" height="28" />
        <span>
          <Text of={data?.name ?? 'lumos'} />
        </span>
      </a>
      <ul ref={list}>
        {(Object.keys(SCREENS) as (keyof Words['screens'])[]).map(name => (
          <li key={name}>
            <a href={linkTo(name)} aria-current={place.screen === name ? 'page' : undefined}>
              {ICONS[name]}
              <span>{w.screens[name]}</span>
            </a>
          </li>
        ))}
      </ul>
      <Choices />
    </nav>
  )
}

/** How the page looks to this reader. */
function Choices() {
  const w = useWords()
  const { theme } = useStore(look)
  return (
    <div class="choices">
      <Select
        aria-label={w.common.language}
        value={language()}
        options={Object.entries(LANGUAGES).map(([key, { name }]) => [key, name] as const)}
        onChange={choose}
      />
      <Select
        aria-label={w.common.theme}
        value={theme}
        options={THEMES.map(name => [name, w.common.themes[name]] as const)}
        onChange={chooseTheme}
      />
    </div>
  )
}

/** How the page stands to its node, where that is not as it should be. */
function Standing() {
  const w = useWords()
  const { online, outdated } = useStore(state)
  // A screen may ask for nothing by itself, and the stream of events may have outlived what failed.
  useEffect(() => {
    if (online) return
    const looking = setInterval(() => void call('mesh.show', {}).catch(() => undefined), RETRY_MS)
    return () => clearInterval(looking)
  }, [online])
  return (
    <div role="status">
      {!online && <p class="standing">{w.common.offline}</p>}
      {online && outdated && (
        <div class="standing row">
          <p>{w.common.outdated}</p>
          <Button onPress={() => location.reload()}>{w.common.reload}</Button>
        </div>
      )}
    </div>
  )
}

/** The installed page shows how many answers it waits for. */
function useBadge(): void {
  const { answering } = useStore(state)
  useEffect(() => {
    if (!('setAppBadge' in navigator)) return
    void (answering > 0 ? navigator.setAppBadge(answering) : navigator.clearAppBadge()).catch(() => undefined)
  }, [answering])
}
