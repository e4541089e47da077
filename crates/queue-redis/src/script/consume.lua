-- Delivering and settling.

-- How much a rate still allows, and otherwise when to ask again: counted in 64 slices of its span.
local function allowed(key, most, per)
  local length = max(1, ceil(per / 64))
  local total, first = 0, nil
  local slices = call('HGETALL', key)
  for n = 1, #slices, 2 do
    local ends = (tonumber(slices[n]) + 1) * length + per
    if ends <= now then
      call('HDEL', key, slices[n])
    else
      total = total + tonumber(slices[n + 1])
      if not first or ends < first then first = ends end
    end
  end
  return most - total, first or now + 1
end

local function used(key, per, n)
  local length = max(1, ceil(per / 64))
  call('HINCRBY', key, format('%.0f', floor(now / length)), n)
  call('PEXPIRE', key, per + 2 * length)
end

-- What is known of a held message: token, attempt, since, size, priority, whether it may run too long, lengths; worker, key, requester.
local ACTIVE = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([01]) (%d+) (%d+) (%d+) ()'

local function held(q, id)
  local text = call('HGET', q.active, id)
  if not text then return nil end
  local token, attempt, since, size, priority, run, w, k, r, at = match(text, ACTIVE)
  if not at then return nil end
  w, k, r = tonumber(w), tonumber(k), tonumber(r)
  return { token = token, attempt = tonumber(attempt), since = tonumber(since), size = tonumber(size), priority = tonumber(priority),
    run = run == '1', worker = sub(text, at, at + w - 1), key = sub(text, at + w, at + w + k - 1),
    requester = sub(text, at + w + k, at + w + k + r - 1) }
end

-- `failed`: in vain.
local function end_lease(q, id, a, failed)
  call('HDEL', q.active, id)
  if a.run then call('ZREM', q.runs, id) end
  if q.o.concurrency then q.touched = true end
  local by = by_interest(q, a.key)
  if by then by.got_back(q, a.key, id, failed and a.worker) end
end

-- Looks for the lease; without it the command is refused.
local function lease(q, id, token)
  local a = held(q, id)
  -- Redis may have forgotten that it gave a token to somebody else before.
  if not a or a.token ~= token or match(a.worker, '^([^:]*)') ~= inst then error('!LEASE', 0) end
  return a
end

local function backoff(q, attempt)
  local o = q.o
  local delay = o.backoffDelay
  if o.backoff == 'exponential' then delay = min(delay * 2 ^ min(attempt - 1, 52), o.backoffMax) end
  return delay - floor(delay * math.random() * o.jitter)
end

-- The record of a held message cannot be read any more.
local function spoiled(q, id, a)
  quarantine(q, id, call('HGET', q.messages, id))
  local by = by_interest(q, a.key)
  if by then by.count(q, a.key, -1) end
  release_key(q, a.key)
end

-- An attempt of a held message has failed.
local function fail(q, id, a, text, delay, dead)
  end_lease(q, id, a, true)
  bump(q, 'failed', 1)
  local m = message(q, id)
  if not m then return spoiled(q, id, a) end
  if dead or a.attempt >= q.o.maxAttempts then return die(q, m, a.attempt, text, true) end
  bump(q, 'retried', 1)
  delay = delay or backoff(q, a.attempt)
  call('HSET', q.attempts, id, a.attempt)
  note(q, id, a.attempt, text)
  if delay > 0 then make_delayed(q, m, now + delay, true) else make_ready(q, m, true, true) end
  event(q, 3, id, a.attempt, text, delay)
  local by = by_interest(q, a.key)
  if by then by.expire_late(q, m) end
end

-- A held message was not processed: it goes first again, and the attempt does not count.
local function give_back(q, id, a)
  end_lease(q, id, a)
  local m = message(q, id)
  if not m then return spoiled(q, id, a) end
  if a.attempt > 1 then call('HSET', q.attempts, id, a.attempt - 1) else call('HDEL', q.attempts, id) end
  if m.expires > 0 and (a.attempt == 1 or by_interest(q, a.key)) then
    if m.expires <= now then return expire(q, m, true) end
    call('ZADD', q.expiries, m.expires, id)
    alarm(q, m.expires)
  end
  make_ready(q, m, true, true)
end

-- A lease ends that nobody has settled. `reason` as in crates/queue/src/effect.rs: 0 not renewed, 1 ran too long.
local function lapse(q, id, a, reason)
  push(match(a.worker, '^([^:]*)'), frame('L', a.worker, a.token, id, reason))
  bump(q, 'leasesEnded', 1)
  event(q, 7, id, reason)
  if reason == 1 then
    fail(q, id, a, 'it ran longer than maxRunTime', nil, false)
  else
    fail(q, id, a, 'its lease ended: the consumer was lost', 0, false)
  end
end

-- Those that a worker holds, the newest first.
local function holdings(q, worker)
  local all, found = call('HGETALL', q.active), {}
  for n = 1, #all, 2 do
    local a = held(q, all[n])
    if a and a.worker == worker then found[#found + 1] = { all[n], a, tonumber(a.token) } end
  end
  table.sort(found, function(one, other) return one[3] > other[3] end)
  return found
end

local function lose(name, worker)
  local q = find(name)
  if not q then return end
  if q.o.byInterest then (keyed or make_keyed()).ended(q, worker) end
  for _, one in ipairs(holdings(q, worker)) do lapse(q, one[1], one[2], 0) end
end

local NO_ATTEMPT = 'no attempt is left: the process ended in the last one, or maxAttempts was lowered'

-- Gives a message to a worker, and tells it with `result`. Returns its text in `active`.
local function take(q, m, attempt, worker, run, result)
  local token, last = new_token(), #result
  result[last + 1], result[last + 2], result[last + 3] = m.id, token, attempt
  records[#records + 1] = m.record
  if attempt == 1 then observe(q, 'wait', now - max(m.deliver, wall(m.id))) end
  event(q, 1, m.id, attempt)
  return format('%s %d %.0f %d %d %d %d %d %d ', token, attempt, now, m.size, m.priority, run > 0 and 1 or 0,
    #worker, #m.key, #m.requester) .. worker .. m.key .. m.requester
end

-- queue, worker, how many, how few, ms that a handler may run (0: any). Answer: how many wait, then id, token, attempt of each; the
-- records are told beside it. With fewer than wanted, this instance is woken when there are more.
ops.fetch = { 5, function(name, worker, want, least, run)
  local q = need(name)
  -- It was taken for lost, and is not told yet: nobody would take from it what it got now.
  if not call('ZSCORE', P .. ':workers', worker .. ':' .. name) then return { 0 } end
  want, least, run = tonumber(want), tonumber(least), tonumber(run)
  local o, result = q.o, { 0 }
  local free = want
  if o.paused == 1 then free = 0 end
  if free > 0 and o.concurrency then free = min(free, o.concurrency - call('HLEN', q.active)) end
  if free > 0 and o.ratePer then
    local left, again = allowed(q.rate, o.rateMax, o.ratePer)
    if left <= 0 then alarm(q, again) end
    free = min(free, left)
  end
  local waiting = call('ZCARD', q.ready)
  result[1] = waiting
  local given = 0
  if waiting < least and not o.byInterest then free = 0 end
  while given < free do
    local popped = call('ZPOPMIN', q.ready, free - given)
    if #popped == 0 then break end
    local ids, entries, runs = {}, {}, {}
    for n = 1, #popped, 2 do ids[#ids + 1] = popped[n] end
    local found = call('HMGET', q.messages, unpack(ids))
    local tries = call('HMGET', q.attempts, unpack(ids))
    for n, id in ipairs(ids) do
      local m, attempt = found[n] and parse(id, found[n]), tonumber(tries[n] or 0) + 1
      local left, again = 1, 0
      if m and m.key ~= '' and o.keyRatePer then left, again = allowed(q.rate .. '|' .. m.key, o.keyRateMax, o.keyRatePer) end
      if not m then
        quarantine(q, id, found[n])
      elseif attempt == 1 and m.expires > 0 and m.expires <= now then
        expire(q, m, true)
      elseif attempt > o.maxAttempts then
        die(q, m, attempt - 1, NO_ATTEMPT, true)
      elseif left <= 0 then
        make_delayed(q, m, again, true)
      else
        if m.key ~= '' and o.keyRatePer then used(q.rate .. '|' .. m.key, o.keyRatePer, 1) end
        if m.expires > 0 then call('ZREM', q.expiries, id) end
        entries[#entries + 1] = id
        entries[#entries + 1] = take(q, m, attempt, worker, run, result)
        if run > 0 then
          runs[#runs + 1] = now + run
          runs[#runs + 1] = id
        end
        given = given + 1
      end
    end
    if #entries > 0 then call('HSET', q.active, unpack(entries)) end
    if #runs > 0 then
      call('ZADD', q.runs, unpack(runs))
      alarm(q, now + run)
    end
  end
  if o.byInterest then given = given + (keyed or make_keyed()).fetch(q, worker, free - given, run, result) end
  if given > 0 then
    bump(q, 'delivered', given)
    if o.ratePer then used(q.rate, o.ratePer, given) end
  end
  if given < want then call('SADD', q.hungry, inst) elseif waiting > given then q.touched = true end
  return result
end }

-- queue, id, token, result.
ops.ack = { 4, function(name, id, token, result)
  local q = need(name)
  local a = lease(q, id, token)
  end_lease(q, id, a)
  call('HDEL', q.messages, id)
  call('ZREM', q.ids, id)
  if a.attempt > 1 then
    call('HDEL', q.attempts, id)
    call('HDEL', q.errors, id)
  end
  q.bytes = q.bytes - a.size
  q.emptied, q.freed = true, true
  reply(a.requester, id, 1, result)
  local by = by_interest(q, a.key)
  if by then by.count(q, a.key, -1) else release_key(q, a.key) end
  bump(q, 'completed', 1)
  observe(q, 'run', now - a.since)
  event(q, 2, id, result)
  return ''
end }

-- queue, id, token, error, delay (empty: the queue's backoff), whether it is dead.
ops.nack = { 6, function(name, id, token, text, delay, dead)
  local q = need(name)
  fail(q, id, lease(q, id, token), text, tonumber(delay), dead == '1')
  return ''
end }

ops.release = { 3, function(name, id, token)
  local q = need(name)
  give_back(q, id, lease(q, id, token))
  return ''
end }

-- queue, id, token, ms from now. Answer: when maxRunTime ends it, or empty.
ops.extend = { 4, function(name, id, token, millis)
  local q = need(name)
  if not lease(q, id, token).run then return '' end
  local till = max(now + tonumber(millis), tonumber(call('ZSCORE', q.runs, id) or 0))
  call('ZADD', q.runs, till, id)
  return format('%.0f', till)
end }

-- queue, id, token, data.
ops.progress = { 4, function(name, id, token, data)
  local q = need(name)
  local a = lease(q, id, token)
  if a.requester ~= '' then push(a.requester, frame('P', id, data)) end
  event(q, 8, id, data)
  return ''
end }

-- A worker begins, or is alive: queue, worker, ms until it is taken for lost. Answer: 1 if it was not known.
ops.alive = { 3, function(name, worker, timeout)
  need(name)
  firsts[':workers'] = nil
  return call('ZADD', P .. ':workers', now + tonumber(timeout), worker .. ':' .. name)
end }

-- A worker ends, and what it holds goes back; with `lost` it counts as failed. queue, worker, lost, whether no other of the instance is left.
ops.close = { 4, function(name, worker, lost, last)
  local q = need(name)
  firsts[':workers'] = nil
  call('ZREM', P .. ':workers', worker .. ':' .. name)
  if q.o.byInterest then (keyed or make_keyed()).ended(q, worker) end
  if last == '1' then call('SREM', q.hungry, inst) end
  for _, one in ipairs(holdings(q, worker)) do
    if lost == '1' then lapse(q, one[1], one[2], 0) else give_back(q, one[1], one[2]) end
  end
  q.touched = true
  return ''
end }

-- What this instance was told may have been lost, or what it did: queue, worker, the tokens that it has, and those that this instance settles
-- later in the batch or soon. Answer: those that are not there. What else it holds goes back.
ops.holds = { 3, function(name, worker, tokens)
  local q = need(name)
  local gone, known = {}, {}
  for token in string.gmatch(tokens, '%d+') do known[token] = true end
  for _, one in ipairs(holdings(q, worker)) do
    if known[one[2].token] then known[one[2].token] = nil else give_back(q, one[1], one[2]) end
  end
  for token in pairs(known) do gone[#gone + 1] = token end
  q.touched = true
  return gone
end }

-- queue, worker, key, 1 if it takes the messages of that key, 2 if it says so again, 0 if it does not.
ops.interest = { 4, function(...)
  return (keyed or make_keyed()).interest(...)
end }

-- Somebody else should look at the queue: this instance was woken, and has nobody.
ops.pass = { 1, function(name)
  need(name).touched = true
  return ''
end }
