// The list of spaces.

import { call, path } from './api.js'
import { ago, atEnd, busy, bytes, copy, cores, el, find, isSure, put } from './dom.js'
import { listen, live, take } from './live.js'

export const toggleWord = (state) => (state === 'running' ? 'Stop' : 'Start')

// `say` is where a failure is told.
export async function act(space, what, say, pressed) {
	if (what === 'toggle') {
		await busy(pressed, say, async () => take(await call('POST', path(space.name, space.state === 'running' ? 'stop' : 'start'))))
	} else if (what === 'destroy') {
		if (await isSure(space.name)) await busy(pressed, say, () => call('DELETE', path(space.name)))
	}
}

export function restWords(space) {
	if (space.state !== 'running') return space.state === 'paused' ? `asleep ${ago(space.stateSince)}` : `since ${ago(space.stateSince)}`
	if (space.commands) return `${space.commands} running`
	return space.sleepsAt ? `sleeps ${ago(space.sleepsAt)}` : 'stays awake'
}

// Of a small chart; `top` is the least that its height stands for.
function points(values, top) {
	const most = Math.max(top, ...values)
	return values.map((v, i) => `${60 - values.length + i + 1},${(19 - (v / most) * 18).toFixed(1)}`).join(' ')
}

class Row {
	constructor(list) {
		this.element = copy('row').firstElementChild
		this.parts = Object.fromEntries([...this.element.querySelectorAll('[data-is]')].map((e) => [e.dataset.is, e]))
		this.lines = this.element.querySelectorAll('polyline')
		this.bar = find('.sleep i', this.element)
		this.failure = el('span', { class: 'error', role: 'alert' })
		this.element.append(this.failure)
		for (const one of this.element.querySelectorAll('[data-do]')) one.onclick = () => list.act(this, one.dataset.do, one)
	}

	update(space) {
		this.space = space
		const { name, state, image } = this.parts
		put(name, space.name)
		name.href = `#/spaces/${space.name}`
		put(state, space.state)
		state.dataset.state = space.state
		put(image, space.image)
		image.title = space.image
		const [toggle, destroy] = this.element.querySelectorAll('[data-do]')
		put(toggle, toggleWord(space.state))
		toggle.setAttribute('aria-label', `${toggleWord(space.state)} ${space.name}`)
		destroy.setAttribute('aria-label', `Destroy ${space.name}`)
		this.use()
		this.tick()
	}

	use() {
		const { space } = this
		const seen = live.use.get(space.name)
		put(this.parts.cpus, cores(space.use?.cpus))
		put(this.parts.memory, bytes(space.use?.memory))
		if (!seen) return
		this.lines[0].setAttribute('points', points(seen.cpus, 0.1))
		this.lines[1].setAttribute('points', points(seen.memory, space.memory / 8))
	}

	tick(now = Date.now()) {
		const { space } = this
		put(this.parts.rest, restWords(space))
		put(this.parts.ages, `made ${ago(space.createdAt, now)} · used ${ago(space.lastUsedAt, now)}`)
		const left = space.sleepsAt && space.idleTimeoutMs ? (new Date(space.sleepsAt) - now) / space.idleTimeoutMs : 0
		this.bar.style.transform = `scaleX(${Math.max(0, Math.min(1, left)).toFixed(3)})`
		this.bar.parentElement.hidden = !space.sleepsAt
	}
}

export function showSpaces(main, signal) {
	main.append(copy('spaces-page'))
	const [list, search, none] = [find('#spaces'), find('#find'), find('#none')]
	const rows = new Map()
	const seen = new Set() // those in sight are kept fresh
	const watcher = new IntersectionObserver((entries) => {
		for (const { target, isIntersecting } of entries) {
			if (!isIntersecting) seen.delete(target.row)
			else seen.add(target.row).size && fresh(target.row)
		}
	}, { rootMargin: '200px' })
	atEnd(signal, () => watcher.disconnect())

	const fresh = (row) => { row.use(); row.tick() }
	const act_ = (row, what, pressed) => act(row.space, what, row.failure, pressed)

	function add(space) {
		const row = new Row({ act: act_ })
		row.element.row = row
		rows.set(space.name, row)
		const after = [...rows.keys()].sort().find((name) => name > space.name)
		list.insertBefore(row.element, after ? rows.get(after).element : null)
		row.update(space)
		watcher.observe(row.element)
	}

	function all() {
		for (const [name, row] of rows) {
			if (live.spaces.has(name)) continue
			const focused = row.element.contains(document.activeElement)
			const near = row.element.nextElementSibling ?? row.element.previousElementSibling
			row.element.remove()
			rows.delete(name)
			seen.delete(row)
			if (focused) find('a', near ?? main)?.focus()
		}
		for (const [name, space] of live.spaces) rows.has(name) ? rows.get(name).update(space) : add(space)
		filter()
	}

	function filter() {
		const word = search.value.trim().toLowerCase()
		for (const [name, row] of rows) row.element.hidden = !(`${name} ${row.space.image} ${row.space.state}`).toLowerCase().includes(word)
		none.hidden = live.spaces.size > 0 || !live.connected
	}

	search.addEventListener('input', filter)
	find('#new').onclick = () => create()
	list.addEventListener('keydown', (event) => {
		const row = event.target.closest('.row')?.row
		if (!row || event.ctrlKey || event.metaKey || event.altKey) return
		const shown = [...list.children].filter((e) => !e.hidden)
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
		if (step) find('a', shown[shown.indexOf(row.element) + step] ?? row.element).focus()
		else if (event.key === 's') act_(row, 'toggle')
		else if (event.key === 'Delete') act_(row, 'destroy')
		else if (event.key === 'n') create()
		else return
		event.preventDefault()
	})
	listen(['list'], all, signal)
	listen(['change'], (name) => rows.get(name)?.update(live.spaces.get(name)), signal)
	listen(['use'], () => { for (const row of seen) fresh(row) }, signal)
	const timer = setInterval(() => { for (const row of seen) row.tick() }, 1000)
	atEnd(signal, () => clearInterval(timer))
	all()
}

function create() {
	const dialog = find('#create')
	const form = find('form', dialog)
	const failure = find('.error', form)
	form.reset()
	put(failure, '')
	find('[data-do=close]', form).onclick = () => dialog.close()
	form.onsubmit = (event) => {
		event.preventDefault()
		const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value))
		if (given.idle) given.idleTimeoutMs = Math.round(Number(given.idle) * 60_000)
		delete given.idle
		busy(find('[type=submit]', form), failure, async () => {
			const made = await call('POST', '/spaces', given)
			take(made)
			dialog.close()
			location.hash = `#/spaces/${made.name}`
		})
	}
	dialog.showModal()
}
