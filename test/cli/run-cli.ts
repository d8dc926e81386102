/** The command line as a process, which the lab starts too. */

export * from '../../sim/lab/command-line.ts'
