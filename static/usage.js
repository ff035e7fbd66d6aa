// Limits, and what was used of them over the last hour, as far as somebody looked.

import { follow, path } from './api.js'
import { alertLine, atEnd, bytes, cores, el, faint, put } from './dom.js'
import { live } from './live.js'
import { sheet } from './terminal.js'

const hour = 3600
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

export async function showUsage(panel, signal, name) {
	const failure = alertLine()
	const facts = el('dl', { class: 'facts' })
	const charts = el('div', { class: 'charts' })
	panel.append(failure, facts, charts, faint('Where nobody looked there is a gap.'))
	let uPlot
	try {
		[{ default: uPlot }] = await Promise.all([import('./vendor/uplot.mjs'), sheet('vendor/uplot.css')])
	} catch {
		put(failure, 'The charts are missing: run script/bootstrap server.')
		return
	}
	if (signal.aborted) return

	const data = [[], [], []] // seconds, cores, bytes
	let limits = { cpus: 0, memory: 0, pids: 0 }
	const kinds = [
		{ title: 'Processor', say: cores, most: () => limits.cpus },
		{ title: 'Memory', say: bytes, most: () => limits.memory, incrs: Array.from({ length: 45 }, (_, i) => 2 ** i) },
	]
	const push = (row) => row.forEach((value, i) => data[i].push(value))
	// Where nobody looked there is a gap, and no line across it.
	function add(from, to, cpus, memory) {
		const last = data[0].at(-1)
		if (last >= to) return
		if (from - last > 15) push([last + 1, null, null])
		push([to, cpus, memory])
		while (data[0][0] < to - hour) for (const column of data) column.shift()
	}
	let drawn = []
	let before
	const pick = (i) => [data[0], data[i + 1]]
	const width = () => Math.max(200, (charts.firstChild ?? charts).clientWidth - 36)
	function draw() {
		for (const one of drawn) one.destroy()
		charts.replaceChildren()
		const axis = { stroke: style('--faint'), grid: { stroke: style('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui' }
		const cards = kinds.map((kind) => el('figure', { class: 'card' }, el('figcaption', {}, kind.title)))
		charts.append(...cards)
		drawn = kinds.map((kind, i) => new uPlot({
			width: width(),
			height: 160,
			legend: { show: false },
			cursor: { show: false },
			scales: { x: { range: () => [Math.max(Date.now() / 1000 - hour, Math.min(data[0][0] ?? Infinity, Date.now() / 1000 - 120)), Date.now() / 1000] }, y: { range: (u, low, high) => [0, Math.max(high ?? 0, kind.most()) * 1.05] } },
			axes: [{ ...axis, size: 30, space: 80, values: (u, at) => at.map((t) => new Date(t * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })) }, { ...axis, size: 70, ...(kind.incrs && { incrs: kind.incrs }), values: (u, at) => at.map(kind.say) }],
			series: [{}, { stroke: style('--accent'), width: 2, points: { show: false } }],
		}, pick(i), cards[i]))
	}

	function takeUse(now) {
		const time = new Date(now.time) / 1000
		add(data[0].length ? before : time, time, now.cpus, now.memory)
		before = time
		facts.replaceChildren(...[['Processor', `${cores(now.cpus)} of ${limits.cpus} cores`], ['Memory', `${bytes(now.memory)} of ${bytes(limits.memory)}`], ['Processes', `${now.pids ?? '–'} of ${limits.pids}`]]
			.map(([title, value]) => el('div', {}, el('dt', {}, title), el('dd', {}, value))))
		drawn.forEach((one, i) => one.setData(pick(i)))
	}
	draw()
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw, { signal })
	const size = new ResizeObserver(() => { const w = width(); for (const one of drawn) if (one.width !== w) one.setSize({ width: w, height: 160 }) })
	size.observe(charts)
	atEnd(signal, () => {
		size.disconnect()
		for (const one of drawn) one.destroy()
	})
	follow(`${path(name, 'stats')}?follow=true&history=true`, {
		event(type, told) {
			if (type === 'limits') limits = told
			if (type === 'history') for (const p of told.points) add(new Date(p.from) / 1000, before = new Date(p.to) / 1000, p.cpus, p.memory)
			if (type === 'usage') takeUse(told)
		},
		lost: (problem) => problem?.status === 404 || problem?.status === 401 || !live.spaces.has(name),
	}, signal)
}
