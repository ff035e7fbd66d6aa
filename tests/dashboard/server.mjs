// A real daemon over a real Engine, which can be stopped and started again at the same address.

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const environment = (name) => process.env[name] ?? (() => { throw new Error(`these tests need ${name}: run them through script/test`) })()
const root = resolve(import.meta.dirname, '../..')
export const key = 'key-of-a-test-that-nobody-else-knows'
export const engine = environment('CLAWDSPACE_TEST_ENGINE')

const freePort = () => new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => done(port))
  })
})

// Stands before the Engine's socket, so that the Engine can be away for one daemon and nobody else.
class Door {
  open = new Set()
  constructor(at) { this.at = at }
  async up() {
    this.server = createServer({ allowHalfOpen: true }, (client) => {
      const behind = connect({ path: engine.replace('unix://', ''), allowHalfOpen: true })
      for (const [one, other] of [[client, behind], [behind, client]]) {
        one.pipe(other)
        one.on('error', () => other.destroy()).on('close', () => this.open.delete(one))
        this.open.add(one)
      }
    })
    await new Promise((done) => this.server.listen(this.at, done))
  }
  async down() {
    const closed = new Promise((done) => this.server.close(done))
    for (const one of this.open) one.destroy()
    await closed
  }
}

export class Server {
  folder = mkdtempSync(join(tmpdir(), 'clawdspace-dashboard-'))
  prefix = `t${Math.random().toString(16).slice(2, 10)}`

  engine = new Door(join(this.folder, 'engine.sock'))

  async start() {
    if (!this.port) await this.engine.up()
    this.port ??= await freePort()
    this.url = `http://127.0.0.1:${this.port}`
    const build = environment('CLAWDSPACE_TEST_BUILD')
    const log = openSync(join(this.folder, 'log'), 'a')
    const settings = [`spaces.instance=${this.prefix}`, `spaces.image=${environment('CLAWDSPACE_TEST_IMAGE')}`, 'spaces.memory=256m']
    this.process = spawn(`${build}/src/app/clawdspaced`,
      ['--port', this.port, '--state-dir', join(this.folder, 'state'), '--static-dir', join(root, 'static'), '--init', `${build}/init/clawdspace-init`, ...settings.flatMap((one) => ['--set', one])],
      { env: { ...process.env, API_KEY: key, DOCKER_HOST: `unix://${this.engine.at}`, PORT: '' + this.port }, stdio: ['ignore', log, log] })
    this.ended = new Promise((done) => this.process.on('exit', done))
    for (const limit = Date.now() + 20_000; ;) {
      if (await this.call('GET', '/spaces').then(() => true, () => false)) return
      if (Date.now() > limit) throw new Error(`the daemon does not answer: ${readFileSync(join(this.folder, 'log'))}`)
      await new Promise((done) => setTimeout(done, 50))
    }
  }

  async stop() {
    this.process.kill('SIGTERM')
    await this.ended
  }

  async call(method, path, body) {
    const answer = await fetch(`${this.url}/api${path}`, { method, headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text && answer.headers.get('Content-Type') === 'application/json' ? JSON.parse(text) : text
  }

  async remove() {
    await this.stop()
    await this.engine.down()
    const docker = (...what) => execFileSync('docker', what, { env: { ...process.env, DOCKER_HOST: engine }, encoding: 'utf8' })
    const left = docker('ps', '-aq', '--filter', `label=clawdspace.instance=${this.prefix}`).split('\n').filter(Boolean)
    if (left.length) docker('rm', '-fv', ...left)
    rmSync(this.folder, { recursive: true })
  }
}
