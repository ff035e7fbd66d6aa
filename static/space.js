// One space on the page. Whatever comes from a space is text, never markup.

const most = 64 * 1024 // characters of output that stay on the page

export function ago(when, now = Date.now()) {
  const seconds = Math.round((new Date(when) - now) / 1000)
  const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
  for (const [unit, size] of [['day', 86400], ['hour', 3600], ['minute', 60]])
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit)
  return format.format(seconds, 'second')
}

export class SpaceRow {
  constructor(server) {
    this.server = server
    this.element = document.querySelector('#space').content.firstElementChild.cloneNode(true)
    for (const button of this.element.querySelectorAll('[data-do]')) button.addEventListener('click', () => this.do(button.dataset.do))
    this.element.querySelector('.command').addEventListener('submit', (event) => {
      event.preventDefault()
      this.run(event.target.elements.command.value)
    })
  }

  part(name) { return this.element.querySelector(`[data-is=${name}]`) }
  button(name) { return this.element.querySelector(`[data-do=${name}]`) }

  update(space) {
    this.space = space
    this.part('name').textContent = space.name
    this.part('state').textContent = this.part('state').dataset.state = space.state
    this.button('start').hidden = space.state === 'running'
    this.button('stop').hidden = space.state !== 'running'
    this.tick()
  }

  tick() {
    const { image, memory, cpus, lastUsedAt, sleepsAt, commands } = this.space
    const words = [image, `${(memory / 2 ** 30).toFixed(1)} GiB`, `${cpus} cores`, `used ${ago(lastUsedAt)}`]
    if (commands) words.push(`${commands} running`)
    else if (sleepsAt) words.push(`sleeps ${ago(sleepsAt)}`)
    this.part('about').textContent = words.join(' · ')
  }

  async do(what) {
    if (what === 'cancel') {
      this.running?.abort()
      return
    }
    const button = this.button(what)
    button.disabled = true
    try {
      await this.server.act(what)
      this.part('outcome').textContent = ''
    } catch (failure) {
      this.part('outcome').textContent = failure.message
    }
    button.disabled = false
  }

  async run(command) {
    const [run, cancel, output, outcome] = [this.element.querySelector('.command [type=submit]'), this.button('cancel'), this.part('output'), this.part('outcome')]
    this.running = new AbortController()
    run.disabled = true
    cancel.hidden = output.hidden = false
    output.textContent = ''
    outcome.textContent = 'running …'
    try {
      await this.server.exec(command, (line) => this.take(line), this.running.signal)
    } catch (failure) {
      outcome.textContent = this.running.signal.aborted ? 'canceled' : failure.message
    }
    run.disabled = false
    cancel.hidden = true
  }

  take(line) {
    const output = this.part('output')
    if (line.type === 'stdout' || line.type === 'stderr') {
      const piece = document.createElement('span')
      if (line.type === 'stderr') piece.className = 'err'
      piece.textContent = line.data ?? `[${Math.floor((line.base64.length * 3) / 4)} bytes that are not text]`
      const atEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 4
      output.append(piece)
      while (output.textContent.length > most && output.childNodes.length > 1) output.firstChild.remove()
      if (atEnd) output.scrollTop = output.scrollHeight
    } else if (line.type === 'exit') {
      const how = line.exitCode === null ? line.outcome.replaceAll('_', ' ') : `exit code ${line.exitCode}`
      this.part('outcome').textContent = [how, line.signal, line.reason, `${(line.durationMs / 1000).toFixed(2)} s`].filter(Boolean).join(' · ')
    }
  }
}
