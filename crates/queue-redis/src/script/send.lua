-- Sending: deduplication, limits, the dedup window.

local function seen(q, dedup)
  local till = call('ZSCORE', q.dedup, dedup)
  if till and tonumber(till) > now then return call('HGET', q.deduped, dedup) end
end

local function forget_dedup(q, dedup)
  call('ZREM', q.dedup, dedup)
  call('HDEL', q.deduped, dedup)
end

local function remember(q, dedup, id)
  if q.o.dedupMax == 0 or q.o.dedupWindow == 0 then return end
  call('ZADD', q.dedup, now + q.o.dedupWindow, dedup)
  call('HSET', q.deduped, dedup, id)
  alarm(q, now + q.o.dedupWindow)
  if call('ZCARD', q.dedup) > q.o.dedupMax then
    for _, oldest in ipairs(call('ZRANGE', q.dedup, 0, 9)) do
      if call('ZCARD', q.dedup) <= q.o.dedupMax then break end
      forget_dedup(q, oldest)
    end
  end
end

local function is_full(q, size)
  local o = q.o
  return (o.maxLength and call('HLEN', q.messages) >= o.maxLength) or (o.maxBytes and o.bytes + q.bytes + size > o.maxBytes)
end

-- The oldest messages that no consumer holds make room.
local function make_room(q, size)
  local after = '-'
  while is_full(q, size) do
    local ids = call('ZRANGE', q.ids, after, '+', 'BYLEX', 'LIMIT', 0, 50)
    if #ids == 0 then return false end
    for _, id in ipairs(ids) do
      local m = message(q, id)
      local was, holds
      if m then was, holds = detach(q, m) end
      if was then
        reply(m.requester, id, 0, 'it made room for a newer one')
        remove(q, m, holds)
        bump(q, 'dropped', 1)
        event(q, 6, id)
        if not is_full(q, size) then break end
      end
      after = '(' .. id
    end
  end
  return true
end

local function unwait(q, count)
  if call('HINCRBY', q.waiting, inst, -count) <= 0 then call('HDEL', q.waiting, inst) end
  q.emptied = true
end

-- Stores a message. `tail` is its record from the priority on; what is needed of that here is told beside it.
local function store(q, kind, due, ttl, dedup, tail, priority, key, size)
  local id = new_id()
  local deliver = 0
  if kind == 1 and due > 0 then deliver = now + due elseif kind == 2 and due > now then deliver = due end
  local expires = 0
  if ttl == 0 then ttl = q.o.ttl or 0 end
  if ttl > 0 then expires = now + ttl end
  local head = '1 0 0 '
  if deliver > 0 or expires > 0 then head = format('1 %.0f %.0f ', deliver, expires) end
  local m = { id = id, record = head .. tail, deliver = deliver, expires = expires, priority = priority, key = key, size = size }
  add(q, m)
  if dedup ~= '' then remember(q, dedup, id) end
  bump(q, 'sent', 1)
  event(q, 0, id)
  return id
end

-- queue, when (0 at once, 1 after, 2 at) and that time, ttl, size, priority and whether it waited before as one text, dedup id, key, record.
-- Answer: the id; `D` and the id of an earlier one; `W`: it has to wait for room.
ops.send = { 5, function(name, numbers, dedup, key, tail)
  local q = need(name)
  local kind, due, ttl, size, priority, again = match(numbers, '^(%d+) (%d+) (%d+) (%d+) (%d+) ([01])$')
  size = tonumber(size)
  local most = min(q.o.maxMessageBytes, q.o.maxBytes or math.huge)
  if size > most then return '!LARGE ' .. size .. ' ' .. most end
  if dedup ~= '' then
    local id = seen(q, dedup)
    if id then
      bump(q, 'duplicates', 1)
      if again == '1' then unwait(q, 1) end
      return 'D' .. id
    end
  end
  if q.o.keyMaxLength and key ~= '' and not by_interest(q, key).has_room(q, key) then
    bump(q, 'rejected', 1)
    return '!FULL'
  end
  if is_full(q, size + 20) then
    if q.o.overflow == 'wait' then
      if again == '0' then call('HINCRBY', q.waiting, inst, 1) end
      return 'W'
    end
    if q.o.overflow ~= 'dropOldest' or not make_room(q, size + 20) then
      bump(q, 'rejected', 1)
      if again == '1' then unwait(q, 1) end
      return '!FULL'
    end
  end
  if again == '1' then unwait(q, 1) end
  return store(q, tonumber(kind), tonumber(due), tonumber(ttl), dedup, tail, tonumber(priority), key, size + 20)
end }

-- How many senders wait, whatever was counted: queue, how many.
ops.waits = { 2, function(name, count)
  local q = need(name)
  if count == '0' then call('HDEL', q.waiting, inst) else call('HSET', q.waiting, inst, count) end
  q.emptied = true
  return ''
end }

-- A sender waits no more: queue, how many.
ops.unwait = { 2, function(name, count)
  unwait(need(name), tonumber(count))
  return ''
end }
