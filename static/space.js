// One space: its head, and a tab for each thing that can be looked at.

import { has } from './api.js'
import { ago, alertLine, atEnd, button, bytes, copy, el, faint, find, part, put, tabKeys } from './dom.js'
import { listen, live } from './live.js'
import { act, restWords, toggleWord } from './spaces.js'
import { showCommands } from './commands.js'
import { showFiles } from './files.js'
import { showPorts } from './ports.js'
import { showTerminals } from './terminal.js'
import { showUsage } from './usage.js'

const panels = {
	terminal: { title: 'Terminal', fill: showTerminals },
	commands: { title: 'Commands', fill: showCommands },
	files: { title: 'Files', fill: showFiles, needs: 'files/' },
	ports: { title: 'Ports', fill: showPorts, needs: 'ports:' },
	events: { title: 'Events', fill: showEvents },
	usage: { title: 'Limits and usage', fill: showUsage },
}

export async function showSpace(main, signal, name, wanted = 'terminal') {
	main.append(copy('space-page'))
	const failure = alertLine()
	find('.bar').after(failure)
	put(part(main, 'name'), name)
	for (const one of main.querySelectorAll('[data-do]'))
		one.onclick = () => live.spaces.has(name) && act(live.spaces.get(name), one.dataset.do, failure, one)

	function update() {
		const space = live.spaces.get(name)
		const state = part(main, 'state')
		put(state, space?.state ?? (live.connected ? 'destroyed' : '…'))
		state.dataset.state = space?.state ?? ''
		for (const one of main.querySelectorAll('.bar [data-do]')) one.disabled = !space
		put(find('[data-do=toggle]', main), toggleWord(space?.state ?? 'running'))
		if (space) put(part(main, 'about'), `${space.image} · ${bytes(space.memory)} · ${space.cpus} cores · used ${ago(space.lastUsedAt)} · ${restWords(space)}`)
	}
	listen(['change', 'list'], update, signal)
	listen(['use'], update, signal)
	update()

	const list = find('.tabs', main)
	const panel = find('.panel', main)
	tabKeys(list)
	const there = []
	for (const [id, { title, needs }] of Object.entries(panels)) {
		if (needs && !(await has(needs).catch(() => false))) continue
		there.push(id)
		list.append(el('button', { id: `tab-${id}`, role: 'tab', 'aria-controls': 'panel', onclick: () => open(id) }, title))
	}
	if (signal.aborted) return
	panel.id = 'panel'
	let inside
	atEnd(signal, () => inside?.abort())
	function open(id) {
		inside?.abort()
		inside = new AbortController()
		for (const tab of list.children) {
			const is = tab.id === `tab-${id}`
			tab.setAttribute('aria-selected', is)
			tab.tabIndex = is ? 0 : -1
		}
		panel.setAttribute('aria-labelledby', `tab-${id}`)
		panel.replaceChildren()
		history.replaceState(null, '', `#/spaces/${name}/${id}`)
		panels[id].fill(panel, inside.signal, name)
	}
	open(there.includes(wanted) ? wanted : 'terminal')
}

function showEvents(panel, signal, name) {
	const list = el('ol', { class: 'events' })
	const none = faint('What happens to this space is listed here from now on.')
	panel.append(none, list)
	const about = ({ type, data }) => data.name === name || data.space === name
	function add({ type, data }) {
		const words = [data.exec ?? data.state, data.outcome, Number.isInteger(data.exitCode) ? `code ${data.exitCode}` : ''].filter(Boolean)
		list.prepend(el('li', {}, el('time', { dateTime: data.time }, new Date(data.time).toLocaleTimeString()), ' ', el('b', {}, type), ' ', el('span', { class: 'faint' }, words.join(' · '))))
		none.hidden = true
		if (list.children.length > 200) list.lastChild.remove()
	}
	for (const event of live.events.filter(about)) add(event)
	listen(['happened'], (event) => about(event) && add(event), signal)
}
