/** Files that were made to be read at a cost, and those of every kind: in the process that reads them for a node. */

import assert from 'node:assert/strict'
import { deflateSync } from 'node:zlib'
import { describe, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../interface/clock.ts'
import { FileReader, type FileReaderOptions } from '../../../node/memory/knowledge/file-reader.ts'
import { piecesOf } from '../../../node/memory/knowledge/read/pieces.ts'
import { bytesCid } from '../../../storage/weights/bytes-cid.ts'
import { pdfOf } from '../../fixtures/pdf.ts'
import { addFile } from '../../storage/weights/plain-unixfs.ts'

const MIB = 1024 * 1024

function reader(options: Partial<FileReaderOptions> = {}): FileReader {
  const made = new FileReader({ clock: systemClock, ...options })
  onTestFinished(() => made.close())
  return made
}

async function read(from: FileReader, name: string, bytes: Uint8Array) {
  const { content, ...file } = await from.read(name, bytes)
  const pieces = JSON.parse(Buffer.from(content).toString()) as [string, string | null, number, number][]
  return { ...file, pieces }
}

const utf16 = (text: string, isBig: boolean): Buffer => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
  return isBig ? bytes.swap16() : bytes
}

describe('a file', () => {
  it('is read as what it is: text in each encoding, Markdown, HTML, PDF', { timeout: 90_000 }, async () => {
    const from = reader()
    for (const isBig of [false, true])
      assert.deepEqual((await read(from, 'a.txt', utf16('Grüße', isBig))).pieces, [['Grüße', null, 1, 1]])
    const latin = await read(from, 'a.txt', Buffer.from('caf\xe9\r\nbar', 'latin1'))
    assert.deepEqual([latin.encoding, latin.pieces[0]![0]], ['windows-1252', 'café\nbar'])

    const markdown =
      '---\ntitle: x\n---\n\n# One\n\nText.\n\n```\n# no heading\n```\n\nTwo\n---\nMore.\n\n# Three'
    assert.deepEqual((await read(from, 'a.md', Buffer.from(markdown))).pieces, [
      ['---\ntitle: x\n---', null, 1, 3],
      ['# One\n\nText.\n\n```\n# no heading\n```', 'One', 5, 11],
      ['Two\n---\n\nMore.', 'One > Two', 13, 15],
      ['# Three', 'Three', 17, 17]
    ])
    const html =
      '<!doctype html><title>A &amp; B</title><style>x</style><h1>Top</h1>\n<p>One <b>bold</b><br>word.' +
      '<script>no()</script><ul><li>x<li>y</ul>\n<h2>Low</h2><pre>a\n  b</pre><!-- no --><template>no</template>'
    const page = await read(from, 'page', Buffer.from(html))
    assert.deepEqual([page.type, page.title], ['text/html', 'A & B'])
    assert.deepEqual(page.pieces, [
      ['Top\n\nOne bold\nword.\n\nx\n\ny', 'Top', 1, 2],
      ['Low\n\na\n  b', 'Top > Low', 3, 4]
    ])
    const pdf = await read(
      from,
      'a',
      pdfOf(['BT /F1 12 Tf 10 100 Td (First page.) Tj ET', 'BT /F1 12 Tf (Second.) Tj ET'])
    )
    assert.equal(pdf.type, 'application/pdf')
    assert.deepEqual(pdf.pieces, [
      ['First page.', null, 1, 1],
      ['Second.', null, 2, 2]
    ])
  })

  it('without text is refused with the reason', { timeout: 90_000 }, async () => {
    const from = reader()
    const why = (name: string, bytes: Uint8Array) =>
      from.read(name, bytes).then(
        () => 'read',
        ({ code, message }) => `${code} ${message}`
      )
    assert.equal(
      await why('a.png', Uint8Array.of(0x89, 0x50, 0, 1)),
      'MEDIA_TYPE_UNSUPPORTED It is no text, HTML or PDF.'
    )
    assert.equal(await why('a.md', new Uint8Array()), 'MEDIA_TYPE_UNSUPPORTED It has no text.')
    assert.match(await why('a.pdf', Buffer.from('%PDF-1.7 no')), /^INVALID_INPUT It is a damaged PDF/)
    assert.match(await why('a.pdf', pdfOf([''])), /^MEDIA_TYPE_UNSUPPORTED It is a PDF without text/)
    const long = Buffer.from('All work and no play. '.repeat(400_000))
    assert.match(await why('a.txt', long), /^INPUT_TOO_LARGE Its text has more than 4096 pieces/)
  })

  it('that unpacks itself, or takes for ever, ends its reader and not the node', {
    timeout: 60_000
  }, async () => {
    const inflated = deflateSync(Buffer.alloc(256 * MIB, 0x20))
    const memory = reader({ memoryBytesMax: 160 * MIB })
    await assert.rejects(memory.read('bomb.pdf', pdfOf([inflated], '/Filter/FlateDecode')), {
      code: 'INPUT_TOO_LARGE',
      message: 'It takes more than 160 MiB to read, or breaks its reader.'
    })
    assert.equal((await read(memory, 'a.txt', Buffer.from('Still here.'))).pieces.length, 1)

    const time = reader({ readMsMax: 300 })
    await assert.rejects(time.read('deep.html', Buffer.from('<div>'.repeat(1_000_000))), {
      code: 'INPUT_TOO_LARGE',
      message: 'It takes longer than 0.3 s to read.'
    })
    const late = new AbortController()
    const reading = reader().read('deep.html', Buffer.from('<div>'.repeat(1_000_000)), {
      signal: late.signal
    })
    late.abort(new Error('enough'))
    await assert.rejects(reading, { message: 'enough' })
  })

  it('waits for eight others at most', async () => {
    const from = reader()
    const all = await Promise.allSettled(
      Array.from({ length: 9 }, (_, n) => from.read(`${n}.txt`, Buffer.from('x')))
    )
    assert.deepEqual(
      all.map(({ status }) => status).filter(status => status === 'rejected'),
      ['rejected']
    )
    assert.equal((all[8] as PromiseRejectedResult).reason.code, 'OVERLOADED')
  })

  it('is cut between letters of each script, and nothing of it is lost', () => {
    const texts = ['春眠暁を覚えず。処処啼鳥を聞く。', '👩‍👩‍👧‍👦', 'e\u0301', 'קָמָץ', 'x', '𝒳']
    for (const text of texts) {
      const long = text.repeat(2000)
      const pieces = piecesOf([{ text: long, from: 1, to: 1 }], 'line')
      assert.equal(pieces.map(([piece]) => piece).join(''), long)
      assert.ok(
        pieces.every(
          ([piece]) => piece.length <= 1400 && piece.isWellFormed() && !/^[\p{M}\p{Cf}]/u.test(piece)
        )
      )
    }
    // Marks without an end are cut, for they are no letter.
    const zalgo = `a${'\u0301'.repeat(5000)}`
    assert.equal(
      piecesOf([{ text: zalgo, from: 1, to: 1 }], 'line')
        .map(([piece]) => piece)
        .join(''),
      zalgo
    )
  })

  it('has the CID that its bytes have as a model', async () => {
    for (const length of [0, 5, MIB, 3 * MIB + 1]) {
      const bytes = Buffer.alloc(length, 'word ')
      assert.equal(await bytesCid(bytes), (await addFile(bytes)).cid)
    }
  })
})
