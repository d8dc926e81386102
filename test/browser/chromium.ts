/** A real browser for one test, without a window, that believes a made-up DNS and calls nobody else. */

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where the browser is, if there is one. */
export const chromiumPath = PATHS.find(path => existsSync(path))

/** @param hosts names and the addresses that they shall have. */
export const startChromium = (hosts: Readonly<Record<string, string>>): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // The newest browsers ask a person before a page reaches loopback. Others
      // do not, so the node must not lean on it.
      '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
      `--host-resolver-rules=${Object.entries(hosts)
        .map(([name, address]) => `MAP ${name} ${address}`)
        .join(',')}`
    ]
  })
