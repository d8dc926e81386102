/** The command line as a process, which the lab starts too. */

export * from '../../lab/command-line.ts'
