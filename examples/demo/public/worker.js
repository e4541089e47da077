// @ts-check

import { byId, make, showConnection } from './dom.js'

const FRAME_MS = 100
/** Jobs that are listed when they are done. */
const LISTED = 8

let takes = true
/** Not `socket.connected`: that is set before the events that are left of the last connection. */
let connected = false
// To a new connection, the server gives jobs unless it is told not to.
const socket = /** @type {any} */ (window).io('/workers', { auth: (/** @type {any} */ tell) => tell({ taking: takes }) })
// A hidden tab works as well as one that is seen.
const ticker = new Worker('ticker.js')
let name = 'Worker'
/** @type {{ id: string, attempt: number, start: number, millis: number, ack: (answer: object) => void } | undefined} */
let job

/** @param {object} answer */
function end(answer) {
  if (job === undefined) return
  const { id, ack } = job
  ack(answer)
  job = undefined
  ticker.postMessage(0)
  const how = 'error' in answer ? 'failed' : 'done'
  const code = make('span', { className: 'id' }, make('code', { textContent: id }))
  const line = make('li', { className: 'job' }, code, make('span', { className: 'state', textContent: how }))
  Object.assign(line.dataset, { id, state: how })
  byId('done').prepend(line)
  if (byId('done').children.length > LISTED) byId('done').lastElementChild.remove()
  show()
}

function show() {
  const passed = job === undefined ? 0 : performance.now() - job.start
  byId('progress').value = job === undefined ? 0 : Math.min(1, passed / job.millis)
  byId('fail').disabled = job === undefined
  const again = job && job.attempt > 1 ? `, attempt ${job.attempt}` : ''
  const doing = job === undefined ? 'Waiting for a job.' : `Works on ${job.id}${again}`
  if (byId('doing').textContent !== doing) byId('doing').textContent = doing
  document.title = job === undefined ? name : `${Math.floor((100 * passed) / job.millis)} % · ${name}`
}

socket.on('job', (/** @type {any} */ payload, /** @type {any} */ meta, /** @type {any} */ ack) => {
  // What comes before `connect` is from the connection before: another worker has it.
  if (!connected) return
  const seconds = Number(payload?.seconds)
  const millis = 1000 * (seconds >= 1 && seconds <= 20 ? seconds : 1)
  job = { id: meta.id, attempt: meta.attempt, start: performance.now(), millis, ack }
  ticker.postMessage(FRAME_MS)
  show()
})
ticker.addEventListener('message', () => {
  if (job !== undefined && performance.now() - job.start >= job.millis) end({ ok: true, result: { by: name } })
  else show()
})
socket.on('hello', (/** @type {any} */ hello) => {
  name = hello.name
  byId('name').textContent = name
  show()
})
socket.on('connect', () => {
  connected = true
})
socket.on('disconnect', () => {
  connected = false
  // Somebody else does it now.
  job = undefined
  ticker.postMessage(0)
  show()
})

byId('fail').addEventListener('click', () => end({ error: `${name} failed it, as it was told` }))
byId('take').addEventListener('click', () => {
  takes = !takes
  byId('take').textContent = takes ? 'Take no more jobs' : 'Take jobs again'
  socket.emit('taking', takes)
})
showConnection(socket)
