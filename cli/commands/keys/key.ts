/** `key protect|unprotect|change`: the keys of this node under a passphrase. The node must be stopped. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { loadConfig } from '../../../node/settings/config.ts'
import { HomeLock } from '../../../storage/home/home-lock.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import { checkKeys, type Passphrases, protectKeys } from '../../../storage/keys/key-protection.ts'
import { readPassphrase } from '../../../storage/keys/passphrase.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'
import { askSecret, canAsk } from '../../prompt.ts'

interface KeyCommandOptions extends GlobalOptions {
  readonly passphraseFile?: string
  readonly newPassphraseFile?: string
}

type KeyInvocation = Invocation<KeyCommandOptions>

export const protect = (invocation: KeyInvocation): Promise<void> =>
  changeKeys(invocation, 'protected', async ({ configured, options }) => {
    const next = await newPassphrase('--passphrase-file', options.passphraseFile ?? configured)
    return {
      next,
      advice:
        configured === undefined
          ? 'start now asks for the passphrase; to start unattended, set keys.passphraseFile.'
          : undefined
    }
  })

export const unprotect = (invocation: KeyInvocation): Promise<void> =>
  changeKeys(invocation, 'unprotected', async ({ configured, options }) => ({
    present: await presentPassphrase(options.passphraseFile ?? configured),
    advice: configured === undefined ? undefined : 'Remove keys.passphraseFile: nothing needs it any more.'
  }))

export const change = (invocation: KeyInvocation): Promise<void> =>
  changeKeys(invocation, 'changed', async ({ configured, options }) => ({
    present: await presentPassphrase(options.passphraseFile ?? configured),
    next: await newPassphrase('--new-passphrase-file', options.newPassphraseFile),
    advice: configured === undefined ? undefined : `Write the new passphrase into ${configured}.`
  }))

type Event = 'protected' | 'unprotected' | 'changed'

interface Plan extends Passphrases {
  /** What the person should do next. */
  readonly advice?: string
}

interface Situation {
  readonly options: KeyCommandOptions
  /** The file that the settings name. */
  readonly configured: string | undefined
}

async function changeKeys(
  { options, output }: KeyInvocation,
  event: Event,
  ask: (situation: Situation) => Promise<Plan>
): Promise<void> {
  const { config, home } = await loadConfig({ home: options.home })
  checkKeys(home)
  // Before anything is asked: a running node is no moment to type a passphrase.
  using _lock = HomeLock.take(home)

  const { advice, ...passphrases } = await ask({
    options,
    configured: config.keys.passphraseFile ?? undefined
  })
  const keys = await protectKeys(home, passphrases)
  output.data({ event, home, keys }, () =>
    keys.length === 0 ? `Nothing to do: the keys are ${event} already.` : `${keys.join(' and ')}: ${event}.`
  )
  if (advice !== undefined && keys.length > 0 && !output.json) output.note(advice)
}

const presentPassphrase = async (file: string | undefined): Promise<string> =>
  (await fromFile(file)) ?? ask('Passphrase: ', '--passphrase-file')

async function newPassphrase(flag: string, file: string | undefined): Promise<string> {
  const given = await fromFile(file)
  if (given !== undefined) return given
  const typed = await ask('New passphrase: ', flag)
  if ((await ask('The same again: ', flag)) === typed) return typed
  throw new InvalidInputError('The two passphrases are not the same. Nothing was changed.')
}

async function fromFile(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  return readPassphrase(file === '-' ? process.stdin.fd : fromTilde(file))
}

async function ask(question: string, flag: string): Promise<string> {
  if (canAsk()) return askSecret(question)
  throw new LumosError('USAGE', 'There is no terminal to ask for the passphrase.', {
    hint: `Give it with ${flag} <path>, or ${flag} - for stdin.`
  })
}
