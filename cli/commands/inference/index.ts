/** The commands that ask the mesh. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { integer, list, seconds, share } from '../../option-values.ts'

const POLICY = [
  '--policy <policy>',
  'how a device is chosen: balanced, fastest, local-first, cheapest or greenest; by default as `routing.policy` says'
] as const

const NO_CONTINUE = [
  '--no-continue',
  'end an answer where it is cut: no other device goes on with it'
] as const

const RECEIPT = [
  '--receipt <file>',
  'have the devices that answer sign it, and write what they sign to a file: see verify'
] as const

/** Parameters of some task: see `paramsFor`. */
const withParams = (command: Command, example: string): Command =>
  command
    .option('--top-k <n>', 'how many labels', integer)
    .option('--max-tokens <n>', 'how much text', integer)
    .option('--labels <list>', 'what a picture may show, with commas between', list)
    .option('--dataset <name>', 'which label set of the model to choose from')
    .option('--threshold <n>', 'leave out objects with a lower score, from 0 to 1', share)
    .option('--params <json>', `parameters of the task, such as ${example}`)

export function register(program: Command, lazily: Lazily): void {
  infer(program, lazily)
  batch(program, lazily)
  chat(program, lazily)
  verify(program, lazily)
}

function infer(program: Command, lazily: Lazily): void {
  const command = program
    .command('infer')
    .description('ask the mesh')
    .argument('<model|task>', 'which model or task to ask, such as digits-cnn or text-generation')
    .argument(
      '<input...>',
      'text, @file, or - for stdin; for a picture or a recording, its file, with or without @'
    )
    .option('--task <task>', 'which task, for a model that does several')
    .option('--peer <peer>', 'PeerId or name of the only peer that may answer')
    .option(...POLICY)
    .option(...NO_CONTINUE)
    .option('--timeout <seconds>', 'give up after this time', seconds)
    .option('--explain', 'say afterwards which devices could be asked, whom it was, and why')
  withParams(command, '{"voice":"amy","speed":1.2}')
    .option('--out <file>', 'write speech or pictures of the answer to a file; several get numbers')
    .option('--force', 'write over a file that is there')
    .option('--jsonl', 'print each piece of the answer as a line of JSON')
    .option(...RECEIPT)
    .option('--detach', 'print the id of the answer and end; it goes on: see requests attach')
    .addHelpText(
      'after',
      examples(
        ['infer digits-cnn seven.png', 'the digit in a picture, and how certain the model is'],
        ['infer zero-shot-image-classification pet.jpg --labels cat,dog', 'which of these a picture shows'],
        ['infer object-detection street.jpg', 'what a picture shows, and where'],
        ['infer digits-cnn seven.png --peer den', 'the same, answered by the device den'],
        ['infer text-generation "Why is the sky blue?"', 'any model of the mesh that writes text'],
        ['infer text-to-speech "Good morning" --out morning.wav', 'a text, spoken'],
        ['infer automatic-speech-recognition morning.wav', 'what is said in a recording'],
        ['infer text-recognition receipt.jpg', 'the text in a photo'],
        ['infer face-verification then.jpg now.jpg', 'whether two photos show the same person']
      )
    )
    .action(lazily(() => import('./infer.ts')))
}

function batch(program: Command, lazily: Lazily): void {
  const command = program
    .command('batch')
    .description('ask for each of many inputs, over all devices that can; it goes on where it ended')
    .argument('<model|task>', 'which model or task to ask')
    .argument('<input...>', 'folders, files, files of lines or .jsonl, or - for lines from stdin')
    .requiredOption('--out <file>', 'a line of JSON for each input, in their order')
    .option('--task <task>', 'which task, for a model that does several')
    .option('--verify <n>', 'have so many inputs answered by a second device too', integer)
  withParams(command, '{"top_k":1}')
    .option('--timeout <seconds>', 'give up on one answer of one device after this time', seconds)
    .option('--detach', 'print the id of the job and end; it goes on: see job show')
    .addHelpText(
      'after',
      examples(
        ['batch digits-cnn photos --out digits.jsonl', 'the digit in each picture of a folder'],
        ['batch tiny-embed texts.txt --out vectors.jsonl --verify 20', 'a vector for each line']
      )
    )
    .action(lazily(() => import('./batch.ts')))
}

function chat(program: Command, lazily: Lazily): void {
  program
    .command('chat')
    .description('talk with a model; a question from a pipe is answered once')
    .argument('[model]', 'which model; without it, one that is loaded, else any that writes text')
    .option('--peer <peer>', 'PeerId or name of the only peer that may answer')
    .option(...POLICY)
    .option(...NO_CONTINUE)
    .option('--system <text>', 'what the model is told before the conversation')
    .option('--max-tokens <n>', 'how much text an answer may have', integer)
    .option('--timeout <seconds>', 'give up on an answer after this time', seconds)
    .option(...RECEIPT)
    .addHelpText(
      'after',
      examples(
        ['chat tiny-llm', 'a conversation; /help lists its commands'],
        ['chat < question.txt', 'one answer, as it comes']
      )
    )
    .action(lazily(() => import('./chat.ts')))
}

function verify(program: Command, lazily: Lazily): void {
  program
    .command('verify')
    .description('check who signed the receipts of an answer; asks no other device')
    .argument('<file>', 'the file that --receipt has written')
    .option('--request <file>', 'the request in JSON, as inference.run takes it; else that of the file')
    .option('--answer <file>', 'the answer: its text, or its pieces as --jsonl prints them')
    .addHelpText(
      'after',
      examples(
        ['infer tiny-llm "Why is the sky blue?" --receipt r.json > answer.txt', 'an answer that is signed'],
        ['verify r.json --answer answer.txt', 'who signed it, and whether it is still the same']
      )
    )
    .action(lazily(() => import('./receipts.ts')))
}
