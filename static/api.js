// The server's API, for whoever has the key, or a session in its place.

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

export const escape = encodeURIComponent
export const path = (name, ...more) => ['/spaces', name, ...more].map((part, i) => (i ? escape(part) : part)).join('/')

export async function request(method, where, options = {}) {
	const headers = { Authorization: `Bearer ${key.get()}`, ...options.headers }
	if (options.json !== undefined) headers['Content-Type'] = 'application/json'
	const answer = await fetch(`/api${where}`, {
		method,
		headers,
		body: options.json === undefined ? options.body : JSON.stringify(options.json),
		signal: options.signal,
		cache: 'no-store',
	})
	if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})))
	return answer
}

export async function call(method, where, json, options = {}) {
	const answer = await request(method, where, { ...options, json: json ?? (method === 'POST' ? {} : undefined) })
	return answer.status === 204 ? undefined : answer.json()
}

// A stream of text, cut at a separator; what is left at the end is the last piece.
async function* split(stream, separator) {
	const reader = stream.pipeThrough(new TextDecoderStream()).getReader()
	let rest = ''
	for (;;) {
		const { done, value } = await reader.read()
		if (done) break
		const pieces = (rest + value).split(separator)
		rest = pieces.pop()
		yield* pieces
	}
	if (rest) yield rest
}

export async function* lines(method, where, options) {
	const answer = await request(method, where, options)
	for await (const line of split(answer.body, '\n')) if (line) yield JSON.parse(line)
}

// Server-sent events (HTML standard, section 9.2), read by hand: EventSource cannot send the key.
async function* events(where, options) {
	const answer = await request('GET', where, options)
	yield {}
	for await (const block of split(answer.body, '\n\n')) {
		const fields = Object.fromEntries(block.split('\n').filter((line) => !line.startsWith(':')).map((line) => line.split(/: ?(.*)/s)))
		if (fields.event) yield { id: fields.id, type: fields.event, data: JSON.parse(fields.data) }
	}
}

// Until `signal`: `on.open` at each new connection, `on.event`, `on.lost` where it is gone; true from that: no more.
export async function follow(where, on, signal) {
	let last
	for (let wait = 250; !signal.aborted; wait = Math.min(wait * 2, 5000)) {
		let failure
		try {
			for await (const event of events(where, { signal, headers: last ? { 'Last-Event-ID': last } : {} })) {
				if (event.id) last = event.id
				if (event.type) on.event(event.type, event.data)
				else {
					on.open?.()
					wait = 250
				}
			}
		} catch (caught) {
			failure = caught
		}
		if (signal.aborted || on.lost?.(failure)) return
		await new Promise((resolve) => setTimeout(resolve, wait))
	}
}

// The address of a WebSocket, opened by a ticket in place of the key.
export async function socket(where, query) {
	const { ticket } = await call('POST', '/tickets')
	const url = new URL(`/api${where}`, location.href)
	url.protocol = url.protocol.replace('http', 'ws')
	url.search = new URLSearchParams({ ...query, ticket })
	return new WebSocket(url)
}

// What this server has, by its own description: nothing is tried that would fail.
let description
export async function has(route) {
	description ??= request('GET', '/openapi.yaml').then((answer) => answer.text())
	return (await description).includes(`\n  /api/spaces/{name}/${route}`)
}
