/** For a browser without a session: how to get one. */

import { useEffect, useState } from 'preact/hooks'
import { Button, Card, Field, Screen } from '../parts/basics.tsx'
import { isLetIn, signIn } from '../session.ts'
import { useWords } from '../words/index.ts'

export function SignIn() {
  const w = useWords().signIn
  const [token, setToken] = useState('')
  const [refused, setRefused] = useState(false)
  // A link that was opened meanwhile lets every tab of the browser in.
  useEffect(() => {
    addEventListener('focus', isLetIn)
    return () => removeEventListener('focus', isLetIn)
  }, [])
  const enter = async () => setRefused(!(await signIn(token.trim())))
  return (
    <div class="sign-in">
      <Screen title={w.title}>
        <Card>
          <p class="dim">{w.why}</p>
          <p>{w.how}</p>
          <pre>lumos-node open</pre>
          <form
            onSubmit={event => {
              event.preventDefault()
              void enter()
            }}
          >
            <Field label={w.token}>
              {id => (
                <input
                  id={id}
                  type="password"
                  autocomplete="off"
                  spellcheck={false}
                  value={token}
                  onInput={event => setToken(event.currentTarget.value)}
                />
              )}
            </Field>
            {refused && <p role="alert">{w.refused}</p>}
            <Button look="main" onPress={enter}>
              {w.enter}
            </Button>
          </form>
        </Card>
      </Screen>
    </div>
  )
}
