// The machine that all of it runs on.

import { bytes, el, put } from './dom.js'
import { listen, live } from './live.js'

// [name, value, share of what there is]
function facts({ version, host, engine, spaces }) {
	const amount = (name, { total, available }) => [name, `${bytes(available)} free of ${bytes(total)}`, 1 - available / total]
	return {
		Machine: [['Name', host.name], ['Up for', `${(host.uptimeSeconds / 3600).toFixed(1)} hours`], ['Load', `${host.load.map((n) => n.toFixed(2)).join(' · ')} on ${host.cpus} cores`, host.load[0] / host.cpus], amount('Memory', host.memory), amount('Disk', host.disk)],
		'Docker Engine': Object.entries({ health: engine.reachable ? 'answers' : 'away', ...engine }).filter(([, value]) => typeof value === 'string'),
		Spaces: [...Object.entries(spaces.byState), ['all', spaces.total], ['Clawdspace', version]],
	}
}

export function showHost(main, signal) {
	const cards = el('div', { class: 'cards' })
	main.append(el('h1', {}, 'Host'), cards)
	const cells = new Map()
	function cell(card, name) {
		const made = [el('span'), el('i'), el('dl')]
		if (!cells.has(card)) cards.append(el('section', { class: 'card' }, el('h2', {}, card), made[2]))
		const list = cells.get(card)?.[2] ?? made[2]
		cells.set(card, [, , list])
		list.append(el('div', {}, el('dt', {}, name.replace(/[A-Z]+/g, ' $&').trim()), el('dd', {}, made[0], el('span', { class: 'meter', hidden: true }, made[1]))))
		return made
	}
	function update() {
		for (const [card, rows] of live.system ? Object.entries(facts(live.system)) : []) {
			for (const [name, value, share] of rows) {
				const id = `${card}/${name}`
				if (!cells.has(id)) cells.set(id, cell(card, name))
				const [text, bar] = cells.get(id)
				put(text, String(value ?? '–'))
				bar.parentElement.hidden = share === undefined
				bar.style.transform = `scaleX(${Math.min(1, share ?? 0)})`
			}
		}
	}
	listen(['use', 'connection'], update, signal)
	update()
}
