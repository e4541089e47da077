-- What only looks.

local function state_of(q, id)
  if call('ZSCORE', q.ready, id) then return 'ready' end
  if call('HEXISTS', q.active, id) == 1 then return 'active' end
  local due = call('ZSCORE', q.delayed, id)
  if due then return 'delayed', due end
  return 'blocked'
end

-- id, state and when it is due, attempts, errors, record.
local function info(q, id, into, state, due)
  local record = call('HGET', q.messages, id)
  if not record or not parse(id, record) then return end
  local attempts = call('HGET', q.attempts, id) or '0'
  if state == 'active' then
    local a = held(q, id)
    if a then attempts = a.attempt end
  end
  local last = #into
  into[last + 1], into[last + 2], into[last + 3] = id, due and state .. ' ' .. due or state, tostring(attempts)
  into[last + 4], into[last + 5] = call('HGET', q.errors, id) or '', record
end

ops.peek = { 2, function(name, most)
  local q = need(name)
  local found = {}
  for _, id in ipairs(call('ZRANGE', q.ready, 0, tonumber(most) - 1)) do info(q, id, found, 'ready') end
  return found
end }

-- queue, state (empty: any), after which id, how many. Answer: after which to go on (empty: the end), then as `info`.
ops.list = { 4, function(name, state, after, most)
  local q = need(name)
  most = tonumber(most)
  local found, looked = { '' }, 5000
  local ids = call('ZRANGE', q.ids, after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', 0, looked)
  for n, id in ipairs(ids) do
    local is, due = state_of(q, id)
    if state == '' or is == state then info(q, id, found, is, due) end
    if #found >= 1 + 5 * most or n == looked then
      if n < #ids or n == looked then found[1] = id end
      break
    end
  end
  return found
end }

ops.get = { 2, function(name, id)
  local q = need(name)
  if not message(q, id) then error('!NOMESSAGE', 0) end
  local found = {}
  info(q, id, found, state_of(q, id))
  return found
end }

-- ready, delayed, active, all, bytes, waiting sends, keys, workers, paused, oldest ready (empty: none), then the counters.
ops.stats = { 1, function(name)
  local q = need(name)
  local waiting = 0
  for _, count in ipairs(call('HVALS', q.waiting)) do waiting = waiting + tonumber(count) end
  local oldest, from = nil, '-inf'
  repeat
    local first = call('ZRANGE', q.ready, from, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    if first[1] then
      if not oldest or first[1] < oldest then oldest = first[1] end
      from = (floor(tonumber(first[2]) / STEP) + 1) * STEP
    end
  until not first[1]
  local found = { call('ZCARD', q.ready), call('ZCARD', q.delayed), call('HLEN', q.active), call('HLEN', q.messages), q.o.bytes + q.bytes,
    waiting, call('HLEN', q.o.byInterest and q.keys or q.held), count_workers(q), q.o.paused, oldest and now - wall(oldest) or '' }
  for _, value in ipairs(call('HGETALL', q.stats)) do found[#found + 1] = value end
  return found
end }

ops.options = { 1, function(name)
  return call('HGETALL', need(name).queue)
end }

ops.store = { 0, function()
  return call('INFO', 'memory')
end }

ops.names = { 0, function()
  return call('SMEMBERS', P .. ':queues')
end }

-- name, next time (empty: none), state, record of each.
ops.schedules = { 1, function(name)
  local q = need(name)
  local found = {}
  local all = call('HGETALL', q.schedules)
  for n = 1, #all, 2 do
    local last = #found
    found[last + 1] = all[n]
    found[last + 2] = call('ZSCORE', P .. ':schedules', name .. '|' .. all[n]) or ''
    found[last + 3] = all[n + 1]
    found[last + 4] = call('HGET', q.templates, all[n]) or ''
  end
  return found
end }
