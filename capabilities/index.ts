/** What this node can do: the parts that the composition root puts together. */

export { echoModel } from './engines/echo.ts'
export { detectHardware } from './hardware.ts'
export { engineEnvironment } from './host/engine-environment.ts'
export { engineSandbox } from './host/engine-sandbox.ts'
export { Catalogue, type PlacedModel } from './models/catalogue.ts'
export { checkFile, checkOpens, filesOf } from './models/check.ts'
export { readModel } from './models/model-info.ts'
export { onnxModel } from './models/onnx-model.ts'
export { Registry } from './serving/registry.ts'
