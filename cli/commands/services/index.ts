/** Commands for services: a configuration of them, their state, and which devices have them. */

import type { Command } from 'commander'
import { examples } from '../../examples.ts'
import type { Lazily } from '../../invocation.ts'
import { integer, list } from '../../option-values.ts'

export function register(program: Command, lazily: Lazily): void {
  registerInit(program, lazily)
  const services = program
    .command('services')
    .description('names such as clip that stand for a model, and the devices that answer to them')
    .action(lazily(async () => ({ run: (await import('./list.ts')).list })))
  services
    .command('show')
    .description('one service: its models, their state and the devices that have it')
    .argument('<service>', 'such as clip')
    .action(lazily(async () => ({ run: (await import('./list.ts')).show })))
  services
    .command('create')
    .description('have this device answer to a name with a model; a job brings what is not here')
    .argument('<service>', 'such as clip')
    .argument('<model>', 'its name')
    .option('--runtime <runtime>', 'onnx, torch, gguf or external (default: onnx)')
    .option('--source <ref>', 'where it comes from, such as hf:OWNER/NAME')
    .action(lazily(async () => ({ run: (await import('./change.ts')).create })))
  services
    .command('delete')
    .description('forget a service that was created; its model stays')
    .argument('<service>', 'such as clip')
    .action(lazily(async () => ({ run: (await import('./change.ts')).remove })))
  services
    .command('start')
    .description('bring and serve the models of a service, also after a restart')
    .argument('<service>', 'such as clip')
    .action(lazily(async () => ({ run: (await import('./change.ts')).start })))
  services
    .command('stop')
    .description('serve no model that only this service has, also after a restart')
    .argument('<service>', 'such as clip')
    .action(lazily(async () => ({ run: (await import('./change.ts')).stop })))
  services
    .command('scale')
    .description('say how many devices are to hold the default model of a service')
    .argument('<service>', 'such as clip')
    .argument('<replicas>', 'devices; 0 for no number', integer)
    .action(lazily(async () => ({ run: (await import('./change.ts')).scale })))
  services
    .command('recommend')
    .description('how large a device a model needs, and on how many it should be')
    .argument('<model>', 'its name')
    .option('--hint <hint>', 'latency, throughput or availability')
    .action(lazily(async () => ({ run: (await import('./change.ts')).recommend })))
}

function registerInit(program: Command, lazily: Lazily): void {
  program
    .command('init')
    .description('write a configuration with services, and say what each needs')
    .argument('[services]', 'of clip, face, ocr, chat, speech and speak, separated by commas', list)
    .option('--form <form>', 'single, distributed or edge', 'single')
    .option('--on <device=services...>', 'of the form distributed: which device has which services')
    .option('--npu <device>', 'of the form edge: the NPU of the device, such as rk3588')
    .option('--dry-run', 'print it, and write nothing')
    .option('--force', 'replace the services of a configuration that is there; its other settings stay')
    .addHelpText(
      'after',
      examples(
        ['init clip,chat', 'this device has both'],
        ['init --form distributed --on den=clip,face --on attic=ocr', 'the same file is for both devices'],
        ['init clip --form edge --npu rk3588', 'one small device']
      )
    )
    .action(lazily(() => import('./init.ts')))
}
