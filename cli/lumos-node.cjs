#!/usr/bin/env node
// The command as it is installed, and as a clone has it (`npx lumos-node`): the source where it is, else the build.
// Plain JavaScript that every Node can read, so that an old one gets a sentence and no stack.

const { existsSync } = require('node:fs')
const { join } = require('node:path')
const { engines } = require('../package.json')

const oldest = Number(/\d+/.exec(engines.node)[0])
if (Number.parseInt(process.versions.node, 10) < oldest) {
  process.stderr.write(`Node ${process.version} is too old. Install Node ${oldest} or newer.\n`)
  process.exitCode = 1
} else {
  const source = join(__dirname, 'main.ts')
  import(existsSync(source) ? './main.ts' : '../dist/cli.js').catch(err => {
    if (err.code !== 'ERR_MODULE_NOT_FOUND') throw err
    process.stderr.write(`A part of this program is missing. In a clone, run first: npm ci\n${err.message}\n`)
    process.exitCode = 1
  })
}
