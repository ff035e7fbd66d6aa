// Making and filling elements. Whatever comes from a space is text, never markup.

export const find = (selector, from = document) => from.querySelector(selector)
export const part = (from, name) => from.querySelector(`[data-is=${name}]`)
export const copy = (id) => find(`#${id}`).content.cloneNode(true)

// el('button', {type: 'button', onclick}, 'text', another, …)
export function el(tag, properties = {}, ...inside) {
	const made = document.createElement(tag)
	for (const [name, value] of Object.entries(properties)) {
		if (name === 'class') made.className = value
		else if (name in made) made[name] = value
		else made.setAttribute(name, value)
	}
	made.append(...inside)
	return made
}

export const alertLine = () => el('p', { class: 'error', role: 'alert' })
export const faint = (...inside) => el('p', { class: 'faint' }, ...inside)
export const empty = (...inside) => el('p', { class: 'empty' }, ...inside)
export const atEnd = (signal, fn) => signal.addEventListener('abort', fn)
export const button = (text, onclick, properties = {}) => el('button', { onclick, ...properties }, text)

export function put(where, text) {
	if (where.textContent !== text) where.textContent = text
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' })
export function ago(when, now = Date.now()) {
	const seconds = Math.round((new Date(when) - now) / 1000)
	for (const [unit, size] of [['day', 86400], ['hour', 3600], ['minute', 60]])
		if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit)
	return Math.abs(seconds) < 10 && seconds <= 0 ? 'just now' : relative.format(seconds, 'second')
}

export function bytes(n) {
	if (n === null || n === undefined) return '–'
	for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
		if (n < 1000 || unit === 'GiB') return `${n < 10 && unit !== 'B' ? n.toFixed(1) : Math.round(n)} ${unit}`
		n /= 1024
	}
}
export const cores = (n) => (n === null || n === undefined ? '–' : n < 0.995 ? `${Math.round(n * 100)} %` : `${n.toFixed(1)} cores`)

// The button rests meanwhile; what goes wrong is said in `where`.
export async function busy(pressed, where, work) {
	if (pressed) pressed.disabled = true
	try {
		const result = await work()
		if (where) put(where, '')
		return result
	} catch (failure) {
		if (!where) throw failure
		put(where, failure.message)
	} finally {
		if (pressed) pressed.disabled = false
	}
}

// Whether `name` was typed, as it has to be before something is destroyed.
export function isSure(name) {
	const dialog = find('#ask')
	const [input, submit] = [find('input', dialog), find('[type=submit]', dialog)]
	put(part(dialog, 'name'), name)
	input.value = ''
	submit.disabled = true
	input.oninput = () => { submit.disabled = input.value !== name }
	find('[data-do=close]', dialog).onclick = () => dialog.close('')
	dialog.returnValue = ''
	dialog.showModal()
	return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'ok'), { once: true }))
}

// A table of rows of cells, each an element or a text.
export const table = (heads, rows) => el('table', {},
	el('thead', {}, el('tr', {}, ...heads.map((text) => el('th', { scope: 'col' }, text)))),
	el('tbody', {}, ...rows.map((cells) => el('tr', {}, ...cells.map((cell) => el('td', {}, cell))))))

// Arrows move between tabs.
export function tabKeys(list) {
	list.addEventListener('keydown', (event) => {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
		if (!step) return
		const tabs = [...list.querySelectorAll('[role=tab]')]
		const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length]
		next?.focus()
		next?.click()
		event.preventDefault()
	})
}
