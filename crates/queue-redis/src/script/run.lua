-- A call: what the clock demands, the commands, and what follows from them.

-- A sign of life of this instance; those that give none are forgotten. Answer: 1 if it was not known.
ops.beat = { 0, function()
  call('PEXPIRE', I, LIFE)
  call('PEXPIRE', I .. ':queues', LIFE)
  return call('ZADD', P .. ':instances', now + 60000, inst)
end }

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

-- The end of this instance; its workers have ended before.
ops.bye = { 0, function()
  forget_instance(inst)
  call('DEL', P .. ':inbox:' .. inst, I)
  return ''
end }

-- Replies that others have left: how many of them were taken before. Answer: those there are.
ops.inbox = { 1, function(taken)
  local inbox = P .. ':inbox:' .. inst
  if taken ~= '0' then call('LTRIM', inbox, tonumber(taken), -1) end
  return call('LRANGE', inbox, 0, 499)
end }

local function due(key, most)
  return call('ZRANGE', key, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
end

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
      make_ready(q, m, holds, holds)
    else
      quarantine(q, id, call('HGET', q.messages, id))
    end
  end
  for _, dedup in ipairs(due(q.dedup, MOST)) do forget_dedup(q, dedup) end
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

local function clock()
  for _, worker in ipairs(due(P .. ':workers', 10)) do
    call('ZREM', P .. ':workers', worker)
    local uid, name = match(worker, '^([^:]*:[^:]*):(.*)$')
    local q = uid and find(name)
    if q then guarded(function() lose(name, uid) end, q) end
  end
  for _, name in ipairs(due(P .. ':timers', 10)) do
    call('ZREM', P .. ':timers', name)
    local q = find(name)
    if q then guarded(run_queue, q) end
  end
  for _, other in ipairs(due(P .. ':instances', 10)) do
    if other == inst then
      call('ZADD', P .. ':instances', now + 60000, inst)
    else
      forget_instance(other)
    end
  end
end

local function wake(q)
  if not q.touched or q.o.paused == 1 then return end
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

local function finish(q)
  wake(q)
  tell(q)
  if q.head ~= q.o.head then call('HSET', q.queue, 'head', q.head) end
  if q.tail ~= q.o.tail then call('HSET', q.queue, 'tail', q.tail) end
  if q.bytes ~= 0 then call('HINCRBY', q.queue, 'bytes', q.bytes) end
  for count, n in pairs(q.counts) do call('HINCRBY', q.stats, count, n) end
  if q.alarm then call('ZADD', P .. ':timers', 'LT', q.alarm, q.name) end
end

local function first_of(set)
  local first = call('ZRANGE', P .. set, 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2]) or math.huge
end

local function answer(results, delivered)
  local next, schedule = min(first_of(':timers'), first_of(':workers')), first_of(':schedules')
  if next == math.huge then next = 0 end
  if schedule == math.huge then schedule = 0 end
  return { now, next, schedule, results, own, delivered }
end

-- The same batch again: its answer was lost. What it delivered is read anew.
if batch > 0 then
  if call('HGET', I, 'batch') == ARGV[2] then
    local kept = cmsgpack.unpack(call('HGET', I, 'answer'))
    own = kept[2]
    local again = {}
    for n, delivery in ipairs(kept[3]) do again[n] = call('HGET', P .. ':messages:' .. delivery[1], delivery[2]) or '' end
    return answer(kept[1], again)
  end
end

math.randomseed(tonumber(ARGV[3]))
if batch > 0 then clock() end

local results, delivered, argument = {}, {}, 4
while ARGV[argument] do
  local name = ARGV[argument]
  argument = argument + 1
  local run, result, count
  if name == 'declare' or name == 'restore' then
    count = 2 + tonumber(ARGV[argument + 1])
    local queue, options = ARGV[argument], {}
    for n = 2, count - 1 do options[n - 1] = ARGV[argument + n] end
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
    run, result = pcall(op[2], unpack(ARGV, argument, argument + count - 1))
    if run and name == 'fetch' then
      for n = 2, #result, 3 do delivered[#delivered + 1] = { ARGV[argument], result[n] } end
    end
  end
  if not run then
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
  call('HSET', I, 'batch', ARGV[2], 'answer', cmsgpack.pack({ results, own, delivered }))
end
return answer(results, records)
