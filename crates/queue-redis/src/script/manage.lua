-- Queues as a whole, and single messages by command.

local KINDS = { queue = 'hash', messages = 'hash', ids = 'zset', ready = 'zset', delayed = 'zset', active = 'hash', held = 'hash',
  stalled = 'set', attempts = 'hash', errors = 'hash', expiries = 'zset', runs = 'zset', dedup = 'zset', deduped = 'hash', stats = 'hash',
  keys = 'hash', interest = 'hash', waiting = 'hash', hungry = 'set', listeners = 'hash', quarantine = 'hash', schedules = 'hash', templates = 'hash' }

local function count_workers(q)
  local workers = 0
  for _, worker in ipairs(call('ZRANGE', P .. ':workers', 0, -1)) do
    if match(worker, '^[^:]*:[^:]*:(.*)$') == q.name then workers = workers + 1 end
  end
  return workers
end

-- name, 0 or the number of options, then pairs of field and value.
function declare(name, options)
  for kind, expected in pairs(KINDS) do
    local found = call('TYPE', P .. ':' .. kind .. ':' .. name).ok
    if found ~= 'none' and found ~= expected then
      error('!CORRUPT ' .. P .. ':' .. kind .. ':' .. name .. ' is a ' .. found .. ', not a ' .. expected, 0)
    end
  end
  local q = find(name) or make(name)
  if #options > 0 then
    local wants_interest = false
    for n = 1, #options, 2 do
      if options[n] == 'byInterest' then wants_interest = options[n + 1] ~= '' end
    end
    if wants_interest ~= (q.o.byInterest ~= nil) and (call('HLEN', q.messages) > 0 or count_workers(q) > 0) then
      error('!OPTION a queue is by interest from its beginning, or becomes so without messages and workers', 0)
    end
    call('HSET', q.queue, unpack(options))
    -- What this call has changed so far is kept.
    local before = q
    queues[name] = nil
    q = find(name)
    for _, field in ipairs({ 'counts', 'events', 'emptied', 'freed', 'alarm', 'head', 'tail', 'bytes' }) do q[field] = before[field] end
    if before.o.byInterest and q.o.byInterest then q.states, q.lists, q.called, q.living = before.states, before.lists, before.called, before.living end
    q.touched, q.freed = true, true
  end
  return ''
end

-- Which events this instance wants to hear of: those of crates/queue/src/event.rs, and bit 14: that there is room.
ops.listen = { 2, function(name, mask)
  local q = need(name)
  if mask == '0' then
    call('HDEL', q.listeners, inst)
  else
    call('HSET', q.listeners, inst, mask)
    call('SADD', I .. ':queues', name)
  end
  local all = 0
  for _, one in ipairs(call('HVALS', q.listeners)) do all = bit.bor(all, tonumber(one)) end
  q.o.mask = all
  call('HSET', q.queue, 'mask', all)
  return ''
end }

ops.pause = { 2, function(name, paused)
  local q = need(name)
  paused = tonumber(paused)
  if q.o.paused ~= paused then
    call('HSET', q.queue, 'paused', paused)
    q.o.paused, q.touched = paused, true
    event(q, paused == 1 and 11 or 12, '0')
  end
  return ''
end }

-- Whether the queue is empty: 1 or 0.
ops.empty = { 1, function(name)
  return is_empty(need(name)) and 1 or 0
end }

-- A message by its id, and where it is; held ones are refused with `held_too` unset.
local function find_message(q, id)
  local m = message(q, id)
  if not m then error('!NOMESSAGE', 0) end
  if call('HEXISTS', q.active, id) == 1 then error('!HELD', 0) end
  return m
end

-- A slice of a purge: queue, the newest, after which, how many are looked at. Answer: how many, and after which to go on (empty: the end).
ops.purge = { 4, function(name, newest, after, most)
  local q = need(name)
  if newest == '' then newest = (call('ZRANGE', q.ids, -1, -1))[1] or '' end
  if newest == '' then return { 0, '', '' } end
  local ids = call('ZRANGE', q.ids, after == '' and '-' or '(' .. after, '[' .. newest, 'BYLEX', 'LIMIT', 0, tonumber(most))
  local count = 0
  for _, id in ipairs(ids) do
    if call('HEXISTS', q.active, id) == 0 then
      local m = message(q, id)
      if m then
        local _, holds = detach(q, m)
        reply(m.requester, id, 0, 'the queue was purged')
        remove(q, m, holds)
        event(q, 9, id)
        count = count + 1
      else
        quarantine(q, id, call('HGET', q.messages, id))
      end
    end
  end
  return { count, #ids == tonumber(most) and ids[#ids] or '', newest }
end }

-- Moves a message on: to `to`, or with that empty back to where it died. Returns whether it did.
local function forward(q, m, to)
  if to == '' then to = m.origin end
  if to == '' or to == q.name then return false end
  local target = find(to)
  if not target then return false end
  local due = call('ZSCORE', q.delayed, m.id)
  if due then m.deliver = tonumber(due) end
  local was, holds = detach(q, m)
  local attempts = tonumber(call('HGET', q.attempts, m.id) or 0)
  transfer(q, target, m, was == 'delayed' and attempts == 0, false)
  if holds then release_key(q, m.key) end
  return true
end

-- A slice of a move: queue, to (empty: back), how many at most, how many in line are still to be looked at (empty: at the beginning), after
-- which delayed one to go on. Answer: how many, how many are left in line, after which, whether it is the end.
ops.sweep = { 5, function(name, to, most, line, after)
  local q = need(name)
  if to ~= '' then need(to) end
  local count, looked = 0, 0
  most = tonumber(most)
  if line == '' then
    line = call('HLEN', q.messages) - call('ZCARD', q.delayed) - call('HLEN', q.active)
  else
    line = tonumber(line)
  end
  while line > 0 and count < most and looked < MOST do
    local id = (call('ZRANGE', q.ready, 0, 0))[1]
    if not id then
      line = 0
      break
    end
    line, looked = line - 1, looked + 1
    local m = message(q, id)
    if not m then
      call('ZREM', q.ready, id)
      quarantine(q, id, call('HGET', q.messages, id))
    elseif forward(q, m, to) then
      count = count + 1
    else
      -- It cannot go back: it stays, behind the others.
      call('ZADD', q.ready, place(q, m, false), id)
    end
  end
  if line > 0 and count < most then return { count, line, after, 0 } end
  local last = 1
  if count < most then
    local ids = call('ZRANGE', q.ids, after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', 0, MOST)
    for _, id in ipairs(ids) do
      if count >= most then break end
      after = id
      local m = (q.o.byInterest or call('ZSCORE', q.delayed, id)) and message(q, id)
      if m and (call('ZSCORE', q.delayed, id) or (by_interest(q, m.key) and call('ZSCORE', q.blocked .. '|' .. m.key, id))) then
        if forward(q, m, to) then count = count + 1 end
      end
    end
    if #ids == MOST and count < most then last = 0 end
  end
  return { count, line, after, last }
end }

ops.remove = { 3, function(name, id, detail)
  local q = need(name)
  local m = find_message(q, id)
  local _, holds = detach(q, m)
  if detail ~= '' then reply(m.requester, id, 0, detail) end
  remove(q, m, holds)
  event(q, 9, id)
  return ''
end }

-- Changes when a waiting message is due: queue, id, kind and time as in `send`.
ops.reschedule = { 4, function(name, id, kind, due)
  local q = need(name)
  local m = find_message(q, id)
  kind, due = tonumber(kind), tonumber(due)
  local at = kind == 1 and due > 0 and now + due or kind == 2 and due > now and due or 0
  -- Promoted: it stays as it was, unless it was delayed.
  if kind == 0 and not call('ZSCORE', q.delayed, id) then return '' end
  local by = by_interest(q, m.key)
  local retried = by and by.is_retry(q, m)
  local was, holds = detach(q, m)
  if was == 'delayed' and holds then
    if at > 0 then make_delayed(q, m, at, true) else make_ready(q, m, true, true) end
    return ''
  end
  m.deliver = at
  m = parse(id, write(m))
  call('HSET', q.messages, id, m.record)
  -- One that is retried keeps its place in the order of its key; another one enters it when it is due.
  retried = retried or holds and m.key ~= '' and call('HEXISTS', q.attempts, id) == 1
  if at > 0 and retried then
    make_delayed(q, m, at, true)
  elseif at > 0 then
    make_delayed(q, m, at, false)
    if holds then release_key(q, m.key) end
  else
    make_ready(q, m, retried, holds)
  end
  return ''
end }

ops.move = { 3, function(name, id, to)
  local q = need(name)
  need(to)
  forward(q, find_message(q, id), to)
  return ''
end }

ops.redrive = { 2, function(name, id)
  local q = need(name)
  local m = find_message(q, id)
  if m.origin == '' then error('!OPTION message ' .. id .. ' has not died in another queue', 0) end
  if not find(m.origin) then error('!NOQUEUE ' .. m.origin, 0) end
  if not forward(q, m, '') then error('!OPTION message ' .. id .. ' has not died in another queue', 0) end
  return ''
end }
