/** Commands for the weights of models: how they come to this device, where they are, and how they go. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { integer } from '../../option-values.ts'

const NO_WAIT = ['--no-wait', 'return at once; the job goes on'] as const
const JSONL = ['--jsonl', 'print a JSON object for each step, then one for the result'] as const

export function registerWeights(models: Command, lazily: Lazily): void {
  coming(models, lazily)
  kept(models, lazily)
  room(models, lazily)
}

function coming(models: Command, lazily: Lazily): void {
  models
    .command('pull')
    .description('bring a model: from devices of the mesh that have it, else from its origin')
    .argument(
      '<ref>',
      'hf:OWNER/NAME[@REVISION][:FILE], ms:…, ollama:NAME[:TAG], ipfs:CID@ADDRESS, URL, PATH, CID or NAME'
    )
    .option('--name <name>', 'what it is called here')
    .option('--all', 'every file of the origin, and not only what an engine opens')
    .option(...NO_WAIT)
    .option(...JSONL)
    .addHelpText(
      'after',
      examples(
        ['models pull hf:Qwen/Qwen3-0.6B-GGUF:q8_0', 'one variant of a repository of Hugging Face'],
        ['models pull ollama:qwen3:0.6b', 'a model of the registry of Ollama'],
        ['models pull tiny', 'a model that another device of the mesh has'],
        ['models pull ./tiny-llm --name tiny', 'a folder of this device, as models import does']
      )
    )
    .action(lazily(() => import('./pull.ts')))
  models
    .command('import')
    .description('make a model of a file or folder of this device; others may fetch it from here')
    .argument('<path>', 'a GGUF file, or a folder with model_info.json or in the layout of Hugging Face')
    .option('--name <name>', 'what it is called; by default as the file or folder is')
    .option(...NO_WAIT)
    .option(...JSONL)
    .addHelpText(
      'after',
      examples(['models import ./tiny-llm --name tiny', 'tiny answers on this device now'])
    )
    .action(lazily(() => import('./import.ts')))
  models
    .command('quantize')
    .description('make a model with weights of 8 bits of one with full weights: a quarter of its size')
    .argument('<model>', 'an ONNX model of this device')
    .requiredOption('--out <name>', 'what the new model is called')
    .option(
      '--data <path>',
      'measure what changes: a folder of files, by label where it has folders, or a file of lines'
    )
    .option(...NO_WAIT)
    .option(...JSONL)
    .addHelpText(
      'after',
      examples([
        'models quantize digits-cnn --out digits-int8 --data ./digits',
        'how many of the digits each of the two reads'
      ])
    )
    .action(lazily(() => import('./quantize.ts')))
  models
    .command('search')
    .description('models of Hugging Face, or of the mirror in the settings')
    .argument('<words...>', 'of their names')
    .option('--limit <number>', 'how many are shown', integer)
    .action(lazily(() => import('./search.ts')))
}

function kept(models: Command, lazily: Lazily): void {
  models
    .command('where')
    .description('the devices that hold the weights of a model, in whole or in part')
    .argument('<name>', 'its name or CID')
    .action(lazily(() => import('./holders.ts')))
  models
    .command('replicate')
    .description('have so many devices hold a model: those with room fetch it, and no copy is removed')
    .argument('<name>', 'its name or CID')
    .requiredOption('--copies <number>', 'how many; 0 for any number', integer)
    .addHelpText(
      'after',
      examples([
        'models replicate tiny --copies 2',
        'a second device fetches tiny, and a third one if that is gone'
      ])
    )
    .action(lazily(() => import('./replicate.ts')))
  models
    .command('export')
    .description('copy the files of a model into a folder')
    .argument('<name>', 'its name or CID')
    .argument('<path>', 'a folder that is not there yet, or is empty')
    .option(...NO_WAIT)
    .option(...JSONL)
    .action(lazily(() => import('./export.ts')))
  models
    .command('rm')
    .description('take a model off this device, with the files that no other model has')
    .argument('<name>', 'its name or CID')
    .option('--force', 'also one that is pinned or in use')
    .action(lazily(() => import('./remove.ts')))
  models
    .command('verify')
    .description('hash the weights of this device anew, and say what is damaged')
    .argument('[name]', 'its name or CID; without it, all')
    .option(...NO_WAIT)
    .option(...JSONL)
    .action(lazily(() => import('./verify.ts')))
}

function room(models: Command, lazily: Lazily): void {
  models
    .command('pin')
    .description('keep the weights of a model, whatever else needs the room')
    .argument('<name>', 'its name or CID')
    .action(lazily(async () => ({ run: (await import('./pin.ts')).pin })))
  models
    .command('unpin')
    .description('keep the weights of a model like those of any other')
    .argument('<name>', 'its name or CID')
    .action(lazily(async () => ({ run: (await import('./pin.ts')).unpin })))
  models
    .command('gc')
    .description('remove what no model refers to: nothing that is pinned, in use or on its way')
    .option('--dry-run', 'only say what would go')
    .option('--unfinished', 'also what pulls and imports have left that were given up or failed')
    .action(lazily(async () => ({ run: (await import('./disk.ts')).collect })))
  models
    .command('du')
    .description('what weights take on the disk of this device')
    .action(lazily(async () => ({ run: (await import('./disk.ts')).use })))
}
