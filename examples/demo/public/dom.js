// @ts-check

/**
 * The element with this id.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`no #${id} on this page`)
  return element
}

/**
 * A new element. What people wrote is only ever set as text.
 * @param {string} tag
 * @param {Record<string, unknown>} properties
 * @param {...Node} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties)
  element.append(...children)
  return element
}

/**
 * Shows in the page's head whether it is connected.
 * @param {any} socket
 */
export function showConnection(socket) {
  const element = byId('connection')
  const show = (/** @type {string} */ state, /** @type {string} */ text) => {
    element.dataset.state = state
    element.textContent = text
  }
  socket.on('connect', () => show('connected', 'Connected'))
  socket.on('disconnect', () => show('connecting', 'Connection lost, trying again…'))
  socket.on('connect_error', (/** @type {Error} */ error) => show('connecting', `Not connected: ${error.message}`))
}
