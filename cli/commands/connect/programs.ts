/**
 * Programs that use models, and how each is led to a node: by a change of its configuration, by steps in its own pages, or
 * by both. No token is written into a file or printed: the program runs the command that prints it, or its user does.
 */

import { join } from 'node:path'
import { claudeFiles, codexFolder } from '../../foreign/folders.ts'
import { type ForeignFile, withJson, withToml } from '../../foreign-config.ts'
import type { Program } from './names.ts'

export interface Node {
  readonly url: string
  readonly model: string
  /** Whether a device that has the model says that it takes pictures. */
  readonly takesImages: boolean
  /** The command that prints the token of the node. */
  readonly showToken: string
  /** The command that makes a token for this program and prints it, once. */
  readonly newToken: string
}

interface Way {
  readonly file?: ForeignFile
  /** What a person does. */
  readonly steps: readonly string[]
}

/** Its name in the configuration of others. */
const NAME = 'lumos'
/** The variable that Codex reads the token from. */
const TOKEN_VARIABLE = 'LUMOS_TOKEN'

const IS_LINUX = process.platform === 'linux'

export const PLACES: Readonly<Record<Program, (node: Node) => Way>> = {
  claude: ({ url, model, showToken }) => ({
    file: {
      path: claudeFiles().settings,
      edit: text =>
        [
          [['apiKeyHelper'], showToken],
          [['env', 'ANTHROPIC_BASE_URL'], url],
          [['env', 'ANTHROPIC_MODEL'], model],
          // Subagents, plans and titles ask for a model of one of these families, whatever the model is.
          ...['OPUS', 'SONNET', 'HAIKU'].map(family => [['env', `ANTHROPIC_DEFAULT_${family}_MODEL`], model])
        ].reduce<string | undefined>(
          (changed, [path, value]) => withJson(changed, path as string[], value),
          text
        )!
    },
    steps: []
  }),

  codex: ({ url, model, showToken }) => ({
    file: {
      path: join(codexFolder(), 'config.toml'),
      edit: text =>
        withToml(text, `model_providers.${NAME}`, {
          name: 'lumos-node',
          base_url: `${url}/v1`,
          env_key: TOKEN_VARIABLE,
          wire_api: 'responses'
        })
    },
    steps: [`Run it: ${TOKEN_VARIABLE}="$(${showToken})" codex -c model_provider=${NAME} -m ${model}`]
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
    steps: [
      'Chat: Manage Language Models, Add Models, Custom Endpoint (VS Code 1.122 or later). API type: Chat Completions.',
      ...tokenStep(node),
      'In chatLanguageModels.json, which opens then, the list of models is:',
      `  [${JSON.stringify({ id: node.model, name: node.model, url: `${node.url}/v1/chat/completions`, toolCalling: true, vision: node.takesImages, maxInputTokens: 8192, maxOutputTokens: 4096 })}]`
    ]
  }),

  cline: node => ({
    steps: ['In its settings, API Provider: OpenAI Compatible.', ...valuesOf(node)]
  })
}

const tokenStep = ({ newToken }: Node): string[] => [`The token is what this prints: ${newToken}`]

const valuesOf = (node: Node): string[] => [
  `  Base URL: ${node.url}/v1`,
  `  Model:    ${node.model}`,
  '  API key:  the token',
  ...tokenStep(node)
]

/** On Linux a container reaches the loopback of its host only in the network of the host. */
const CONTAINER_NETWORK = IS_LINUX ? '--network host -e PORT=8080' : '-p 3000:8080'
const containerUrl = (url: string): string =>
  IS_LINUX ? url : url.replace(/127\.0\.0\.1|localhost|\[::1\]/, 'host.docker.internal')
