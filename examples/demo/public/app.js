// @ts-check

import { startChat } from './chat.js'
import { showConnection } from './dom.js'
import { startStampede } from './stampede.js'

const chat = /** @type {any} */ (window).io('/chat')

showConnection(chat)
startChat(chat)
startStampede(/** @type {any} */ (window).io('/stampede'))
