// xterm.js makes <style> elements and style attributes, which a policy without 'unsafe-inline' refuses. Through the CSSOM
// the policy lets a script say the same: in constructed style sheets, and in element.style.

class Sheet extends HTMLElement {
	rules = new CSSStyleSheet()
	set textContent(text) { this.rules.replaceSync(text) }
	get textContent() { return '' }
	connectedCallback() { document.adoptedStyleSheets.push(this.rules) }
	disconnectedCallback() { document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== this.rules) }
}
customElements.define('adopted-style', Sheet)

const create = document.createElement.bind(document)
document.createElement = (tag, options) => {
	const made = create(tag === 'style' ? 'adopted-style' : tag, options)
	if (tag === 'style') made.hidden = true
	return made
}

const set = Element.prototype.setAttribute
Element.prototype.setAttribute = function (name, value) {
	if (name === 'style') this.style.cssText = value
	else set.call(this, name, value)
}
