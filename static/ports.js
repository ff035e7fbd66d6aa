// What listens in a space, with links that open it.

import { call, has, path } from './api.js'
import { alertLine, busy, button, el, empty, table } from './dom.js'
import { listen } from './live.js'

export async function showPorts(panel, signal, name) {
	const failure = alertLine()
	const body = el('div')
	panel.append(failure, body)
	const preview = await has('ports/{port}/links').catch(() => false)

	// The tab is opened by the click, before the link is known: a later one would be a pop-up.
	function open(port, pressed) {
		const tab = globalThis.open('', '_blank')
		busy(pressed, failure, async () => {
			try {
				const { url } = await call('POST', path(name, 'ports', String(port), 'links'))
				if (!/^https?:$/.test(new URL(url).protocol)) throw new Error('the server gave no link')
				tab.opener = null
				tab.location = url
			} catch (problem) {
				tab?.close()
				throw problem
			}
		})
	}

	const read = () => busy(undefined, failure, async () => {
		const { ports } = await call('GET', path(name, 'ports'))
		if (signal.aborted) return
		const text = (value) => (value == null ? '' : value.name ?? String(value))
		body.replaceChildren(ports.length ? table(['Port', 'Address', 'Process', 'Actions'], ports.map((p) => [text(p.port), text(p.address), text(p.process), preview ? button('Open', (event) => open(p.port, event.target), { ariaLabel: `Open port ${p.port}` }) : '']))
			: empty('Nothing listens in this space.'))
	})
	listen(['happened'], ({ type, data }) => type.startsWith('port.') && (data.space ?? data.name) === name && read(), signal)
	read()
}
