// Who is signed in, and which page shows.

import { call, key } from './api.js'
import { copy, find, put } from './dom.js'
import { leave, listen, live, start } from './live.js'
import { showHost } from './host.js'
import { showSpaces } from './spaces.js'
import { showSpace } from './space.js'

const patience = 60_000
let page // ends with the page that shows

function show(fill, ...about) {
	page?.abort()
	page = new AbortController()
	const main = find('#main')
	main.replaceChildren()
	fill(main, page.signal, ...about)
}

function route() {
	if (!key.get()) return
	const [, kind, name, tab] = location.hash.split('/')
	for (const link of document.querySelectorAll('#nav a')) link.ariaCurrent = link.hash === (kind === 'host' ? '#/host' : '#/') ? 'page' : null
	document.title = [kind === 'spaces' ? name : kind === 'host' ? 'Host' : '', 'Clawdspace'].filter(Boolean).join(' · ')
	if (kind === 'spaces' && name) show(showSpace, name, tab)
	else if (kind === 'host') show(showHost)
	else show(showSpaces)
}

function summary() {
	const { system, connected } = live
	const engine = system?.engine
	put(find('#banner'), !connected && key.get() && hadConnection ? 'The connection to the server is gone. Trying again …'
		: engine && !engine.reachable ? `The Docker Engine is away: ${engine.reason}. What runs goes on.` : '')
	if (connected) hadConnection = true
	if (!system) return
	const { host, spaces } = system
	put(find('#summary'), `${host.name} · load ${host.load[0].toFixed(2)} of ${host.cpus} · ${(host.memory.available / 2 ** 30).toFixed(1)} GiB free · ${spaces.byState.running} of ${spaces.total} running`)
}
let hadConnection = false

function signedIn(is) {
	find('#nav').hidden = find('#sign-out').hidden = !is
	if (!is) put(find('#summary'), '')
}

function begin() {
	signedIn(true)
	start(signOut)
	route()
}

function signOut(why = '') {
	leave()
	key.forget()
	hadConnection = false
	Object.assign(live, { spaces: new Map(), use: new Map(), events: [], system: undefined, connected: false })
	summary()
	signedIn(false)
	show((main) => {
		main.append(copy('sign-in-page'))
		const form = find('#sign-in')
		put(find('.error', form), why)
		form.elements.key.focus()
		form.addEventListener('submit', async (event) => {
			event.preventDefault()
			const submit = find('[type=submit]', form)
			submit.disabled = true
			key.set(form.elements.key.value.trim(), form.elements.remember.checked)
			try {
				live.system = await call('GET', '/system')
				summary()
				begin()
			} catch (failure) {
				key.forget()
				put(find('.error', form), failure.message)
				submit.disabled = false
			}
		})
	})
}

// `#ticket=…` is exchanged for a session, and gone from the address before anything else.
async function redeem() {
	const ticket = new URLSearchParams(location.hash.slice(1)).get('ticket')
	if (!ticket) return
	history.replaceState(null, '', '#/')
	try {
		const { token } = await call('POST', '/sessions', { ticket })
		key.set(token, false)
	} catch (failure) {
		if (!key.get()) return failure.message
	}
}

// A tab that nobody sees looks at nothing after a while.
let hidden
document.addEventListener('visibilitychange', () => {
	clearTimeout(hidden)
	if (!key.get()) return
	if (document.hidden) hidden = setTimeout(() => { leave(); paused = true }, patience)
	else if (paused) {
		paused = false
		start(signOut)
	}
})
let paused = false

find('#sign-out').addEventListener('click', () => signOut())
addEventListener('hashchange', async () => {
	if (location.hash.startsWith('#ticket=')) {
		const why = await redeem()
		if (why) return signOut(why)
		leave()
		begin()
	} else {
		route()
		find('h1')?.focus()
	}
})
listen(['use', 'connection', 'list'], summary)

const why = await redeem()
if (key.get()) begin()
else signOut(why)
