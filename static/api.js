// The server's API, for whoever has the key.

const place = 'clawdspace-key'

export const key = {
  get: () => sessionStorage.getItem(place) ?? localStorage.getItem(place),
  set(value, remember) {
    sessionStorage.setItem(place, value)
    if (remember) localStorage.setItem(place, value)
  },
  forget() {
    sessionStorage.removeItem(place)
    localStorage.removeItem(place)
  },
}

// What the server answered instead of what was asked.
export class Refusal extends Error {
  constructor(status, body) {
    super(body.error ?? `the server answered ${status}`)
    this.status = status
    this.code = body.code
  }
}

export async function call(method, path, body, options = {}) {
  const answer = await fetch(`/api${path}`, {
    method,
    headers: { Authorization: `Bearer ${key.get()}`, 'Content-Type': 'application/json', ...options.headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: options.signal,
  })
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})))
  if (options.stream) return answer.body.pipeThrough(new TextDecoderStream())
  return answer.status === 204 ? undefined : answer.json()
}

// A stream of text, cut at a separator; what is left at the end is the last piece.
export async function* split(stream, separator) {
  let rest = ''
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read()
    if (done) break
    const pieces = (rest + value).split(separator)
    rest = pieces.pop()
    yield* pieces
  }
  if (rest) yield rest
}

// Runs a command; `show` gets each line of the stream as an object.
export async function exec(name, command, show, signal) {
  const stream = await call('POST', `/spaces/${encodeURIComponent(name)}/exec?stream=ndjson`, { command }, { stream: true, signal })
  for await (const line of split(stream, '\n')) show(JSON.parse(line))
}

// Follows what happens to spaces, for ever: `on.open` at each new connection, `on.event` with each event, `on.lost` where the
// connection is gone. EventSource cannot send the key, so the stream (HTML standard, section 9.2) is read by hand.
export async function follow(on, signal) {
  let last
  for (let wait = 250; !signal.aborted; wait = Math.min(wait * 2, 5000)) {
    try {
      const stream = await call('GET', '/events', undefined, { stream: true, signal, headers: last ? { 'Last-Event-ID': last } : {} })
      on.open()
      wait = 250
      for await (const block of split(stream, '\n\n')) {
        const lines = Object.fromEntries(block.split('\n').filter((l) => !l.startsWith(':')).map((l) => l.split(/: (.*)/s)))
        if (lines.id) last = lines.id
        if (lines.event) on.event(lines.event, JSON.parse(lines.data))
      }
      on.lost()
    } catch (failure) {
      if (signal.aborted) return
      on.lost(failure)
      if (failure.status === 401) return
    }
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
}
