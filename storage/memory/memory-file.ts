import { join } from 'node:path'

/** The database of memory, in the folder of the feature. It is there once this device has had a space. */
export const memoryFile = (directory: string): string => join(directory, 'memory.db')
