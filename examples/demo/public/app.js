// @ts-check

import { startChat } from './chat.js'
import { byId } from './dom.js'
import { startStampede } from './stampede.js'

const chat = /** @type {any} */ (window).io('/chat')
const state = byId('connection')

chat.on('connect', () => {
  state.dataset.state = 'connected'
  state.textContent = 'Connected'
})
chat.on('disconnect', () => {
  state.dataset.state = 'connecting'
  state.textContent = 'Connection lost, trying again…'
})
chat.on('connect_error', (/** @type {Error} */ error) => {
  state.dataset.state = 'connecting'
  state.textContent = `Not connected: ${error.message}`
})

startChat(chat)
startStampede(/** @type {any} */ (window).io('/stampede'))
