/** What this node can do: the parts that the composition root puts together. */

export type { Model } from './engine.ts'
export { engineEnvironment } from './engine-environment.ts'
export { engineSandbox } from './engine-sandbox.ts'
export { echoModel } from './engines/echo.ts'
export { detectHardware } from './hardware.ts'
export { discoverModels } from './model-info.ts'
export { onnxModel } from './onnx-model.ts'
export { Registry } from './registry.ts'
