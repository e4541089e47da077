-- Queues by interest: as crates/queue/src/machine/interest.rs, but for several workers, of which one at a time has a key.
--
-- A waiting message is in the `blocked` set of its key and nowhere else: those that were given back first (score -1, so by id), then the
-- others. `keys` has the state of each key with messages, `interest` the workers that want it: the next one first. `given` are the ids that
-- are with a worker, and a key that can go on is in the `turns` of the worker that is to have it.
--
-- A worker whose interest is new comes first, and what another one holds of the key is taken from it: its client has moved, or has a
-- second connection. A worker that got no answer comes last. Those that have ended are left out when they are met, and removed bit by bit.
--
-- Made when it is first needed.

-- messages, with a worker, waiting for a retry; whether one that failed is alone with it, whether those of an earlier interest are to come
-- back first; who has them; who got no answer.
local STATE = '^(%d+) (%d+) (%d+) ([01]) ([01]) (%S+) (%S+)$'

function make_keyed()
  keyed = {}

  local function state(q, key)
    local s = q.states[key]
    if s then return s end
    local messages, held, stalled, alone, draining, owner, failed = match(call('HGET', q.keys, key) or '0 0 0 0 0 - -', STATE)
    s = { messages = tonumber(messages or 0), held = tonumber(held or 0), stalled = tonumber(stalled or 0), alone = alone == '1',
      draining = draining == '1', owner = owner, failed = failed }
    q.states[key] = s
    return s
  end

  local function changed(q, key)
    local s = state(q, key)
    s.changed = true
    return s
  end

  -- Who wants a key.
  local function wanted(q, key)
    local list = q.lists[key]
    if not list then
      list = {}
      for worker in string.gmatch(call('HGET', q.interest, key) or '', '%S+') do list[#list + 1] = worker end
      q.lists[key] = list
    end
    return list
  end

  local function is_alive(q, worker)
    if q.living[worker] == nil then
      q.living[worker] = call('ZSCORE', P .. ':workers', worker .. ':' .. q.name) and true or false
    end
    return q.living[worker]
  end

  -- Writes it down, without those that have ended.
  local function keep(q, key, list, except)
    for n = #list, 1, -1 do
      if list[n] ~= except and not is_alive(q, list[n]) then table.remove(list, n) end
    end
    if #list > 0 then call('HSET', q.interest, key, table.concat(list, ' ')) else call('HDEL', q.interest, key) end
  end

  -- Who is to have the key now: whoever has some of it, for as long as it does.
  local function elect(q, key, s)
    for _, worker in ipairs(wanted(q, key)) do
      if s.held > 0 then
        if worker == s.owner then return worker end
      elseif is_alive(q, worker) then
        return worker
      end
    end
  end

  -- Whose turn it is, and the message; nothing if the key cannot go on.
  local function turn(q, key, s)
    if s.alone or s.draining or s.stalled > 0 or s.held >= q.o.keyConcurrency or s.messages <= s.held then return nil end
    local worker = elect(q, key, s)
    if not worker then return nil end
    local id = call('ZRANGE', q.blocked .. '|' .. key, 0, 0)[1]
    if not id or (s.held > 0 and call('HEXISTS', q.attempts, id) == 1) then return nil end
    return worker, id
  end

  -- Looks at a key after any change of it.
  local function next_turn(q, key)
    local worker = turn(q, key, state(q, key))
    if not worker then return end
    if call('ZADD', q.turns .. '|' .. worker, 'NX', q.tail, key) == 1 then q.tail = q.tail + 1 end
    q.called[worker] = true
  end

  -- A message that is nowhere waits; `first`: among those that were given back.
  function keyed.wait(q, m, first)
    local n = -1
    if not first then
      n = q.tail
      q.tail = n + 1
    end
    call('ZADD', q.blocked .. '|' .. m.key, n, m.id)
    next_turn(q, m.key)
  end

  -- Takes one out of its place that waits. Returns whether it was there.
  function keyed.detach(q, m)
    if call('ZREM', q.blocked .. '|' .. m.key, m.id) == 0 then return false end
    next_turn(q, m.key)
    return true
  end

  -- A retry that waits, and keeps its place in its key.
  function keyed.is_retry(q, m)
    local place = call('ZSCORE', q.blocked .. '|' .. m.key, m.id)
    return place and tonumber(place) < 0 and call('HEXISTS', q.attempts, m.id) == 1
  end

  -- Its queue has one more of the key, or one less.
  function keyed.count(q, key, n)
    local s = changed(q, key)
    s.messages = max(0, s.messages + n)
  end

  function keyed.stall(q, key, n)
    local s = changed(q, key)
    s.stalled = max(0, s.stalled + n)
    next_turn(q, key)
  end

  -- A message of the key is not with a worker any more; `failed`: which got no answer.
  function keyed.got_back(q, key, id, failed)
    local s = changed(q, key)
    s.held, s.alone = max(0, s.held - 1), false
    if failed then s.failed = failed end
    if s.held == 0 then s.draining = false end
    call('SREM', q.given .. '|' .. key, id)
    next_turn(q, key)
  end

  -- A message that has come back after its time expires.
  function keyed.expire_late(q, m)
    if m.expires == 0 then return end
    if m.expires <= now then
      local _, holds = detach(q, m)
      expire(q, m, holds)
    else
      call('ZADD', q.expiries, m.expires, m.id)
      alarm(q, m.expires)
    end
  end

  -- Whether one more message of a key is allowed.
  function keyed.has_room(q, key)
    local s = state(q, key)
    while s.messages >= q.o.keyMaxLength do
      local id = q.o.overflow == 'dropOldest' and call('ZRANGE', q.blocked .. '|' .. key, 0, 0)[1]
      if not id then return false end
      local m = message(q, id)
      call('ZREM', q.blocked .. '|' .. key, id)
      if m then
        reply(m.requester, id, 0, 'it made room for a newer one')
        remove(q, m, false)
        bump(q, 'dropped', 1)
        event(q, 6, id)
      else
        keyed.count(q, key, -1)
        quarantine(q, id, call('HGET', q.messages, id))
      end
    end
    return true
  end

  local function give(q, worker, key, id, run, result)
    local record, attempt = call('HGET', q.messages, id), tonumber(call('HGET', q.attempts, id) or 0) + 1
    local m = record and parse(id, record)
    call('ZREM', q.blocked .. '|' .. key, id)
    -- Keys take turns, also those that have to wait for this message first.
    next_turn(q, key)
    if not m then
      keyed.count(q, key, -1)
      return quarantine(q, id, record)
    end
    if m.expires > 0 and m.expires <= now then return expire(q, m, false) end
    if attempt > q.o.maxAttempts then return die(q, m, attempt - 1, NO_ATTEMPT, false) end
    local s = changed(q, key)
    s.held, s.owner, s.alone = s.held + 1, worker, attempt > 1
    call('SADD', q.given .. '|' .. key, id)
    if m.expires > 0 then call('ZREM', q.expiries, id) end
    call('HSET', q.active, id, take(q, m, attempt, worker, run, result))
    if run > 0 then
      call('ZADD', q.runs, now + run, id)
      alarm(q, now + run)
    end
    return true
  end

  -- Gives a worker messages of the keys whose turn it is, one of each. Returns how many.
  function keyed.fetch(q, worker, most, run, result)
    local given = 0
    while given < most do
      local key = call('ZPOPMIN', q.turns .. '|' .. worker)[1]
      if not key then break end
      local whose, id = turn(q, key, state(q, key))
      if whose ~= worker then
        next_turn(q, key)
      elseif give(q, worker, key, id, run, result) then
        given = given + 1
      end
    end
    return given
  end

  -- What another worker holds comes back, as if it had not been given. Nothing is given meanwhile.
  local function take_back(q, key)
    local s = changed(q, key)
    s.draining = true
    for _, id in ipairs(call('SMEMBERS', q.given .. '|' .. key)) do
      local a = held(q, id)
      if a then
        push(match(a.worker, '^([^:]*)'), frame('L', a.worker, a.token, id, 0))
        give_back(q, id, a)
      else
        keyed.got_back(q, key, id)
      end
    end
    s.held, s.draining = 0, false
  end

  -- queue, worker, key, 1 if it wants the key, 2 if it says so again, 0 if it does not.
  function keyed.interest(name, worker, key, mode)
    local q = need(name)
    if not q.o.byInterest then return '' end
    local list, s, at = wanted(q, key), state(q, key), nil
    for n, one in ipairs(list) do
      if one == worker then at = n end
    end
    if mode == '0' then
      if at then
        table.remove(list, at)
        keep(q, key, list)
      end
      if s.draining and s.owner == worker then changed(q, key).draining = false end
    elseif not at then
      local new = mode == '1' and s.failed ~= worker
      table.insert(list, new and 1 or #list + 1, worker)
      keep(q, key, list, worker)
      if s.failed == worker then changed(q, key).failed = '-' end
      if s.held > 0 and s.owner == worker then
        changed(q, key).draining = true
      elseif s.held > 0 and new then
        take_back(q, key)
      end
    end
    next_turn(q, key)
    return ''
  end

  -- A worker has ended: others get its turns.
  function keyed.ended(q, worker)
    q.living[worker] = false
    call('UNLINK', q.turns .. '|' .. worker)
    call('HSET', q.queue, 'sweep', '0')
    alarm(q, now)
  end

  function keyed.sweep(q)
    -- It has more digits than a number here.
    local cursor = call('HGET', q.queue, 'sweep')
    if not cursor then return end
    local found = call('HSCAN', q.interest, cursor, 'COUNT', MOST)
    for n = 1, #found[2], 2 do
      local key = found[2][n]
      local list = wanted(q, key)
      local before = #list
      for _, worker in ipairs(list) do
        if not is_alive(q, worker) then
          keep(q, key, list)
          break
        end
      end
      if #list < before then next_turn(q, key) end
    end
    if found[1] == '0' then
      call('HDEL', q.queue, 'sweep')
    else
      call('HSET', q.queue, 'sweep', found[1])
      alarm(q, now)
    end
  end

  -- At the end of a call: writes down what has changed, and wakes those whose turn it is.
  function keyed.finish(q)
    for key, s in pairs(q.states) do
      if s.changed and s.messages > 0 then
        call('HSET', q.keys, key, format('%d %d %d %d %d %s %s', s.messages, s.held, s.stalled, s.alone and 1 or 0, s.draining and 1 or 0,
          s.owner, s.failed))
      elseif s.changed then
        call('HDEL', q.keys, key)
      end
    end
    if q.o.paused == 1 then return end
    local instances = {}
    if q.touched then
      instances = call('SMEMBERS', q.hungry)
    else
      for worker in pairs(q.called) do
        if call('ZCARD', q.turns .. '|' .. worker) > 0 then instances[#instances + 1] = match(worker, '^([^:]*)') end
      end
    end
    for _, one in ipairs(instances) do
      if call('SREM', q.hungry, one) == 1 then push(one, frame('W', q.name)) end
    end
  end

  return keyed
end
