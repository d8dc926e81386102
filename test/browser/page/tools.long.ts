/** A tool of an MCP server, which a model asks for in the chat of the page. */

import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { ScriptedEngine, scriptedModels, TALKER } from '../../openai/scripted-engine.ts'
import { chromiumPath, startChromium } from '../chromium.ts'
import { startPageNodes } from './nodes.ts'
import { settled, visit } from './visit.ts'

const program = {
  command: process.execPath,
  args: [fileURLToPath(new URL('../../mcp/foreign-server.ts', import.meta.url))]
}

describe.skipIf(chromiumPath === undefined)('the chat of the page', () => {
  it('gives a model the result of a tool of an MCP server, and names the servers that do not answer', async () => {
    const engine = new ScriptedEngine()
    await using nodes = await startPageNodes({
      settings: { 'mcp.servers': { sums: program, broken: { command: '/nowhere/program' } } },
      others: { attic: scriptedModels(engine) }
    })
    const browser = await startChromium({})
    try {
      const { page } = await visit(browser)
      await page.goto(nodes.link())
      await settled(page)
      await page.goto(`${nodes.url}/#/chat/${encodeURIComponent(TALKER)}`)
      await page.getByRole('button', { name: 'Parameters' }).click()
      await page.getByRole('region', { name: 'broken' }).getByText('TOOL_FAILED').waitFor()
      await page.getByRole('checkbox', { name: /^sums__add/ }).check()
      const question = page.getByRole('textbox', { name: 'Your question' })
      await question.fill('call with {"a":2,"b":40}')
      await question.press('Enter')
      await page.getByRole('button', { name: 'Run it' }).click()
      await page.getByText('1 results: 42').waitFor()
      const { tools } = engine.requests[0]!.params as { tools: { name: string; parameters: object }[] }
      assert.deepEqual(
        tools.map(({ name }) => name),
        ['sums__add']
      )
    } finally {
      await browser.close()
    }
  })
})
