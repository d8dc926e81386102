/** Which programs and browsers may ask this node. Tokens are made on the device, so that no page can make one. */

import { useState } from 'preact/hooks'
import { Button, Card, Field } from '../parts/basics.tsx'
import { Command } from '../parts/command.tsx'
import { signOut } from '../session.ts'
import { useWords } from '../words/index.ts'

const PERMISSIONS = ['read', 'use', 'manage'] as const

/** A page never has the permission `keys`: the commands, ready to be typed. */
export function Tokens() {
  const w = useWords()
  const [name, setName] = useState('')
  const [allow, setAllow] = useState<readonly string[]>(['read', 'use'])
  const shown = /^[A-Za-z0-9][\w.-]{0,63}$/.test(name) ? name : 'notebook'
  const toggle = (permission: string) =>
    setAllow(before => {
      const next = PERMISSIONS.filter(each => (each === permission) !== before.includes(each))
      // A token for nothing is none.
      return next.length > 0 ? next : before
    })
  return (
    <Card title={w.people.tokens}>
      <p class="dim">{w.people.tokensMeans}</p>
      <p>{w.people.tokensByCommand}</p>
      <div class="grid">
        <Field label={w.people.tokenName}>
          {id => (
            <input
              id={id}
              value={name}
              placeholder="notebook"
              autoComplete="off"
              spellcheck={false}
              onInput={event => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        <fieldset class="choice">
          <legend>{w.people.tokenMay}</legend>
          {PERMISSIONS.map(permission => (
            <label key={permission}>
              <input
                type="checkbox"
                checked={allow.includes(permission)}
                onChange={() => toggle(permission)}
              />
              {w.people.permissions[permission]}
            </label>
          ))}
        </fieldset>
      </div>
      <ul class="plain-list">
        <li>
          <span class="note">{w.people.tokenCreate}</span>
          <Command of={`lumos-node token create ${shown} --allow ${allow.join(',')} --expires 30d`} />
        </li>
        <li>
          <span class="note">{w.people.tokenList}</span>
          <Command of="lumos-node token list" />
        </li>
        <li>
          <span class="note">{w.people.tokenRevoke}</span>
          <Command of={`lumos-node token revoke ${shown}`} />
        </li>
      </ul>
    </Card>
  )
}

export function Session() {
  const w = useWords()
  return (
    <Card title={w.people.browser} actions={<Button onPress={signOut}>{w.people.signOut}</Button>}>
      <p class="dim">{w.people.browserMeans}</p>
      <p class="note">{w.people.allBrowsers}</p>
      <Command of="lumos-node token rotate" />
    </Card>
  )
}
