// The dashboard as people use it: Debian's Chromium before a real daemon and a real Engine.
//
//   node dashboard_test.mjs    with CLAWDSPACE_TEST_ENGINE, _IMAGE and _BUILD as script/test sets them; CLAWDSPACE_TEST_NPM is
//                              where playwright-core and axe-core are, CLAWDSPACE_TEST_SHOTS where pictures go

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Server, key } from './server.mjs'

const require = createRequire(join(process.env.CLAWDSPACE_TEST_NPM, 'package.json'))
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const pictures = process.env.CLAWDSPACE_TEST_SHOTS
const patience = 20_000

const server = new Server()
const name = `${server.prefix}-dev`
let browser, context, page, files
let said = [] // in the console, and what no page should do

before(async () => {
  mkdirSync(pictures, { recursive: true })
  await server.start()
  files = (await server.call('GET', '/openapi.yaml')).includes('/api/spaces/{name}/files/')
  // As root, as in a container of CI, Chromium's own sandbox cannot be set up.
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: process.getuid() === 0 ? ['--no-sandbox'] : [] })
  context = await browser.newContext({ viewport: { width: 1200, height: 800 }, colorScheme: 'light' })
  context.setDefaultTimeout(patience)
  page = await open()
}, { timeout: 60_000 })
after(async () => {
  await browser?.close()
  await server.remove()
})

async function open() {
  const opened = await context.newPage()
  opened.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(`${message.text()} ${message.location().url}`))
  opened.on('pageerror', (problem) => said.push(problem.stack))
  opened.on('request', (request) => request.url().startsWith(server.url) || /^(blob|data):/.test(request.url()) || said.push(`another host is asked: ${request.url()}`))
  return opened
}

const shot = (what) => page.screenshot({ path: join(pictures, `${what}.png`) })
const row = (which = name) => page.locator('.row', { has: page.locator(`a:text-is("${which}")`) })
const state = (from = page) => from.locator('.state')
const screen = () => page.locator('.xterm-rows')
const sees = (where, text) => where.filter({ hasText: text }).first().waitFor()

// What axe-core finds of WCAG 2.2 AA (and its own best practices), and whether anything stands out of the page's side. It runs
// in a world of its own, which the page's policy does not bind.
async function isAccessible(what) {
  const found = await page.evaluate(`${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`)
  assert.deepEqual(found.violations.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join('; ')}`), [])
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  assert.ok(wide <= room, `${what}: ${wide} pixels in a page of ${room}`)
}

async function inAllForms(what) {
  for (const [form, width, height, colorScheme] of [['light', 1200, 800, 'light'], ['dark', 1200, 800, 'dark'], ['phone', 360, 740, 'light'], ['zoomed', 600, 400, 'dark']]) {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme })
    await shot(`${what}-${form}`)
    await isAccessible(`${what}, ${form}`)
  }
  await page.setViewportSize({ width: 1200, height: 800 })
  await page.emulateMedia({ colorScheme: 'light' })
}

test('what is ours is less than 60 KiB', () => {
  const folder = join(import.meta.dirname, '../../static')
  const size = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isFile()).reduce((sum, one) => sum + statSync(join(folder, one.name)).size, 0)
  assert.ok(size < 60 * 1024, `${size} bytes`)
})

test('the key signs in, and another does not', async () => {
  await page.goto(server.url)
  await inAllForms('sign-in')
  await page.getByLabel('API key').fill('not the key')
  await page.keyboard.press('Enter')
  await sees(page.getByRole('alert'), 'not the one')
  assert.equal(said.length, 1, 'the browser itself tells of the 401')
  said = []
  await page.getByLabel('API key').fill(key)
  await page.keyboard.press('Enter')
  await sees(page.locator('#none'), 'No spaces yet')
  await isAccessible('an empty list')
})

test('a space is made by the keyboard alone, and is seen to run', async () => {
  await page.getByRole('button', { name: 'New space' }).focus()
  await page.keyboard.press('Enter')
  await isAccessible('the form for a new space')
  await page.keyboard.type(`${name}!`)
  await page.keyboard.press('Enter')
  await sees(page.locator('#create .error'), 'not a name for a space')
  assert.equal(said.length, 1, 'the browser itself tells of the 400')
  said = []
  await page.locator('#create [name=name]').fill(name)
  await page.locator('#create [name=memory]').fill('200m')
  await page.keyboard.press('Enter')
  await sees(state(), 'running')
  assert.equal((await server.call('GET', `/spaces/${name}`)).memory, 200 << 20)
})

test('a terminal takes keys, follows the window, and is there again after a reload with its screen', async () => {
  await sees(screen(), '$')
  await page.keyboard.type('echo "screen:$((6*7))"; stty size\n')
  await sees(screen(), 'screen:42')
  const before = (await screen().innerText()).match(/(\d+) (\d+)\s*$/m)
  await page.setViewportSize({ width: 700, height: 600 })
  await page.waitForFunction((columns) => document.querySelector('.xterm-screen').clientWidth < 680 && columns, before[2])
  await page.keyboard.type('echo "now:$(stty size)"\n')
  await page.waitForFunction((columns) => {
    const now = document.querySelector('.xterm-rows').innerText.match(/now:\d+ (\d+)/)
    return now && Number(now[1]) < Number(columns)
  }, before[2])
  await page.setViewportSize({ width: 1200, height: 800 })
  await page.keyboard.type('KEPT=kept; printf "\\033[38;2;255;100;0mcolour\\033[m\\n"\n')
  await page.reload()
  await sees(screen(), 'screen:42')
  await page.locator('.xterm-helper-textarea').focus()
  await page.keyboard.type('echo "still:$KEPT"\n')
  await sees(screen(), 'still:kept')
  await page.getByRole('button', { name: 'New terminal' }).click()
  assert.equal(await page.getByRole('tab', { name: /^Terminal \d/ }).count(), 2)
  await inAllForms('terminal')
  await page.getByRole('button', { name: 'Close it' }).click()
  await sees(screen(), 'still:kept')
})

test('a command is run, its output comes as it is written, and it can be ended', async () => {
  await page.getByRole('tab', { name: 'Commands' }).click()
  await page.getByLabel('Command', { exact: true }).fill('echo "<img src=x onerror=alert(1)>"; echo fault >&2; sleep 1000')
  await page.keyboard.press('Enter')
  await sees(page.locator('.output'), '<img src=x onerror=alert(1)>')
  await sees(page.locator('.output .err'), 'fault')
  assert.equal(await page.locator('.panel img').count(), 0, 'text of a space became markup')
  await sees(page.locator('.commands li'), 'running')
  await inAllForms('commands')
  await page.getByRole('button', { name: /^End echo/ }).click()
  await sees(page.getByRole('status'), 'canceled')
})

test('limits, use and events of a space are shown as they come', async () => {
  await page.getByRole('tab', { name: 'Limits and usage' }).click()
  await sees(page.locator('.facts'), '200 MiB')
  await page.waitForFunction(() => document.querySelectorAll('.charts canvas').length === 2)
  await inAllForms('usage')
  await page.getByRole('tab', { name: 'Events' }).click()
  await server.call('POST', `/spaces/${name}/exec`, { command: 'exit 5' })
  await sees(page.locator('.events li'), 'code 5')
  await isAccessible('events')
})

test('a file is put in, edited, and as it was saved in the space', async () => {
  const tabs = await page.getByRole('tab', { name: 'Files' }).count()
  assert.equal(tabs, files ? 1 : 0, 'the tab is there where the server has files, and not where it has none')
  if (!files) return
  await page.getByRole('tab', { name: 'Files' }).click()
  await page.locator('input[type=file]').setInputFiles({ name: '<b>note.txt', mimeType: 'text/plain', buffer: Buffer.from('first\n') })
  await page.getByRole('button', { name: '<b>note.txt', exact: true }).click()
  await page.getByLabel('Contents of <b>note.txt').fill('second\n')
  await page.keyboard.press('Control+s')
  await sees(page.getByRole('status'), 'is saved')
  const { stdout } = await server.call('POST', `/spaces/${name}/exec`, { command: 'cat ~/"<b>note.txt"' })
  assert.equal(stdout, 'second\n')
  await page.getByRole('button', { name: 'Close', exact: true }).click()
  await sees(page.locator('td'), '<b>note.txt')
  await inAllForms('files')
})

test('a space is seen to fall asleep, and to wake, without a reload', async () => {
  await page.getByRole('link', { name: 'Spaces', exact: true }).click()
  const sleepy = `${server.prefix}-sleepy`
  await server.call('POST', '/spaces', { name: sleepy, idleTimeoutMs: 1000 })
  await sees(state(row(sleepy)), 'running')
  await sees(state(row(sleepy)), 'paused')
  await server.call('POST', `/spaces/${sleepy}/exec`, { command: 'sleep 0.3' })
  await sees(state(row(sleepy)), 'running')
  await sees(state(row(sleepy)), 'paused')
  await row(sleepy).locator('a').focus()
  await page.keyboard.press('s')
  await sees(state(row(sleepy)), 'running')
  await row(sleepy).locator('a').focus()
  await page.keyboard.press('ArrowUp')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), name)
  await inAllForms('spaces')
})

test('two hundred spaces are a list that scrolls', async () => {
  const many = await open()
  const { spaces } = await server.call('GET', '/spaces')
  await many.route('**/api/spaces', async (route) => route.fulfill({
    json: { spaces: Array.from({ length: 200 }, (_, i) => ({ ...spaces[0], name: `space-${String(i).padStart(3, '0')}` })) },
  }))
  await many.goto(server.url)
  await many.getByLabel('API key').fill(key)
  await many.keyboard.press('Enter')
  await many.waitForFunction(() => document.querySelectorAll('.row').length === 200)
  await many.locator('.row').last().scrollIntoViewIfNeeded()
  await many.getByLabel('Find a space').fill('space-19')
  assert.equal(await many.locator('.row:visible').count(), 10)
  await many.close()
})

test('the host is shown', async () => {
  await page.getByRole('link', { name: 'Host' }).click()
  await sees(page.locator('dd'), 'answers')
  await inAllForms('host')
})

test('an Engine that is away is told, and its coming back too', async () => {
  await server.engine.down()
  await sees(page.locator('#banner'), 'Docker Engine is away')
  await isAccessible('without an Engine')
  await server.engine.up()
  await page.waitForFunction(() => document.querySelector('#banner').textContent === '')
})

test('a link signs in once', async () => {
  const { ticket } = await server.call('POST', '/tickets', { for: 'session' })
  const other = await browser.newContext()
  const first = await other.newPage()
  await first.goto(`${server.url}/#ticket=${ticket}`)
  await first.locator('.row').first().waitFor()
  assert.ok(!first.url().includes(ticket), 'the ticket stays in the address')
  assert.ok(!(await first.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes(key), 'the key was given away')
  await first.reload()
  await first.locator('.row').first().waitFor()
  const second = await (await browser.newContext()).newPage()
  await second.goto(`${server.url}/#ticket=${ticket}`)
  await sees(second.getByRole('alert'), 'used before')
  await other.close()
})

test('a server that is gone is told, and found again without a reload', async () => {
  await page.goto(`${server.url}/#/spaces/${name}/terminal`)
  await sees(screen(), '$')
  await page.evaluate(() => { globalThis.sameVisit = true })
  await server.stop()
  await sees(page.locator('#banner'), 'connection to the server is gone')
  await isAccessible('without a server')
  await shot('server-gone')
  await server.start()
  await page.waitForFunction(() => document.querySelector('#banner').textContent === '')
  await sees(state(), 'running')
  await page.locator('.screen:not(.away)').waitFor() // it is attached to again
  await page.locator('.xterm-helper-textarea').focus()
  await page.keyboard.type('echo "back:$((40+2))"\n')
  await sees(screen(), 'back:42')
  assert.ok(await page.evaluate(() => globalThis.sameVisit))
  assert.deepEqual(said.filter((one) => !/ERR_|WebSocket/.test(one)), [])
  said = []
})

test('a space is destroyed once its name has been typed', async () => {
  await page.getByRole('link', { name: 'Spaces', exact: true }).click()
  await row().locator('a').focus()
  await page.keyboard.press('Delete')
  await page.keyboard.type(name.slice(1))
  assert.ok(await page.locator('#ask [type=submit]').isDisabled())
  await isAccessible('the question before')
  await page.locator('#ask input').fill(name)
  await page.keyboard.press('Enter')
  await row().waitFor({ state: 'detached' })
  assert.equal((await server.call('GET', '/spaces')).spaces.some((one) => one.name === name), false)
})

test('nothing was complained of in the console, and nothing jumped', async () => {
  assert.deepEqual(said, [])
  const fresh = await open()
  await fresh.addInitScript(() => {
    globalThis.jumps = 0
    new PerformanceObserver((list) => { for (const one of list.getEntries()) globalThis.jumps += one.value }).observe({ type: 'layout-shift', buffered: true })
  })
  await fresh.goto(server.url)
  await fresh.getByLabel('API key').fill(key)
  await fresh.keyboard.press('Enter')
  await fresh.locator('.row').first().waitFor()
  const [jumps, paint] = await fresh.evaluate(() => [globalThis.jumps, performance.getEntriesByName('first-contentful-paint')[0]?.startTime])
  console.log(`# first paint after ${Math.round(paint)} ms; layout shift ${jumps.toFixed(3)}`)
  assert.ok(jumps < 0.1, `layout shift ${jumps}`)
  assert.deepEqual(said, [])
})
