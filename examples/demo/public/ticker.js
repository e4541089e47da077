// @ts-check

// Runs as a web worker: a page that is hidden has its own timers slowed down, to one a minute after a while. A message with milliseconds is answered
// again and again, so far apart; 0 ends it.

/** @type {ReturnType<typeof setInterval> | undefined} */
let timer

self.addEventListener('message', ({ data }) => {
  clearInterval(timer)
  if (data > 0) timer = setInterval(() => self.postMessage(null), data)
})
