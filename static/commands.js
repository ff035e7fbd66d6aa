// Commands of a space: run one, watch its output, end it.

import { call, lines, path } from './api.js'
import { ago, alertLine, atEnd, busy, button, el, put } from './dom.js'
import { listen } from './live.js'

const most = 500 // pieces of output that stay on the page

const words = (command) => (Array.isArray(command) ? command.join(' ') : command ?? 'login shell')
function ending(about) {
	if (about.state === 'running') return 'running'
	const how = about.exitCode === null || about.exitCode === undefined ? (about.outcome ?? '').replaceAll('_', ' ') : `exit code ${about.exitCode}`
	return [how, about.signal, about.reason, `${((about.durationMs ?? 0) / 1000).toFixed(2)} s`].filter(Boolean).join(' · ')
}

export function showCommands(panel, signal, name) {
	const input = el('input', { name: 'command', ariaLabel: 'Command', class: 'grow', required: true, placeholder: 'uname -a', autocomplete: 'off', spellcheck: false, autocapitalize: 'off' })
	const submit = el('button', { type: 'submit', class: 'primary' }, 'Run')
	const failure = alertLine()
	const form = el('form', { class: 'line' }, input, submit)
	const output = el('pre', { class: 'output', tabIndex: 0, role: 'region', 'aria-label': 'Output', hidden: true })
	const outcome = el('p', { class: 'faint', role: 'status' })
	const list = el('ul', { class: 'commands', 'aria-label': 'Commands' })
	panel.append(form, failure, output, outcome, el('h2', {}, 'Those that run, and the last that ended'), list)

	let watching
	atEnd(signal, () => watching?.abort())

	function show(line) {
		if (line.type === 'stdout' || line.type === 'stderr') {
			const piece = el('span', { class: line.type === 'stderr' ? 'err' : '' })
			piece.textContent = line.data ?? `[${Math.floor((line.base64.length * 3) / 4)} bytes that are not text]`
			const atEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 4
			output.append(piece)
			while (output.childNodes.length > most) output.firstChild.remove()
			if (atEnd) output.scrollTop = output.scrollHeight
		} else if (line.type === 'gap') {
			output.append(el('span', { class: 'err' }, `[${line.to - line.from} bytes are not kept any more]\n`))
		} else if (line.type === 'exit') {
			put(outcome, ending(line))
		}
	}
	async function watch(title, source) {
		watching?.abort()
		const mine = (watching = new AbortController())
		output.replaceChildren()
		output.hidden = false
		put(outcome, `${title} …`)
		try {
			for await (const line of source(mine.signal)) if (watching === mine) show(line)
		} catch (problem) {
			if (watching === mine && !mine.signal.aborted) put(outcome, problem.code === 'no_history' ? 'Its output was not kept.' : problem.message)
		}
	}
	const outputOf = (id) => (until) => lines('GET', `${path(name, 'execs', id, 'output')}?stream=ndjson`, { signal: until })

	form.addEventListener('submit', (event) => {
		event.preventDefault()
		const command = input.value
		busy(submit, failure, async () => {
			try {
				// It outlives this page, and is found again in the list.
				const made = await call('POST', path(name, 'exec'), { command, detach: true })
				if (made.outcome === 'failed_to_start') throw new Error(made.reason)
				watch(command, outputOf(made.id))
			} catch (problem) {
				if (problem.code !== 'not_supported') throw problem
				watch(command, (until) => lines('POST', `${path(name, 'exec')}?stream=ndjson`, { json: { command }, signal: until }))
			}
			input.select()
		})
	})

	function row(about) {
		const actions = el('span', { class: 'actions' })
		const title = words(about.command)
		if (about.history) actions.append(button('Output', () => watch(title, outputOf(about.id)), { ariaLabel: `Output of ${title}` }))
		if (about.state === 'running')
			actions.append(button('End', (event) => busy(event.target, failure, () => call('DELETE', path(name, 'execs', about.id))), { class: 'danger', ariaLabel: `End ${title}` }))
		return el('li', {}, el('code', { title }, title), el('span', { class: 'faint' }, `${ago(about.startedAt)} · ${ending(about)}`), actions)
	}

	async function read() {
		const { execs } = await call('GET', path(name, 'execs'))
		if (signal.aborted) return
		const focused = list.contains(document.activeElement) ? document.activeElement.ariaLabel : undefined
		list.replaceChildren(...execs.slice(0, 100).map(row))
		if (focused) [...list.querySelectorAll('button')].find((one) => one.ariaLabel === focused)?.focus()
	}
	let soon
	const readSoon = () => { soon ??= setTimeout(() => { soon = undefined; if (!signal.aborted) read().catch(() => {}) }, 250) }
	listen(['happened'], ({ type, data }) => type.startsWith('exec.') && data.space === name && readSoon(), signal)
	listen(['connection'], readSoon, signal)
	busy(undefined, failure, read)
}
