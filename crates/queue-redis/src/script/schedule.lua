-- Schedules. Their times are computed by the instances (which know cron expressions); here it is decided who sends.

-- queue, name, settings (JSON), its first time (empty: never), most of them, record. A schedule with the same times keeps its phase.
ops.schedule = { 6, function(name, schedule, settings, first, most, tail)
  timetable = true
  local q = need(name)
  if #tail > q.o.maxMessageBytes then return '!LARGE ' .. #tail .. ' ' .. q.o.maxMessageBytes end
  local known = call('HGET', q.schedules, schedule)
  local s = cjson.decode(settings)
  local at = tonumber(first)
  if known then
    local before = cjson.decode(known)
    if before.times == s.times then
      s.sent, s.skipped, s.last, s.outstanding = before.sent, before.skipped, before.last, before.outstanding
      at = tonumber(call('ZSCORE', P .. ':schedules', name .. '|' .. schedule) or first)
    end
  elseif call('HLEN', q.schedules) >= tonumber(most) then
    return '!MANY schedules ' .. most
  end
  if not s.last then s.last = format('%.0f', now) end
  if s['until'] and at and at > tonumber(s['until']) then at = nil end
  if s.limit and s.sent >= tonumber(s.limit) then at = nil end
  call('HSET', q.schedules, schedule, cjson.encode(s))
  call('HSET', q.templates, schedule, tail)
  if at then
    call('ZADD', P .. ':schedules', at, name .. '|' .. schedule)
  else
    call('ZREM', P .. ':schedules', name .. '|' .. schedule)
  end
  return ''
end }

ops.unschedule = { 2, function(name, schedule)
  timetable = true
  local q = need(name)
  call('ZREM', P .. ':schedules', name .. '|' .. schedule)
  call('HDEL', q.templates, schedule)
  return call('HDEL', q.schedules, schedule)
end }

-- Those that are due: queue, name, the time, settings of each.
ops.due = { 0, function()
  timetable = true
  local found = {}
  local all = call('ZRANGE', P .. ':schedules', '-inf', now, 'BYSCORE', 'LIMIT', 0, 100, 'WITHSCORES')
  for n = 1, #all, 2 do
    local name, schedule = match(all[n], '^(.-)|(.*)$')
    local settings = name and call('HGET', P .. ':schedules:' .. name, schedule)
    if settings then
      local last = #found
      found[last + 1], found[last + 2], found[last + 3], found[last + 4] = name, schedule, all[n + 1], settings
    else
      call('ZREM', P .. ':schedules', all[n])
    end
  end
  return found
end }

-- One time of a schedule: queue, name, that time, the next (empty: none), whether to send, size, ttl. Only one instance comes first.
ops.fire = { 5, function(name, schedule, at, following, send)
  timetable = true
  local q = find(name)
  local member = name .. '|' .. schedule
  if not q or tonumber(call('ZSCORE', P .. ':schedules', member) or -1) ~= tonumber(at) then return '' end
  local readable, s = pcall(cjson.decode, call('HGET', q.schedules, schedule) or '')
  if not readable or type(s) ~= 'table' then
    call('ZREM', P .. ':schedules', member)
    return ''
  end
  s.sent, s.skipped = tonumber(s.sent) or 0, tonumber(s.skipped) or 0
  if send == '1' then
    s.last = at
    local tail = call('HGET', q.templates, schedule) or ''
    local ttl, record = match(tail, '^(%d+) (.*)$')
    local overlaps = s.outstanding and call('HEXISTS', q.messages, s.outstanding) == 1
    local fits = record and parse('', '1 0 0 ' .. record) and (not is_full(q, #record) or (q.o.overflow == 'dropOldest' and make_room(q, #record)))
    if overlaps or not fits then
      s.skipped = s.skipped + 1
    else
      local m = parse('', '1 0 0 ' .. record)
      s.outstanding = store(q, 0, 0, tonumber(ttl), '', record, m.priority, m.key, m.size)
      s.sent = s.sent + 1
    end
  end
  local ended = following == '' or (s.limit and s.sent >= tonumber(s.limit)) or (s['until'] and tonumber(following) > tonumber(s['until']))
  call('HSET', q.schedules, schedule, cjson.encode(s))
  if ended then call('ZREM', P .. ':schedules', member) else call('ZADD', P .. ':schedules', tonumber(following), member) end
  return ''
end }
