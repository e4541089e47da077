-- What all commands share: the clock, names of keys, queues, and what is told to whom.
--
-- `concat` of numbers has 14 digits: scores are handed to Redis as numbers, tokens as text.

local call, match, format, sub = redis.call, string.match, string.format, string.sub
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max
local ops = {}
-- Of one call, which begins with setting them all (in run.lua): as a library, the rest is made once for all calls.
local P, I, inst, batch, now
local own, others, records, queues, meta
-- The earliest times of the sets that are looked at in each call; whether this instance is to be told of schedules; whether it has ended.
local firsts, timetable, brief
local MIDDLE, STEP = 2 ^ 43, 2 ^ 44
-- How long what belongs to an instance is kept after its last sign of life.
local LIFE = 600000
-- So many due messages of a queue are looked at in one call.
local MOST = 200

-- Length, colon, text, for each: what Rust reads back.
local function frame(...)
  local parts = {}
  for n = 1, select('#', ...) do
    local part = tostring(select(n, ...))
    parts[n] = #part .. ':' .. part
  end
  return table.concat(parts)
end

-- Tells an instance something: this one with the answer, others when all is done.
local function push(to, what)
  if to == inst then
    own[#own + 1] = what
  else
    others[to] = (others[to] or '') .. #what .. ':' .. what
  end
end

-- The fields of a queue's hash that scripts look at: numbers, but for these.
local TEXTS = { created = true, backoff = true, deadLetter = true, deadLetterExpired = true, overflow = true }
local DEFAULTS = { __index = { paused = 0, mask = 0, head = 0, tail = 0, bytes = 0, maxAttempts = 5, backoffDelay = 1000, backoffMax = 300000,
  jitter = 0.2, keyConcurrency = 1, maxMessageBytes = 16777216, dedupWindow = 300000, dedupMax = 1000000, backoff = 'exponential',
  overflow = 'reject' } }

-- A queue's keys are made when they are first needed: `q.ready` is `{prefix}:ready:name`.
local KEYS_OF = { __index = function(q, kind)
  local key = P .. ':' .. kind .. ':' .. q.name
  q[kind] = key
  return key
end }

local function load(name)
  local q = setmetatable({ name = name, counts = {}, events = {}, touched = false, emptied = false, freed = false, alarm = false,
    head = false, tail = false, bytes = 0 }, KEYS_OF)
  local found, o = call('HGETALL', q.queue), {}
  for n = 1, #found, 2 do
    local field, value = found[n], found[n + 1]
    if value ~= '' then o[field] = TEXTS[field] and value or tonumber(value) end
  end
  if not o.created then return nil end
  q.o = setmetatable(o, DEFAULTS)
  q.head, q.tail = o.head, o.tail
  -- Of keys: their states, who wants them, whose turn has come; of workers: whether they are alive.
  if o.byInterest then q.states, q.lists, q.called, q.living = {}, {}, {}, {} end
  return q
end

local function find(name)
  local q = queues[name]
  if q == nil then
    q = load(name) or false
    queues[name] = q
  end
  return q
end

-- A command's queue: without one, the command fails.
local function need(name)
  return find(name) or error('!NOQUEUE', 0)
end

local function make(name)
  call('SADD', P .. ':queues', name)
  call('HSETNX', P .. ':queue:' .. name, 'created', now)
  queues[name] = nil
  return find(name)
end

local function bump(q, count, n)
  q.counts[count] = (q.counts[count] or 0) + n
end

-- A value's bucket: 0, then powers of two.
local function observe(q, what, value)
  value = max(0, value)
  local _, bucket = math.frexp(value)
  bump(q, what .. min(31, bucket), 1)
  bump(q, what .. 'Sum', value)
end

-- Something is to be looked at when this time comes.
local function alarm(q, at)
  if not q.alarm or at < q.alarm then q.alarm = at end
end

local function has(mask, bit)
  return floor(mask / 2 ^ bit) % 2 == 1
end

-- `bit`: the number of the event's kind in crates/queue/src/event.rs.
local function event(q, bit, id, ...)
  if has(q.o.mask, bit) then q.events[#q.events + 1] = { bit, frame('E', q.name, bit, id, ...) } end
end

local function wall(id)
  return tonumber(sub(id, 1, 11), 16)
end

-- The earliest time of a sorted set of the store.
local function first_of(set)
  if not firsts[set] then
    local first = call('ZRANGE', P .. set, 0, 0, 'WITHSCORES')
    firsts[set] = first[2] and tonumber(first[2]) or math.huge
  end
  return firsts[set]
end

local function numbers()
  if not meta then
    local known = call('HMGET', P .. ':meta', 'ms', 'n', 'token')
    meta = { ms = tonumber(known[1] or 0), n = tonumber(known[2] or 0), token = tonumber(known[3] or 0), changed = true }
  end
  return meta
end

-- A larger one than ever before: milliseconds, and a number among those of the same.
local function new_id()
  local m = numbers()
  if now > m.ms then
    m.ms, m.n = now, 0
  elseif m.n >= 1048575 then
    m.ms, m.n = m.ms + 1, 0
  else
    m.n = m.n + 1
  end
  return format('%011x%05x', m.ms, m.n)
end

-- A greater one than ever before, also than those that Redis has forgotten. (2 ^ 53 is reached in the year 2109.)
local function new_token()
  local m = numbers()
  m.token = max(m.token + 1, now * 2048)
  return format('%.0f', m.token)
end

-- The answer to a request: kept in a list until its instance has taken it.
local function reply(requester, id, ok, data)
  if requester == '' then return end
  local what = frame('R', id, ok, data)
  if requester == inst then
    push(inst, what)
  else
    local inbox = P .. ':inbox:' .. requester
    call('RPUSH', inbox, what)
    call('PEXPIRE', inbox, LIFE)
    push(requester, frame('I'))
  end
end
