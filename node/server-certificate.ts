/** The key and the certificate by which programs know this node over TLS, in a file that only its owner reads. */

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { createServerCertificate } from '../protocols/transport/tls/server-certificate.ts'
import { writeFileDurably } from '../storage/database/durable-file.ts'
import { storeFailure } from '../storage/database/failure.ts'

export interface ServerCertificate {
  /** Both in PEM. */
  readonly key: string
  readonly cert: string
}

/** Made on first use, and anew where it lacks one of these names or cannot be read: programs that pinned it are told by their TLS. */
export function serverCertificate(path: string, names: readonly string[]): ServerCertificate {
  const kept = read(path)
  if (kept !== undefined && isFor(kept, names)) return kept
  const made = createServerCertificate(names)
  writeFileDurably(path, made.key + made.cert)
  return made
}

function read(path: string): ServerCertificate | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storeFailure(err, path)
  }
  const [key, cert] = ['PRIVATE KEY', 'CERTIFICATE'].map(
    label => new RegExp(`-----BEGIN ${label}-----[\\s\\S]+?-----END ${label}-----\\n`).exec(text)?.[0]
  )
  return key === undefined || cert === undefined ? undefined : { key, cert }
}

function isFor({ key, cert }: ServerCertificate, names: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(cert)
    const covers = (name: string) =>
      isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)
    return (
      certificate.checkPrivateKey(createPrivateKey(key)) && names.every(name => covers(name) !== undefined)
    )
  } catch {
    return false
  }
}
