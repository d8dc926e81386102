/** The programs whose tools this device has, as its owner lists them. */

import * as z from 'zod'
import { McpServerName } from '../../interface/mcp.ts'
import { Access } from '../../interface/membership.ts'
import { holdsNoKey, Path } from '../settings/values.ts'

/** Each that is used is a process. */
const SERVERS_MAX = 32
const WORD_CHARS_MAX = 4096
const ARGS_MAX = 64
const ENV_MAX = 64
const TIMEOUT_MS = 60_000

const Word = z.string().max(WORD_CHARS_MAX)

const Web = z.url({ protocol: /^https?$/, error: 'expected an address such as https://tools.example/mcp' })

const SignInSettings = z
  .strictObject({
    /** Of a client that the server was told of before. Without it, the node registers itself. */
    clientId: Word.min(1).optional(),
    /** A file with the secret of that client, on one line. */
    clientSecretFile: Path.optional(),
    /** The only authorization server that this client is shown to. */
    issuer: Web.optional(),
    /** Where the metadata of the client are, for servers that read them in place of a registration. */
    clientMetadataUrl: Web.optional()
  })
  .refine(
    ({ clientId, clientSecretFile, issuer }) =>
      clientId === undefined ? clientSecretFile === undefined && issuer === undefined : issuer !== undefined,
    {
      error:
        'clientId and issuer go together, clientSecretFile with them: the server would choose who is given them'
    }
  )
export type SignInSettings = z.infer<typeof SignInSettings>

export const McpServer = z
  .strictObject({
    command: Word.min(1).optional(),
    args: z.array(Word).max(ARGS_MAX).default([]),
    env: z
      .record(z.string().regex(/^[A-Za-z_]\w*$/), Word)
      .refine(env => Object.keys(env).length <= ENV_MAX, { error: `at most ${ENV_MAX}` })
      .default({}),
    url: Web.refine(holdsNoKey, {
      error: 'an address is shown and logged: give the token by tokenFile'
    }).optional(),
    /** A file with the bearer token for the url, on one line. */
    tokenFile: Path.optional(),
    /** For a url where the owner signs in by a browser. */
    oauth: SignInSettings.optional(),
    timeoutMs: z.int().min(100).max(600_000).default(TIMEOUT_MS),
    offer: Access.optional()
  })
  .refine(({ command, url }) => (command === undefined) !== (url === undefined), {
    error: 'give a command or a url'
  })
  .refine(
    ({ url, tokenFile, oauth }) => oauth === undefined || (url !== undefined && tokenFile === undefined),
    {
      error: 'oauth is for a url, in place of tokenFile'
    }
  )
export type McpServer = z.infer<typeof McpServer>

export const McpSettings = z.strictObject({
  servers: z
    .record(McpServerName, McpServer)
    .refine(servers => Object.keys(servers).length <= SERVERS_MAX, { error: `at most ${SERVERS_MAX}` })
    .default({})
    .describe(
      'MCP servers by name, each with `command`, `args` and `env`, or with `url` and `tokenFile` or `oauth`; `timeoutMs`; and `offer`, as in `access`: to whom else of the mesh its tools are open. Without it, they are for this device alone. See `docs/mcp.md`.'
    )
})
