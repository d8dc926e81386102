/** The terminal while the whole of it is ours. However the process ends, it gets back what it had. */

const ESC = '\u001b['
const ENTER = `${ESC}?1049h${ESC}?25l`
const LEAVE = `${ESC}?25h${ESC}?1049l`

export class Screen {
  readonly #stdin: NodeJS.ReadStream
  readonly #stdout: NodeJS.WriteStream
  #drawn: readonly string[] = []
  #entered = false

  constructor(stdin = process.stdin, stdout = process.stdout) {
    this.#stdin = stdin
    this.#stdout = stdout
  }

  get size(): { readonly rows: number; readonly columns: number } {
    // A terminal of unknown size is as large as the first ones were.
    return { rows: this.#stdout.rows || 24, columns: this.#stdout.columns || 80 }
  }

  enter(onKeys: (typed: string) => void, onResize: () => void): void {
    process.on('exit', this.#leave)
    process.on('SIGCONT', this.#again)
    this.#stdin
      .setEncoding('utf8')
      .on('data', onKeys)
      .on('end', () => onKeys('q'))
    this.#stdout.on('resize', () => {
      this.#drawn = []
      this.#stdout.write(`${ESC}2J`)
      onResize()
    })
    this.#again()
  }

  /** Only lines that are others than before are written: little goes over a slow connection. */
  draw(lines: readonly string[]): void {
    let text = ''
    for (let n = 0; n < Math.max(lines.length, this.#drawn.length); n++) {
      const line = lines[n] ?? ''
      if (line !== this.#drawn[n]) text += `${ESC}${n + 1};1H${line}${ESC}K`
    }
    this.#drawn = lines
    if (text !== '') this.#stdout.write(text)
  }

  /** The shell has the terminal until the process goes on. */
  suspend(): void {
    this.#leave()
    process.kill(process.pid, 'SIGTSTP')
  }

  close(): void {
    this.#leave()
    process.off('exit', this.#leave)
    process.off('SIGCONT', this.#again)
    this.#stdin.removeAllListeners('data').removeAllListeners('end').pause()
    this.#stdout.removeAllListeners('resize')
  }

  readonly #again = (): void => {
    this.#entered = true
    this.#stdin.setRawMode(true)
    this.#stdout.write(ENTER)
    const lines = this.#drawn
    this.#drawn = []
    this.draw(lines)
  }

  readonly #leave = (): void => {
    if (!this.#entered) return
    this.#entered = false
    this.#stdin.setRawMode(false)
    this.#stdout.write(LEAVE)
  }
}
