-- Where a message is: its record, its place, its hold on its key.
--
-- A message is in `ready`, `delayed`, `active`, or in the `blocked` set of its key. `held` counts, for each key, those that others wait
-- for; a delayed one that is among them is in `stalled`.

-- A record: `1 deliverAt expiresAt priority content`, five lengths, then key, origin, schedule, requester, headers, payload.
local HEAD = '^1 (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ()'

local function parse(id, record)
  local deliver, expires, priority, content, k, o, s, r, h, at = match(record, HEAD)
  if not at then return nil end
  k, o, s, r, h = tonumber(k), tonumber(o), tonumber(s), tonumber(r), tonumber(h)
  local rest = at + k + o + s + r
  if rest + h - 1 > #record then return nil end
  local m = { id = id, record = record, deliver = tonumber(deliver), expires = tonumber(expires), priority = tonumber(priority),
    content = content, headers = h, at = at, rest = rest, key = '', origin = '', schedule = '', requester = '' }
  if k > 0 then m.key = sub(record, at, at + k - 1) end
  at = at + k
  if o > 0 then m.origin = sub(record, at, at + o - 1) end
  at = at + o
  if s > 0 then m.schedule = sub(record, at, at + s - 1) end
  at = at + s
  if r > 0 then m.requester = sub(record, at, at + r - 1) end
  m.size = #record - rest + 1 + k + 20
  return m
end

-- The record with what has been changed in `m`.
local function write(m)
  return table.concat({ '1 ', format('%.0f %.0f ', m.deliver, m.expires), m.priority, ' ', m.content, ' ', #m.key, ' ', #m.origin, ' ',
    #m.schedule, ' ', #m.requester, ' ', m.headers, ' ', m.key, m.origin, m.schedule, m.requester, sub(m.record, m.rest) })
end

-- What a queue by interest does otherwise: see interest.lua.
local keyed, make_keyed

local function by_interest(q, key)
  if q.o.byInterest and key ~= '' then return keyed or make_keyed() end
end

local function message(q, id)
  local record = call('HGET', q.messages, id)
  return record and parse(id, record)
end

local function place(q, m, first)
  local n
  if first then
    q.head = q.head - 1
    n = q.head
  else
    n = q.tail
    q.tail = q.tail + 1
  end
  return (255 - m.priority) * STEP + MIDDLE + n
end

-- Puts a message that is nowhere among those that wait; behind an earlier one of its key, if there is one.
local function make_ready(q, m, first, holds)
  local by = by_interest(q, m.key)
  if by then return by.wait(q, m, first) end
  if m.key ~= '' and not holds then
    local held = tonumber(call('HGET', q.held, m.key) or 0)
    if held >= q.o.keyConcurrency then
      -- In the order of sending, whatever its priority.
      local n = first and q.head - 1 or q.tail
      if first then q.head = n else q.tail = n + 1 end
      call('ZADD', q.blocked .. '|' .. m.key, n, m.id)
      return
    end
    call('HINCRBY', q.held, m.key, 1)
  end
  call('ZADD', q.ready, place(q, m, first), m.id)
  q.touched = true
end

local function make_delayed(q, m, at, holds)
  call('ZADD', q.delayed, at, m.id)
  if holds and m.key ~= '' then
    call('SADD', q.stalled, m.id)
    local by = by_interest(q, m.key)
    if by then by.stall(q, m.key, 1) end
  end
  alarm(q, at)
end

-- Lets the others of a key go on.
local function release_key(q, key)
  if key == '' or q.o.byInterest then return end
  local held = call('HINCRBY', q.held, key, -1)
  while held < q.o.keyConcurrency do
    local popped = call('ZPOPMIN', q.blocked .. '|' .. key)
    if #popped == 0 then break end
    local m = message(q, popped[1])
    if m then
      make_ready(q, m, false, false)
      held = held + 1
    end
  end
  if held <= 0 then call('HDEL', q.held, key) end
end

-- Takes a waiting message out of its place. Returns where it was, and whether it holds its key.
local function detach(q, m)
  if call('ZREM', q.ready, m.id) == 1 then return 'ready', true end
  local by = by_interest(q, m.key)
  if call('ZREM', q.delayed, m.id) == 1 then
    local holds = m.key ~= '' and call('SREM', q.stalled, m.id) == 1
    if by and holds then by.stall(q, m.key, -1) end
    return 'delayed', holds
  end
  if by then return by.detach(q, m) and 'blocked' or nil, false end
  if m.key ~= '' and call('ZREM', q.blocked .. '|' .. m.key, m.id) == 1 then return 'blocked', false end
  return nil, false
end

-- Forgets a message that is nowhere; its key has been let go of.
local function forget(q, id, size, key)
  call('HDEL', q.messages, id)
  call('ZREM', q.ids, id)
  call('HDEL', q.attempts, id)
  call('HDEL', q.errors, id)
  call('ZREM', q.expiries, id)
  q.bytes = q.bytes - size
  q.emptied, q.freed = true, true
  local by = by_interest(q, key)
  if by then by.count(q, key, -1) end
end

local function remove(q, m, holds)
  forget(q, m.id, m.size, m.key)
  if holds then release_key(q, m.key) end
end

-- A record that cannot be read is set aside.
local function quarantine(q, id, record)
  if record then call('HSET', q.quarantine, id, record) end
  forget(q, id, 0, '')
  bump(q, 'quarantined', 1)
  event(q, 10, id)
end

-- Adds a message that is nowhere to a queue.
local function add(q, m, attempts)
  call('HSET', q.messages, m.id, m.record)
  call('ZADD', q.ids, 0, m.id)
  if m.expires > 0 then
    call('ZADD', q.expiries, m.expires, m.id)
    alarm(q, m.expires)
  end
  q.bytes = q.bytes + m.size
  local by = by_interest(q, m.key)
  if by then by.count(q, m.key, 1) end
  if m.deliver > now then
    make_delayed(q, m, m.deliver, false)
  else
    make_ready(q, m, false, false)
  end
end

-- Moves a message that is nowhere any more to another queue, where it begins anew.
local function transfer(from, to, m, delayed, dead)
  local errors = dead and call('HGET', from.errors, m.id)
  forget(from, m.id, m.size, m.key)
  m.origin = dead and from.name or ''
  if dead then m.requester = '' end
  if not delayed then m.deliver = 0 end
  m.expires, m.schedule = 0, ''
  m = parse(m.id, write(m))
  add(to, m)
  if errors then call('HSET', to.errors, m.id, errors) end
end

-- A failed attempt is written down, with those before it: the first says how it began, the latest how it goes.
local function note(q, id, attempt, text)
  local known, list = pcall(cjson.decode, call('HGET', q.errors, id) or '[]')
  if not known or type(list) ~= 'table' then list = {} end
  if #list >= 16 then table.remove(list, 2) end
  list[#list + 1] = { attempt, now, text }
  call('HSET', q.errors, id, cjson.encode(list))
end

-- A message that is nowhere will not be delivered any more.
local function die(q, m, attempt, text, holds)
  local target
  if q.o.deadLetter and q.o.deadLetter ~= q.name then target = find(q.o.deadLetter) or make(q.o.deadLetter) end
  reply(m.requester, m.id, 0, text)
  if target then
    note(q, m.id, attempt, text)
    transfer(q, target, m, false, true)
  else
    forget(q, m.id, m.size, m.key)
  end
  if holds then release_key(q, m.key) end
  bump(q, 'dead', 1)
  event(q, 4, m.id, attempt, text, target and target.name or '')
end

-- A message that is nowhere was not delivered in time.
local function expire(q, m, holds)
  bump(q, 'expired', 1)
  event(q, 5, m.id)
  if q.o.deadLetterExpired == '1' and q.o.deadLetter then
    die(q, m, tonumber(call('HGET', q.attempts, m.id) or 0), 'it expired before it was delivered', holds)
  else
    reply(m.requester, m.id, 0, 'it expired before it was delivered')
    remove(q, m, holds)
  end
end

local function is_empty(q)
  if call('HLEN', q.messages) > 0 then return false end
  for _, count in ipairs(call('HVALS', q.waiting)) do
    if tonumber(count) > 0 then return false end
  end
  return true
end
