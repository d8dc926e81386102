/** Commands for the memory of agents. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily, Register } from '../../invocation.ts'
import { integer } from '../../option-values.ts'

const SPACE = ['<space>', 'its name on this device, or its id'] as const
const MARKDOWN = ['--markdown', 'for people: they read it, and edit it before it is imported'] as const
const DOC = ['--doc <name>', 'the document; by default the map `default`'] as const

export const register: Register = (program, lazily) => {
  const memory = program
    .command('memory')
    .description('what agents remember: spaces that devices share and merge')
  kept(memory, lazily)
  facts(memory, lazily)
  lists(memory, lazily)
  recalled(memory, lazily)
  knowledge(memory, lazily)
  shared(memory, lazily)
  cared(memory, lazily)
}

function kept(memory: Command, lazily: Lazily): void {
  memory
    .command('create')
    .description('make a space; it is private until it is shared')
    .argument('<name>', 'what it is called here')
    .action(lazily(async () => ({ run: (await import('./spaces.ts')).create })))
  memory
    .command('list')
    .description('the spaces of this device, or the documents of one')
    .argument('[space]', SPACE[1])
    .action(lazily(async () => ({ run: (await import('./spaces.ts')).list })))
  memory
    .command('status')
    .description('one space: its content hash, its size, and who has it too')
    .argument(...SPACE)
    .action(lazily(async () => ({ run: (await import('./spaces.ts')).status })))
  memory
    .command('open')
    .description('a document')
    .argument(...SPACE)
    .argument('[doc]', 'its name; by default the map `default`')
    .option('--last <number>', 'of entries, so many of the newest', integer)
    .option('--kind <kind>', 'which of several documents of this name')
    .action(lazily(async () => ({ run: (await import('./documents.ts')).open })))
}

function facts(memory: Command, lazily: Lazily): void {
  memory
    .command('get')
    .description('one fact; of entries and tasks, the one of an id')
    .argument(...SPACE)
    .argument('<key>', 'of the fact')
    .option(...DOC)
    .action(lazily(async () => ({ run: (await import('./documents.ts')).get })))
  memory
    .command('set')
    .description('keep a fact; it is on disk when this returns')
    .argument(...SPACE)
    .argument('<key>', 'of the fact')
    .argument('<value>', 'text, @FILE, or - for stdin')
    .option(...DOC)
    .option('--as-json', 'the value is JSON and not text')
    .addHelpText(
      'after',
      examples(['memory set home wifi "blue door"', 'each device of the space knows it then'])
    )
    .action(lazily(async () => ({ run: (await import('./documents.ts')).set })))
  memory
    .command('unset')
    .description('keep a fact no longer')
    .argument(...SPACE)
    .argument('<key>', 'of the fact')
    .option(...DOC)
    .action(lazily(async () => ({ run: (await import('./documents.ts')).unset })))
}

function lists(memory: Command, lazily: Lazily): void {
  memory
    .command('append')
    .description('append an entry to a journal, or a message to a thread')
    .argument(...SPACE)
    .argument('<doc>', 'its name')
    .argument('<value>', 'text, @FILE, or - for stdin')
    .option('--thread', 'a new document is a thread and not a journal')
    .option('--id <id>', 'of the entry; an entry of this id is written once')
    .option('--as-json', 'the value is JSON and not text')
    .action(lazily(async () => ({ run: (await import('./documents.ts')).append })))
  memory
    .command('remove')
    .description('remove an entry, a message or a task')
    .argument(...SPACE)
    .argument('<doc>', 'its name')
    .argument('<id>', 'of the entry')
    .action(lazily(async () => ({ run: (await import('./documents.ts')).remove })))
  memory
    .command('task')
    .description('add a task, or change one')
    .argument(...SPACE)
    .argument('[title]', 'of a new task, or the new title')
    .option('--id <id>', 'of the task that changes')
    .option('--state <state>', 'open, done or dropped')
    .option('--assignee <name>', "who does it; '' for nobody")
    .option('--doc <name>', 'the list; by default `tasks`')
    .action(lazily(async () => ({ run: (await import('./documents.ts')).task })))
  memory
    .command('edit')
    .description('give notes a new text; only what differs is written')
    .argument(...SPACE)
    .argument('<doc>', 'its name')
    .argument('<text>', 'text, @FILE, or - for stdin')
    .action(lazily(async () => ({ run: (await import('./documents.ts')).edit })))
  memory
    .command('history')
    .description('who wrote what and when, the newest first')
    .argument(...SPACE)
    .option('--doc <name>', 'only this document')
    .option('--limit <number>', 'how many', integer)
    .action(lazily(async () => ({ run: (await import('./history.ts')).history })))
  memory
    .command('watch')
    .description('a line for each change, until Ctrl-C')
    .argument(...SPACE)
    .option('--doc <name>', 'only this document')
    .action(lazily(async () => ({ run: (await import('./history.ts')).watch })))
}

function recalled(memory: Command, lazily: Lazily): void {
  memory
    .command('search')
    .description('what is in memory about this, by words and by meaning; in all spaces, or in one')
    .argument('<space-or-query>', 'a space, where a query follows; else the query')
    .argument('[query]', 'words, or a question')
    .option('--doc <name>', 'only this document')
    .option('--kind <kind>', 'only facts, journal, thread, tasks or notes')
    .option('--writer <device>', 'only what this device wrote')
    .option('--mode <mode>', 'hybrid, text or vector')
    .option('--limit <number>', 'how many', integer)
    .addHelpText('after', examples(['memory search home "wifi password"', 'the best first, with its place']))
    .action(lazily(async () => ({ run: (await import('./search.ts')).search })))
}

function knowledge(memory: Command, lazily: Lazily): void {
  memory
    .command('add')
    .description(
      'keep the text of files; what changed in a folder is updated, what is gone from it is removed'
    )
    .argument(...SPACE)
    .argument('<path...>', 'files and folders: text, Markdown, HTML, PDF')
    .option('--doc <name>', 'the document; by default `knowledge`')
    .addHelpText(
      'after',
      examples(['memory add home notes.md report.pdf papers/', 'an answer can quote them'])
    )
    .action(lazily(async () => ({ run: (await import('./knowledge.ts')).add })))
  memory
    .command('sources')
    .description('the files of a space: which device added each, and when')
    .argument(...SPACE)
    .option('--doc <name>', 'the document; by default `knowledge`')
    .option('--remove <file>', 'keep this file no longer')
    .action(lazily(async () => ({ run: (await import('./knowledge.ts')).sources })))
}

function shared(memory: Command, lazily: Lazily): void {
  memory
    .command('share')
    .description(
      'give a device, or each device of a role, a right in a space: to read it, unless more is said'
    )
    .argument(...SPACE)
    .argument('<to>', 'a device by name or PeerId, or admin, member, edge or guest')
    .option('--write', 'it may write, too')
    .option('--own', 'it may also share, compact and exclude; only for a device')
    .option('--carry', 'it keeps the space encrypted, without a key, and passes it on')
    .addHelpText('after', examples(['memory share home den --write', 'den keeps the space, and may write']))
    .action(lazily(async () => ({ run: (await import('./sharing.ts')).share })))
  memory
    .command('unshare')
    .description('take its right from a device or role; what is written from now on, it cannot read')
    .argument(...SPACE)
    .argument('<to>', 'a device by name or PeerId, or admin, member, edge or guest')
    .action(lazily(async () => ({ run: (await import('./sharing.ts')).unshare })))
  memory
    .command('exclude')
    .description('let nothing count that a device wrote in a space')
    .argument(...SPACE)
    .argument('<peer>', 'its name or PeerId')
    .option('--yes', 'do not ask')
    .action(lazily(async () => ({ run: (await import('./sharing.ts')).exclude })))
}

function cared(memory: Command, lazily: Lazily): void {
  memory
    .command('export')
    .description('write the readable content of a space into a file')
    .argument(...SPACE)
    .argument('<file>', 'where to; what ends with .md is Markdown')
    .option(...MARKDOWN)
    .action(lazily(async () => ({ run: (await import('./files.ts')).exportSpace })))
  memory
    .command('import')
    .description('make a new space of an exported one')
    .argument('<name>', 'what it is called here')
    .argument('<file>', 'what memory export wrote; what ends with .md is Markdown')
    .option(...MARKDOWN)
    .action(lazily(async () => ({ run: (await import('./files.ts')).importSpace })))
  memory
    .command('compact')
    .description('put a snapshot in the place of the history that each device has')
    .argument(...SPACE)
    .action(lazily(async () => ({ run: (await import('./spaces.ts')).compact })))
  memory
    .command('hold')
    .description('choose what this device keeps of the history of a space; it has all documents either way')
    .argument(...SPACE)
    .option('--newest', 'the newest snapshot and what was written since')
    .option('--all', 'all from now on')
    .action(lazily(async () => ({ run: (await import('./spaces.ts')).hold })))
  memory
    .command('verify')
    .description('check each signature of a space anew, and rebuild its documents')
    .argument(...SPACE)
    .action(lazily(async () => ({ run: (await import('./spaces.ts')).verify })))
  memory
    .command('forget')
    .description('remove a document or a space, on each device that has it')
    .argument(...SPACE)
    .argument('[doc]', 'only this document')
    .option('--yes', 'do not ask')
    .action(lazily(async () => ({ run: (await import('./spaces.ts')).forget })))
}
