/**
 * Programs that use models, and how each is led to a node: by a change of its configuration, by steps in its own pages, or
 * by both. No token is written into a file or printed: the program runs the command that prints it, or its user does.
 */

import { join } from 'node:path'
import { claudeFiles, codexFolder } from '../../foreign/folders.ts'
import { type ForeignFile, withJson, withToml } from '../../foreign-config.ts'
import { shellWord } from '../../shell-word.ts'
import type { ChosenModel } from './model.ts'
import type { Program } from './names.ts'

export interface Node {
  readonly url: string
  readonly model: ChosenModel
  /** The program and the arguments that print the token of the node. */
  readonly showToken: readonly [program: string, ...string[]]
  /** The command that makes a token for this program and prints it, once. */
  readonly newToken: string
}

interface Way {
  readonly file?: ForeignFile
  /** What a person does. */
  readonly steps: readonly string[]
  /** Whether it asks with long prompts and tools. */
  readonly isAgent?: true
}

/** Its name in the configuration of others. */
const NAME = 'lumos'

const IS_LINUX = process.platform === 'linux'

export const PLACES: Readonly<Record<Program, (node: Node) => Way>> = {
  claude: ({ url, model: { id, contextTokens }, showToken }) => ({
    isAgent: true,
    file: {
      path: claudeFiles().settings,
      edit: text =>
        [
          [['apiKeyHelper'], showToken.map(shellWord).join(' ')],
          [['env', 'ANTHROPIC_BASE_URL'], url],
          [['env', 'ANTHROPIC_MODEL'], id],
          // Subagents, plans and titles ask for a model of one of these families, whatever the model is.
          ...['OPUS', 'SONNET', 'HAIKU'].map(family => [['env', `ANTHROPIC_DEFAULT_${family}_MODEL`], id]),
          // Of a model that it does not know it expects 200,000.
          ...(contextTokens === undefined
            ? []
            : ['MAX_CONTEXT_TOKENS', 'AUTO_COMPACT_WINDOW'].map(what => [
                ['env', `CLAUDE_CODE_${what}`],
                String(contextTokens)
              ]))
        ].reduce<string | undefined>(
          (changed, [path, value]) => withJson(changed, path as string[], value),
          text
        )!
    },
    steps: ['Where ANTHROPIC_AUTH_TOKEN or ANTHROPIC_API_KEY is set, Claude Code shows that: unset it.']
  }),

  codex: ({ url, model: { id, contextTokens }, showToken: [command, ...args] }) => ({
    isAgent: true,
    file: {
      path: join(codexFolder(), 'config.toml'),
      edit: text => {
        const provider = withToml(text, `model_providers.${NAME}`, {
          ...{ name: 'lumos-node', base_url: `${url}/v1`, wire_api: 'responses' }
        })
        return withToml(provider, `model_providers.${NAME}.auth`, { command, args })
      }
    },
    steps: [
      // Of a model that it does not know it expects 272,000.
      `Run it: codex -c model_provider=${NAME} -m ${shellWord(id)}${contextTokens ? ` -c model_context_window=${contextTokens}` : ''}`
    ]
  }),

  openwebui: node => ({
    steps: [
      'Run it with these, in one line:',
      `  docker run -d --name open-webui -v open-webui:/app/backend/data ${CONTAINER_NETWORK} \\`,
      `    -e OPENAI_API_BASE_URL=${containerUrl(node.url)}/v1 -e OPENAI_API_KEY="$(${node.newToken})" \\`,
      '    ghcr.io/open-webui/open-webui:main',
      ...(IS_LINUX ? [] : ['In lumos.yaml of the node: gateway: { hosts: [host.docker.internal] }']),
      `One that runs already: Admin Settings, Connections, OpenAI API, with the same address, and a token: ${node.newToken}`
    ]
  }),

  homeassistant: node => ({
    steps: [
      'Add the integration Extended OpenAI Conversation, which takes other servers than that of OpenAI:',
      ...valuesOf(node),
      'From another device the gateway is reached only where the settings gateway.host and gateway.hosts say so.'
    ]
  }),

  vscode: node => ({
    isAgent: true,
    steps: [
      'Chat: Manage Language Models, Add Models, Custom Endpoint (VS Code 1.122 or later). API type: Chat Completions.',
      ...tokenStep(node),
      'In chatLanguageModels.json, which opens then, the list of models is:',
      `  [${JSON.stringify(vscodeModel(node))}]`
    ]
  }),

  cline: node => ({
    isAgent: true,
    steps: ['In its settings, API Provider: OpenAI Compatible.', ...valuesOf(node)]
  })
}

/** It wants both figures: where no device states the context, a common one of small models. */
const VSCODE_CONTEXT_TOKENS = 32_768

/** A quarter is for the answer. */
const vscodeModel = ({
  url,
  model: { id, takesImages, contextTokens = VSCODE_CONTEXT_TOKENS }
}: Node): object => {
  const maxOutputTokens = Math.floor(contextTokens / 4)
  return {
    ...{ id, name: id, url: `${url}/v1/chat/completions`, toolCalling: true, vision: takesImages },
    ...{ maxInputTokens: contextTokens - maxOutputTokens, maxOutputTokens }
  }
}

const tokenStep = ({ newToken }: Node): string[] => [`The token is what this prints: ${newToken}`]

const valuesOf = (node: Node): string[] => [
  `  Base URL: ${node.url}/v1`,
  `  Model:    ${node.model.id}`,
  '  API key:  the token',
  ...tokenStep(node)
]

/** On Linux a container reaches the loopback of its host only in the network of the host. */
const CONTAINER_NETWORK = IS_LINUX ? '--network host -e PORT=8080' : '-p 3000:8080'
const containerUrl = (url: string): string =>
  IS_LINUX ? url : url.replace(/127\.0\.0\.1|localhost|\[::1\]/, 'host.docker.internal')
