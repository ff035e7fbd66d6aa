// What is known of the server, kept right by one stream of events.

import { call, follow, path } from './api.js'

const kept = 60 // readings for the small charts, about two minutes
const keptEvents = 500

export const live = { spaces: new Map(), use: new Map(), events: [], system: undefined, connected: false }

// `change` (detail: name), `list`, `use`, `happened` (detail: {type, data}), `connection`
export const news = new EventTarget()
const tell = (type, detail) => news.dispatchEvent(new CustomEvent(type, { detail }))

export function listen(kinds, fn, signal) {
	for (const kind of kinds) news.addEventListener(kind, (event) => fn(event.detail), { signal })
}

export function take(space) {
	const known = live.spaces.has(space.name)
	live.spaces.set(space.name, space)
	tell(known ? 'change' : 'list', space.name)
}

function drop(name) {
	live.use.delete(name)
	if (live.spaces.delete(name)) tell('list', name)
}

async function readAll() {
	const { spaces } = await call('GET', '/spaces')
	live.spaces = new Map(spaces.map((space) => [space.name, space]))
	for (const name of live.use.keys()) if (!live.spaces.has(name)) live.use.delete(name)
	tell('list')
}

// After a burst of events the space of it is asked for once; the list where it was about many.
const changed = new Set()
let soon
async function readChanged() {
	soon = undefined
	const names = [...changed]
	changed.clear()
	if (names.length > 1) return readAll()
	take(await call('GET', path(names[0])))
}
function readSoon(name) {
	changed.add(name)
	soon ??= setTimeout(() => readChanged().catch((failure) => failure.status === 404 && readAll().catch(() => {})), 40)
}

function takeUse({ system, spaces }) {
	live.system = system
	for (const [name, space] of live.spaces) {
		const now = spaces[name]
		if (now) Object.assign(space, { use: now, commands: now.commands, lastUsedAt: now.lastUsedAt, sleepsAt: now.sleepsAt })
		const rows = live.use.get(name) ?? { cpus: [], memory: [] }
		for (const what of ['cpus', 'memory']) {
			rows[what].push(space.use?.[what] ?? 0)
			if (rows[what].length > kept) rows[what].shift()
		}
		live.use.set(name, rows)
	}
	tell('use')
}

function takeEvent(type, data) {
	if (type === 'usage') return takeUse(data)
	if (type === 'gap') return void readAll().catch(() => {})
	live.events.push({ type, data })
	if (live.events.length > keptEvents) live.events.shift()
	if (type === 'space.destroyed') drop(data.name)
	else if (type.startsWith('space.')) readSoon(data.name)
	tell('happened', { type, data })
}

function connected(is) {
	if (live.connected === is) return
	live.connected = is
	tell('connection')
}

let following
// Until `leave`. `refused` is called where the key is not good (any more).
export function start(refused) {
	const enough = (following = new AbortController())
	const mine = () => following === enough
	follow('/events?usage=true', {
		open: () => {
			if (!mine()) return
			connected(true)
			readAll().catch(() => {})
		},
		event: (type, data) => mine() && takeEvent(type, data),
		lost(failure) {
			if (!mine()) return true
			if (failure?.status === 401) {
				refused(failure.message)
				return true
			}
			connected(false)
		},
	}, enough.signal)
}
export function leave() {
	following?.abort()
	following = undefined
}
