-- A call: what the clock demands, the commands, and what follows from them.

local function due(key, most)
  return call('ZRANGE', key, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
end

local function forget_instance(other)
  call('ZREM', P .. ':instances', other)
  local key = P .. ':instance:' .. other
  for _, name in ipairs(call('SMEMBERS', key .. ':queues')) do
    local q = find(name)
    if q then
      call('HDEL', q.listeners, other)
      call('HDEL', q.waiting, other)
      call('SREM', q.hungry, other)
      local all = 0
      for _, one in ipairs(call('HVALS', q.listeners)) do all = bit.bor(all, tonumber(one)) end
      q.o.mask = all
      call('HSET', q.queue, 'mask', all)
      q.emptied = true
    end
  end
  -- Its last answer stays for a while: it may come back with the same batch.
  call('DEL', key .. ':queues')
end

-- A sign of life of this instance; those that give none are forgotten. Answer: 1 if it was not known.
ops.beat = { 0, function()
  timetable = true
  call('PEXPIRE', I, LIFE)
  call('PEXPIRE', I .. ':queues', LIFE)
  local unknown = call('ZADD', P .. ':instances', now + 60000, inst)
  for _, other in ipairs(due(P .. ':instances', 10)) do forget_instance(other) end
  return unknown
end }

-- The end of this instance; its workers have ended before.
ops.bye = { 0, function()
  forget_instance(inst)
  call('DEL', P .. ':inbox:' .. inst, I)
  brief = true
  return ''
end }

-- Replies that others have left: how many of them were taken before. Answer: those there are.
ops.inbox = { 1, function(taken)
  local inbox = P .. ':inbox:' .. inst
  if taken ~= '0' then call('LTRIM', inbox, tonumber(taken), -1) end
  return call('LRANGE', inbox, 0, 499)
end }

-- What this instance did last is lost. The greatest token that it knows of: those that follow are greater.
ops.behind = { 1, function(token)
  local m = numbers()
  m.token = max(m.token, tonumber(token))
  return ''
end }

local function run_queue(q)
  for _, id in ipairs(due(q.expiries, MOST)) do
    call('ZREM', q.expiries, id)
    local m = message(q, id)
    if m then
      local was, holds = detach(q, m)
      if was then expire(q, m, holds) end
    end
  end
  for _, id in ipairs(due(q.runs, MOST)) do
    local a = held(q, id)
    if a then lapse(q, id, a, 1) end
    call('ZREM', q.runs, id)
  end
  for _, id in ipairs(due(q.delayed, MOST)) do
    call('ZREM', q.delayed, id)
    local m = message(q, id)
    if m then
      local holds = m.key ~= '' and call('SREM', q.stalled, id) == 1
      local by = by_interest(q, m.key)
      if by and holds then by.stall(q, m.key, -1) end
      make_ready(q, m, holds, holds)
    else
      quarantine(q, id, call('HGET', q.messages, id))
    end
  end
  for _, dedup in ipairs(due(q.dedup, MOST)) do forget_dedup(q, dedup) end
  if q.o.byInterest then (keyed or make_keyed()).sweep(q) end
  -- What is next, also if it was not looked at now.
  for _, key in ipairs({ q.expiries, q.runs, q.delayed, q.dedup }) do
    local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then alarm(q, tonumber(first[2])) end
  end
  q.touched = true
end

-- What is wrong with one queue does not stop the others.
local function guarded(run, q)
  local done, problem = pcall(run, q)
  if done then return end
  if type(problem) == 'table' then problem = problem.err end
  push(inst, frame('X', q.name, problem or ''))
end

-- Those of a set whose time has come, one by one as they leave it.
local function each_due(set)
  if first_of(set) > now then return next, {} end
  firsts[set] = nil
  local found, n = due(P .. set, 10), 0
  return function()
    n = n + 1
    if found[n] then call('ZREM', P .. set, found[n]) end
    return found[n]
  end
end

local function clock()
  for worker in each_due(':workers') do
    local uid, name = match(worker, '^([^:]*:[^:]*):(.*)$')
    local q = uid and find(name)
    if q then guarded(function() lose(name, uid) end, q) end
  end
  for name in each_due(':timers') do
    local q = find(name)
    if q then guarded(run_queue, q) end
  end
end

local function wake(q)
  if not q.touched or q.o.paused == 1 or call('EXISTS', q.hungry) == 0 then return end
  local waiting = call('ZCARD', q.ready)
  if waiting == 0 or (q.o.concurrency and call('HLEN', q.active) >= q.o.concurrency) then return end
  repeat
    local one = call('SPOP', q.hungry)
    if not one then return end
    if one == inst then
      push(inst, frame('W', q.name))
      waiting = waiting - 1
    else
      local what = frame('W', q.name)
      -- One that is gone hears nothing.
      if call('PUBLISH', P .. ':instance:' .. one, #what .. ':' .. what) > 0 then waiting = waiting - 1 end
    end
  until waiting <= 0
end

local function tell(q)
  if q.emptied and has(q.o.mask, 13) and is_empty(q) then event(q, 13, '0') end
  local room = q.freed and has(q.o.mask, 14)
  if #q.events == 0 and not room then return end
  local listeners = call('HGETALL', q.listeners)
  for n = 1, #listeners, 2 do
    local mask = tonumber(listeners[n + 1])
    for _, one in ipairs(q.events) do
      if has(mask, one[1]) then push(listeners[n], one[2]) end
    end
    if room and has(mask, 14) then push(listeners[n], frame('O', q.name)) end
  end
end

local function add_up(q)
  local fields, values = {}, {}
  for field, n in pairs(q.counts) do
    if n ~= 0 then
      fields[#fields + 1] = field
      values[#values + 1] = n
    end
  end
  if #fields == 1 then
    call('HINCRBY', q.stats, fields[1], values[1])
  elseif #fields > 1 then
    local known, changes = call('HMGET', q.stats, unpack(fields)), {}
    for n, field in ipairs(fields) do
      changes[2 * n - 1], changes[2 * n] = field, tonumber(known[n] or 0) + values[n]
    end
    call('HSET', q.stats, unpack(changes))
  end
end

local function finish(q)
  wake(q)
  if q.o.byInterest then (keyed or make_keyed()).finish(q) end
  tell(q)
  local o, changes = q.o, {}
  if q.head ~= o.head then changes[1], changes[2] = 'head', q.head end
  if q.tail ~= o.tail then
    changes[#changes + 1] = 'tail'
    changes[#changes + 1] = q.tail
  end
  if q.bytes ~= 0 then
    changes[#changes + 1] = 'bytes'
    changes[#changes + 1] = o.bytes + q.bytes
  end
  if #changes > 0 then call('HSET', q.queue, unpack(changes)) end
  add_up(q)
  if q.alarm then
    call('ZADD', P .. ':timers', 'LT', q.alarm, q.name)
    firsts[':timers'] = nil
  end
end

-- `false`: nothing new of schedules.
local function answer(results, delivered)
  local next = min(first_of(':timers'), first_of(':workers'))
  local schedule = timetable and first_of(':schedules')
  if next == math.huge then next = 0 end
  if schedule == math.huge then schedule = 0 end
  return { now, next, schedule, results, own, delivered }
end

-- `keys`: the store's prefix; `args`: the instance, the number of this batch (0: only reads), a seed, then the commands, each with its
-- arguments.
local function run(keys, args)
  P, inst, batch = keys[1], args[1], tonumber(args[2])
  I = P .. ':instance:' .. inst
  local time = call('TIME')
  now = time[1] * 1000 + floor(time[2] / 1000)
  own, others, records, queues, meta, firsts, timetable, brief = {}, {}, {}, {}, nil, {}, false, false

  -- The same batch again: its answer was lost. What it delivered is read anew.
  if batch > 0 then
    local last = tonumber(call('HGET', I, 'batch') or 0)
    -- Between its last batch and this one was another: nothing is done before it has said what it holds.
    if last < batch - 1 and args[4] ~= 'behind' then
      return redis.error_reply('BEHIND the last batch that is known is ' .. last)
    end
    if args[4] == 'again' and last ~= batch then return redis.error_reply('NEVER this batch was not executed') end
    if last == batch then
      local kept = cmsgpack.unpack(call('HGET', I, 'answer'))
      own, timetable = kept[2], true
      local again = {}
      for n, delivery in ipairs(kept[3]) do again[n] = call('HGET', P .. ':messages:' .. delivery[1], delivery[2]) or '' end
      return answer(kept[1], again)
    end
  end

  math.randomseed(tonumber(args[3]))
  -- Who has to say first what it holds says that it is alive before it is looked who is not.
  if batch > 0 and args[4] ~= 'behind' then clock() end

  local results, delivered, argument = {}, {}, 4
  while args[argument] do
    local name = args[argument]
    argument = argument + 1
    local run, result, count
    local before = #records
    if name == 'declare' or name == 'restore' then
      count = 2 + tonumber(args[argument + 1])
      local queue, options = args[argument], {}
      for n = 2, count - 1 do options[n - 1] = args[argument + n] end
      if name == 'declare' or not find(queue) then
        if not declare then rare() end
        run, result = pcall(declare, queue, options)
      else
        run, result = true, ''
      end
    else
      if not ops[name] then rare() end
      local op = ops[name]
      count = op[1]
      run, result = pcall(op[2], unpack(args, argument, argument + count - 1))
      if run and name == 'fetch' then
        for n = 2, #result, 3 do delivered[#delivered + 1] = { args[argument], result[n] } end
      end
    end
    if not run then
      -- What was given before it failed is told to nobody.
      for n = #records, before + 1, -1 do records[n] = nil end
      if type(result) == 'table' then result = '!REDIS ' .. (result.err or '') end
      if sub(result, 1, 1) ~= '!' then result = '!SCRIPT ' .. result end
    end
    results[#results + 1] = result
    argument = argument + count
  end

  if batch > 0 then
    for _, q in pairs(queues) do
      if q then guarded(finish, q) end
    end
    for to, what in pairs(others) do call('PUBLISH', P .. ':instance:' .. to, what) end
    if meta then call('HSET', P .. ':meta', 'ms', meta.ms, 'n', meta.n, 'token', meta.token) end
    call('HSET', I, 'batch', args[2], 'answer', cmsgpack.pack({ results, own, delivered }))
    if brief or batch == 1 then call('PEXPIRE', I, LIFE) end
  end
  return answer(results, records)
end
