/** The way between a browser and a node, which a test cuts: a proxy. */

import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export async function startWay() {
  const server = createServer((asked, answer) => {
    const { method, headers, url } = asked
    const onward = request(new URL(url!), { method, headers, agent: false }, response => {
      answer.writeHead(response.statusCode!, response.headers)
      response.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    asked.pipe(onward)
  })
  const open = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await open(0)
  const { port } = server.address() as AddressInfo
  const cut = () => {
    server.close()
    server.closeAllConnections()
  }
  return {
    /** For a context of the browser, which asks for addresses of this device without one else. */
    proxy: { server: `http://127.0.0.1:${port}`, bypass: '<-loopback>' },
    cut,
    mend: () => open(port),
    [Symbol.dispose]: cut
  }
}
