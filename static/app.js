import { call, exec, follow, key } from './api.js'
import { SpaceRow } from './space.js'

const find = (selector) => document.querySelector(selector)
const rows = new Map()
let following

function banner(words) {
  find('#banner').textContent = words ?? ''
  find('#banner').hidden = !words
}

async function refreshHost() {
  const system = await call('GET', '/system')
  const gib = (n) => `${(n / 2 ** 30).toFixed(1)} GiB`
  const { host, engine, spaces } = system
  find('#host').textContent = `${host.name} · load ${host.load[0]} of ${host.cpus} cores · ${gib(host.memory.available)} memory free · ` +
    `${gib(host.disk.available)} disk free · ${spaces.total} spaces`
  banner(engine.reachable ? undefined : `The Docker Engine is away: ${engine.reason}`)
}

async function refreshSpaces() {
  const { spaces } = await call('GET', '/spaces')
  const there = new Set(spaces.map((space) => space.name))
  for (const name of [...rows.keys()]) if (!there.has(name)) remove(name)
  for (const space of spaces) show(space)
  find('#none').hidden = rows.size > 0
}

function show(space) {
  if (!rows.has(space.name)) {
    const row = new SpaceRow({ act: (what) => act(space.name, what), exec: (...all) => exec(space.name, ...all) })
    rows.set(space.name, row)
    const after = [...rows.keys()].sort().find((name) => name > space.name)
    find('#spaces').insertBefore(row.element, after ? rows.get(after).element : null)
  }
  rows.get(space.name).update(space)
  find('#none').hidden = true
}

function remove(name) {
  rows.get(name)?.element.remove()
  rows.delete(name)
  find('#none').hidden = rows.size > 0
}

async function act(name, what) {
  if (what === 'destroy') {
    if (await confirmed(name)) await call('DELETE', `/spaces/${name}`)
  } else {
    show(await call('POST', `/spaces/${name}/${what}`, {}))
  }
}

function confirmed(name) {
  const dialog = find('#destroy')
  const [input, button] = [dialog.querySelector('input'), dialog.querySelector('button[value=destroy]')]
  dialog.querySelector('[data-is=name]').textContent = name
  input.value = ''
  button.disabled = true
  input.oninput = () => { button.disabled = input.value !== name }
  dialog.returnValue = 'cancel'
  dialog.showModal()
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'destroy' && input.value === name), { once: true }))
}

// What a space looks like is asked for once a burst of events is over, however many there were.
let asked
function refreshSoon() {
  clearTimeout(asked)
  asked = setTimeout(() => Promise.all([refreshSpaces(), refreshHost()]).catch((failure) => banner(failure.message)), 50)
}

function start() {
  find('#sign-in').hidden = true
  find('#signed-in').hidden = find('#sign-out').hidden = false
  following = new AbortController()
  follow({
    open: refreshSoon,
    event: (type, about) => (type === 'space.destroyed' ? remove(about.name) : refreshSoon()),
    lost: (failure) => (failure?.status === 401 ? signOut('That key is not the server’s.') : banner('The connection to the server is gone. Trying again …')),
  }, following.signal)
}

function signOut(why = '') {
  following?.abort()
  key.forget()
  for (const name of [...rows.keys()]) remove(name)
  banner()
  find('#host').textContent = ''
  find('#signed-in').hidden = find('#sign-out').hidden = true
  find('#sign-in').hidden = false
  find('#sign-in .error').textContent = why
  find('#sign-in [name=key]').focus()
}

find('#sign-in').addEventListener('submit', async (event) => {
  event.preventDefault()
  const fields = event.target.elements
  key.set(fields.key.value.trim(), fields.remember.checked)
  try {
    await refreshHost()
    event.target.reset()
    find('#sign-in .error').textContent = ''
    start()
  } catch (failure) {
    signOut(failure.message)
  }
})

find('#create').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const given = Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()))
  const button = form.querySelector('button')
  button.disabled = true
  try {
    show(await call('POST', '/spaces', given))
    form.reset()
    form.querySelector('.error').textContent = ''
  } catch (failure) {
    form.querySelector('.error').textContent = failure.message
  }
  button.disabled = false
})

find('#sign-out').addEventListener('click', () => signOut())
setInterval(() => { for (const row of rows.values()) row.tick() }, 1000)

if (key.get()) start()
else signOut()
