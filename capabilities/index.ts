/** What this node can do: the parts that the composition root puts together. */

export { echoModel } from './engines/echo.ts'
export { kindOf } from './engines/index.ts'
export { ModelServers, type NamedServer } from './engines/openai/servers.ts'
export { detectHardware } from './hardware.ts'
export { engineEnvironment } from './host/engine-environment.ts'
export { engineSandbox } from './host/engine-sandbox.ts'
export { Catalogue, type PlacedModel } from './models/catalogue.ts'
export { checkFile, checkOpens, filesOf } from './models/check.ts'
export { readModels } from './models/read-models.ts'
export type { ModelState } from './serving/model-state.ts'
export { Registry } from './serving/registry.ts'
