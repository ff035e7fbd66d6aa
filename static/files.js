// Files of a space: look, open, edit what is small, take out and put in.

import { call, escape, path, request } from './api.js'
import { ago, alertLine, busy, button, bytes, el, empty, put, table } from './dom.js'

const editable = 512 * 1024
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// What is no UTF-8 comes percent-encoded.
const encoded = (entry) => (entry.nameEncoded ? entry.nameEncoded.replaceAll('/', '%2F') : escape(entry.name))
const where = (name, place) => `${path(name)}/files/${place.map((p) => p.at).join('/')}`

export function showFiles(panel, signal, name) {
	const crumbs = el('nav', { class: 'crumbs', 'aria-label': 'Folder' })
	const failure = alertLine()
	const said = el('p', { class: 'faint', role: 'status' })
	const upload = el('input', { type: 'file', multiple: true, hidden: true, onchange: () => putIn([...upload.files]) })
	const body = el('div', { class: 'drop' })
	const attempt = (work) => busy(undefined, failure, work)
	let place = [{ at: '~', text: 'home' }]
	panel.append(el('div', { class: 'line' }, crumbs, upload, button('Upload', () => upload.click())), failure, said, body)

	const join = (entry) => [...place, { at: encoded(entry), text: entry.name }]

	async function go(to) {
		await attempt(async () => {
			const entries = []
			for (let after, more = true; more && entries.length < 10_000;) {
				const page = await call('GET', `${where(name, to)}${after === undefined ? '' : `?after=${after}`}`)
				entries.push(...page.entries)
				more = page.more === true && page.entries.length > 0
				after = more ? encoded(page.entries.at(-1)) : undefined
			}
			if (signal.aborted) return
			place = to
			show(entries)
		})
	}

	function show(entries) {
		const root = button('/', () => go([{ at: '', text: '/' }]), { ariaLabel: 'The root folder' })
		crumbs.replaceChildren(root, ...place.filter((p) => p.at).map((p, i, all) => button(p.text, () => go(place.slice(0, place.length - all.length + i + 1)), { class: 'quiet' })))
		const folder = (e) => e.type === 'folder'
		entries.sort((a, b) => folder(b) - folder(a) || (a.name < b.name ? -1 : 1))
		const open_ = (entry) => (folder(entry) ? go(join(entry)) : entry.type === 'symlink' ? follow(join(entry)) : open(join(entry)))
		body.replaceChildren(entries.length ? table(['Name', 'Size', 'Changed', 'Actions'], entries.map((entry) => [
			button(entry.name + (folder(entry) ? '/' : ''), () => open_(entry), { class: 'quiet name' }),
			entry.type === 'file' ? bytes(entry.size) : entry.type,
			ago(entry.mtimeMs ?? entry.modifiedAt),
			entry.type === 'file' ? button('Download', () => download(entry), { ariaLabel: `Download ${entry.name}` }) : '']))
			: empty('Nothing is here. Drop files to put them in.'))
	}

	// A link leads to a folder or to a file.
	const follow = (at) => call('GET', where(name, at)).then((page) => (Array.isArray(page.entries) ? go(at) : open(at)), () => open(at))

	async function open(at) {
		await attempt(async () => {
			const answer = await request('HEAD', where(name, at)).then((head) => (head.headers.get('Content-Length') > editable ? undefined : request('GET', where(name, at))))
			const entry = { name: at.at(-1).text }
			let text
			try {
				text = utf8.decode(await answer.arrayBuffer())
				if (text.includes('\0')) throw text
			} catch {
				put(said, `${entry.name} is not shown: it is no text, or larger than ${bytes(editable)}. It can be downloaded.`)
				return
			}
			edit(entry, at, text, answer.headers.get('ETag'))
		})
	}

	function edit(entry, at, text, etag) {
		const newline = text.includes('\r\n') ? '\r\n' : '\n' // a textarea knows only one
		const area = el('textarea', { value: text, spellcheck: false, ariaLabel: `Contents of ${entry.name}`, rows: 20 })
		const save = button('Save', () => busy(save, failure, async () => {
			const answer = await request('PUT', where(name, at), { body: area.value.replaceAll('\n', newline), headers: etag ? { 'If-Match': etag } : { 'If-None-Match': '*' } }).catch((problem) => {
				throw problem.status === 412 ? new Error(`${entry.name} was changed by somebody else meanwhile: open it again.`) : problem
			})
			etag = answer.headers.get('ETag') ?? (await request('HEAD', where(name, at))).headers.get('ETag')
			put(said, `${entry.name} is saved.`)
		}), { class: 'primary' })
		area.addEventListener('keydown', (event) => {
			if (event.key === 's' && (event.ctrlKey || event.metaKey)) {
				event.preventDefault()
				save.click()
			}
		})
		body.replaceChildren(el('div', { class: 'line' }, el('h2', { class: 'grow' }, entry.name), save, button('Close', () => go(place))), area)
		area.focus()
	}

	async function putIn(files) {
		await attempt(async () => {
			for (const file of files) {
				put(said, `${file.name} …`)
				await request('PUT', where(name, join(file)), { body: file })
			}
			put(said, `${files.length} put in.`)
			await go(place)
		})
		upload.value = ''
	}

	const download = (entry) => attempt(async () => {
		const url = URL.createObjectURL(await (await request('GET', where(name, join(entry)))).blob())
		el('a', { href: url, download: entry.name }).click()
		setTimeout(() => URL.revokeObjectURL(url), 60_000)
	})
	body.ondragover = (event) => event.preventDefault()
	body.ondrop = (event) => {
		event.preventDefault()
		putIn([...event.dataTransfer.files])
	}
	go(place)
}
