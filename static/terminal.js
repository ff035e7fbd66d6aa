// Terminals of a space, a tab each. They live there: a reload, or a lost connection, finds them again.

import './csp.js'
import { call, path, socket } from './api.js'
import { alertLine, atEnd, button, el, empty, put, tabKeys } from './dom.js'
import { live } from './live.js'

const lingerMs = 600_000 // how long one waits for somebody to come back
const again = [200, 1000, 2000, 5000]

const place = (name) => `clawdspace-terminals-${name}`
const kept = (name) => JSON.parse(sessionStorage.getItem(place(name)) ?? '[]')
const keep = (name, ids) => sessionStorage.setItem(place(name), JSON.stringify(ids))

let library
const load = () => (library ??= Promise.all([import('./vendor/xterm.mjs'), import('./vendor/addon-fit.mjs'), sheet('vendor/xterm.css')]))
export const sheet = (href) => new Promise((resolve, reject) => {
	if (document.querySelector(`link[href="${href}"]`)) return resolve()
	document.head.append(el('link', { rel: 'stylesheet', href, onload: resolve, onerror: reject }))
})

const theme = { background: '#0f1715', foreground: '#dbe7e1', cursor: '#7cc9b1', selectionBackground: '#35524a' }

class Terminal {
	constructor(name, id, { Terminal: Xterm }, { FitAddon }, told) {
		Object.assign(this, { name, id, told, tries: 0 })
		this.view = new Xterm({ fontFamily: 'ui-monospace, Menlo, monospace', fontSize: 14, theme, scrollback: 5000 })
		this.fit = new FitAddon()
		this.view.loadAddon(this.fit)
		this.element = el('div', { class: 'screen' })
		this.view.onData((text) => this.send(new TextEncoder().encode(text)))
		this.view.onBinary((text) => this.send(Uint8Array.from(text, (c) => c.charCodeAt(0))))
		this.view.onResize(({ rows, cols }) => this.send(JSON.stringify({ type: 'resize', rows, cols })))
	}

	show() {
		if (!this.view.element) this.view.open(this.element)
		this.fit.fit()
		this.view.focus()
	}

	send(what) {
		if (this.link?.readyState === WebSocket.OPEN) this.link.send(what)
	}

	async connect() {
		const { rows, cols } = this.view
		const where = this.id ? path(this.name, 'execs', this.id, 'terminal') : path(this.name, 'terminal')
		try {
			const link = await socket(where, { rows, cols, ...(this.id ? {} : { lingerMs, env: 'TERM=xterm-256color' }) })
			if (this.ended) return link.close()
			this.link = link
		} catch (failure) {
			return this.lost(failure.message)
		}
		this.link.binaryType = 'arraybuffer'
		this.link.onmessage = ({ data }) => (typeof data === 'string' ? this.control(JSON.parse(data)) : this.view.write(new Uint8Array(data)))
		this.link.onclose = ({ reason }) => this.ended || this.lost(reason)
	}

	control(message) {
		if (message.type === 'started') {
			this.id = message.id
			this.tries = 0
			this.element.classList.remove('away')
			this.told()
			if (message.rows !== this.view.rows || message.cols !== this.view.cols)
				this.send(JSON.stringify({ type: 'resize', rows: this.view.rows, cols: this.view.cols }))
		} else if (message.type === 'exit') {
			this.end(message.exitCode === null ? message.reason ?? message.outcome.replaceAll('_', ' ') : `exit code ${message.exitCode}`)
		}
	}

	// A handshake that fails does not say why: whether it still runs is asked.
	async lost(why) {
		this.element.classList.add('away')
		if (!this.id) return this.end(why || 'it could not be opened')
		try {
			const about = await call('GET', path(this.name, 'execs', this.id))
			if (about.state === 'ended') return this.end(about.outcome.replaceAll('_', ' '))
		} catch (failure) {
			if (failure.status === 404 || failure.status === 410) return this.end('it is gone')
		}
		this.timer = setTimeout(() => this.ended || this.connect(), again[Math.min(this.tries++, again.length - 1)])
	}

	end(words) {
		this.ended = true
		this.view.write(`\r\n\x1b[2m[${words.replace(/[^\x20-\x7e]/g, '?')}]\x1b[m\r\n`)
		this.told()
	}

	// 1000 hangs up, as closing a window would; else it lingers.
	close(code) {
		this.ended = true
		clearTimeout(this.timer)
		this.link?.close(code)
		this.view.dispose()
	}
}

export async function showTerminals(panel, signal, name) {
	const tabs = el('div', { class: 'subtabs' })
	const list = el('div', { role: 'tablist', 'aria-label': 'Terminals' })
	const screens = el('div', { class: 'screens' })
	const failure = alertLine()
	const all = []
	let current
	tabs.append(list, button('New terminal', () => add()))
	tabKeys(list)
	panel.append(tabs, failure, screens)

	function save() { keep(name, all.filter((one) => one.id && !one.ended).map((one) => one.id)) }
	function tabOf(one, i) {
		return el('button', { role: 'tab', 'aria-selected': one === current, tabIndex: one === current ? 0 : -1, onclick: () => choose(one) }, `Terminal ${i + 1}${one.ended ? ' (ended)' : ''}`)
	}
	function draw() {
		const focused = list.contains(document.activeElement)
		list.replaceChildren(...all.map(tabOf))
		if (focused) list.querySelector('[aria-selected=true]')?.focus()
		close.hidden = !current
		save()
	}
	const close = button('Close it', () => {
		const at = all.indexOf(current)
		all.splice(at, 1)[0].close(1000)
		current.element.remove()
		choose(all[Math.max(0, at - 1)])
	})
	tabs.append(close)

	function choose(one) {
		current = one
		screens.replaceChildren(...(one ? [one.element] : [empty('No terminal is open.')]))
		draw()
		one?.show()
	}
	async function add(id) {
		try {
			const [xterm, fit] = await load()
			if (signal.aborted) return
			const one = new Terminal(name, id, xterm, fit, draw)
			all.push(one)
			choose(one)
			await one.connect()
		} catch {
			put(failure, 'The terminal is missing: run script/bootstrap server.')
		}
	}

	const size = new ResizeObserver(() => current?.element.isConnected && current.fit.fit())
	size.observe(screens)
	atEnd(signal, () => {
		size.disconnect()
		save()
		for (const one of all) one.close()
	})

	const ids = kept(name)
	const running = !ids.length ? [] : (await call('GET', path(name, 'execs')).catch(() => ({ execs: [] }))).execs.filter((e) => e.terminal && e.state === 'running').map((e) => e.id)
	for (const id of ids.filter((one) => running.includes(one))) await add(id)
	if (signal.aborted) return
	// Looking does not wake a space.
	if (!all.length && (live.spaces.get(name)?.state ?? 'running') === 'running') add()
	else if (!all.length) choose()
}
