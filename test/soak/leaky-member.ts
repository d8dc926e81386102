/** A node that forgets to clean up in every way that a soak must notice. */

import { EventEmitter } from 'node:events'
import { openSync } from 'node:fs'
import '../../soak/member.ts'

const LEAK_EVERY_MS = 100
const NUMBERS = 37_500
const LISTENERS = 10

const kept: unknown[] = []
const stopping = new AbortController()
const emitter = new EventEmitter()
let leaks = 0
setInterval(() => {
  // 0.3 MB, ten times a second: 10,800 MB an hour.
  kept.push(Array.from({ length: NUMBERS }, () => Math.random()))
  for (let i = 0; i < LISTENERS; i++) stopping.signal.addEventListener('abort', () => {})
  emitter.on('any', () => {})
  if (leaks++ % 5 === 0) openSync('/dev/null', 'r')
}, LEAK_EVERY_MS)
