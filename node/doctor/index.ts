/** What a node needs, whether it has it, and what to do where it lacks it. */

export { deviceFindings } from './device.ts'
export { Finding } from './finding.ts'
export { nodeFindings } from './running.ts'
