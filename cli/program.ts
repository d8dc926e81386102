/**
 * The command line: its domains, in the order of the help. A domain declares its commands with their options. The code
 * of a command is imported when it runs, so that help and completion load nothing but commander.
 */

import type { Command } from 'commander'
import { VERSION } from '../node/version.ts'
import * as adopt from './commands/adopt/index.ts'
import * as autostart from './commands/autostart/index.ts'
import * as completion from './commands/completion/index.ts'
import * as config from './commands/config/index.ts'
import * as conformance from './commands/conformance/index.ts'
import * as connect from './commands/connect/index.ts'
import * as engines from './commands/engines/index.ts'
import * as events from './commands/events/index.ts'
import * as inference from './commands/inference/index.ts'
import * as jobs from './commands/jobs/index.ts'
import * as keys from './commands/keys/index.ts'
import * as mcp from './commands/mcp/index.ts'
import * as membership from './commands/membership/index.ts'
import * as memory from './commands/memory/index.ts'
import * as mesh from './commands/mesh/index.ts'
import * as models from './commands/models/index.ts'
import * as node from './commands/node/index.ts'
import * as requests from './commands/requests/index.ts'
import * as resources from './commands/resources/index.ts'
import * as services from './commands/services/index.ts'
import * as top from './commands/top/index.ts'
import * as units from './commands/units/index.ts'
import type { GlobalOptions, Lazily, Register } from './invocation.ts'
import { Output } from './output.ts'
import { HelpfulCommand } from './usage.ts'

const DOMAINS: readonly { register: Register }[] = [
  node,
  top,
  models,
  resources,
  services,
  engines,
  inference,
  requests,
  units,
  connect,
  mcp,
  conformance,
  events,
  jobs,
  keys,
  adopt,
  membership,
  memory,
  mesh,
  config,
  autostart,
  completion
]

/** @param json whether only JSON may be printed, on stderr too. */
export function createProgram(json: boolean, domains = DOMAINS): Command {
  const program = new HelpfulCommand('lumos-node')
    .description('One private AI mesh out of every device you own.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--home <dir>', 'home of the node (default: LUMOS_HOME, else the folder of the platform)')
    .option('--json', 'print one JSON object')
    .option('-v, --verbose', 'tell more, on stderr')
    .configureOutput({
      // What commander throws is reported like every other error.
      outputError() {},
      writeErr(help) {
        if (!json) process.stderr.write(help)
      }
    })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()

  const lazily: Lazily =
    load =>
    async (...given) => {
      const command = given.at(-1) as Command
      const options: GlobalOptions = command.optsWithGlobals()
      const output = new Output({ json })
      await (await load()).run({ args: command.args, options, output, program })
    }
  for (const { register } of domains) register(program, lazily)
  return program
}
