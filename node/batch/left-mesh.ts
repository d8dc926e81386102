import { LumosError } from '../../interface/errors.ts'

/** The inputs of a batch were for the devices of one mesh. */
export const leftMesh = (): LumosError =>
  new LumosError('JOB_INTERRUPTED', 'This device has left the mesh in which the batch began.')
