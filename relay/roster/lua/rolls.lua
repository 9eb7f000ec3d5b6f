-- The rolls of channels: members and counts. partition.lua and outbox.lua stand before
-- this.

local function holds(row, inc)
  return (',' .. row:match('^[^ ]*') .. ','):find(',' .. inc .. ',', 1, true) ~= nil
end

-- without returns the incarnations of a row but one, and the member's info.
local function without(row, inc)
  local rest = {}
  for other in row:match('^[^ ]*'):gmatch('[^,]+') do
    if other ~= inc then rest[#rest + 1] = other end
  end
  return table.concat(rest, ','), row:match(' (.*)$') or ''
end

local function publish(name, before, after, change)
  redis.call('PUBLISH', topics .. name,
    '{"e":"' .. epoch .. '","p":"' .. number(before) .. '","v":"' .. after .. '",' .. change .. '}')
end

-- occupy notes how many a channel has now, for the list of channels.
local function occupy(flags, name, was, is)
  if has(flags, 'u') then return end
  local app, channel = name:match('^([^:]*):(.*)$')
  if is > 0 then
    redis.call('HSET', key('o', app), channel, is)
    if was == 0 then occupied(flags, name) end
  else
    redis.call('HDEL', key('o', app), channel)
    if was > 0 then vacated(flags, name) end
  end
end

local function belong(name, inc) set('SADD', key('of', inc), name) end
local function part(name, inc) set('SREM', key('of', inc), name) end

-- note writes down that an incarnation has so many rows of members more or less in a
-- channel, and with a change the next version, which it tells. It returns the flags.
-- Without flags those hold that the channel has.
local function note(name, inc, flags, more, change)
  local c = redis.call('HMGET', key('c', name), 'v', 'f', 'r:' .. inc, 'n:' .. inc)
  flags = flags or c[2] or ''
  local before, rows, fields = whole(c[1]) or 0, math.max((whole(c[3]) or 0) + more, 0), {}
  if rows > 0 then
    fields = {'r:' .. inc, rows}
    if more > 0 and rows == more and not c[4] then belong(name, inc) end
  else
    redis.call('HDEL', key('c', name), 'r:' .. inc)
    if not c[4] then part(name, inc) end
  end
  if flags ~= (c[2] or '') then
    fields[#fields + 1] = 'f'
    fields[#fields + 1] = flags
  end
  if change then
    local after = version()
    if has(flags, 't') then
      fields[#fields + 1] = 'v'
      fields[#fields + 1] = after
      publish(name, before, after, change)
    end
  end
  if #fields > 0 then redis.call('HSET', key('c', name), unpack(fields)) end
  return flags
end

-- enter makes somebody a member on behalf of an incarnation.
local function enter(name, flags, id, info, limit, inc)
  local row = redis.call('HGET', key('m', name), id)
  if row then
    if not holds(row, inc) then
      redis.call('HSET', key('m', name), id, inc .. ',' .. row)
      note(name, inc, flags, 1)
    end
    return 'ok'
  end
  local members = redis.call('HLEN', key('m', name))
  if limit > 0 and members >= limit then return 'full' end
  redis.call('HSET', key('m', name), id, inc .. ' ' .. info)
  note(name, inc, flags, 1, '"join":' .. cjson.encode(id) .. ',"info":' .. cjson.encode(info))
  if has(flags, 'p') then
    occupy(flags, name, members, members + 1)
    added(flags, name, id)
  end
  return 'ok'
end

-- forget drops what is kept of a channel that has no rows any more.
local function forget(name)
  for _, field in ipairs(redis.call('HKEYS', key('c', name))) do
    if field ~= 'v' and field ~= 'f' then return end
  end
  redis.call('DEL', key('c', name))
end

-- leave takes an incarnation's row back. The last one of a member goes to the ghost while
-- there is a hold.
local function leave(name, flags, id, inc)
  local row = redis.call('HGET', key('m', name), id)
  if not row or not holds(row, inc) then return 'ok' end
  local rest, info = without(row, inc)
  if rest == '' and hold then
    rest = GHOST
    set('SADD', base .. ':incs', GHOST)
    note(name, GHOST, flags, 1)
  end
  if rest ~= '' then
    redis.call('HSET', key('m', name), id, rest .. ' ' .. info)
    note(name, inc, flags, -1)
    return 'ok'
  end
  redis.call('HDEL', key('m', name), id)
  local members = redis.call('HLEN', key('m', name))
  flags = note(name, inc, flags, -1, '"leave":' .. cjson.encode(id))
  if has(flags, 'p') then
    removed(flags, name, id)
    occupy(flags, name, members + 1, members)
  end
  if members == 0 then forget(name) end
  return 'ok'
end

-- subscriptions reads the hash of a channel: how many subscriptions others have and inc
-- has, the version, the flags, and how many rows of members inc has, and all.
local function subscriptions(name, inc)
  local c = {others = 0, own = 0, own_rows = 0, rows = 0}
  local all = redis.call('HGETALL', key('c', name))
  for i = 1, #all, 2 do
    local field, value = all[i], all[i + 1]
    local kind, of = field:match('^([rn]):(.*)$')
    local n = whole(value) or 0
    if field == 'v' then c.version = whole(value)
    elseif field == 'f' then c.flags = value
    elseif kind == 'r' then
      c.rows = c.rows + n
      if of == inc then c.own_rows = n end
    elseif kind == 'n' and of == inc then c.own = n
    elseif kind == 'n' then c.others = c.others + n end
  end
  return c
end

-- count says how many subscriptions an incarnation has.
local function count(name, flags, n, inc)
  local c = subscriptions(name, inc)
  if c.own == n then return 'ok' end
  flags = flags or c.flags or ''
  local was, is, fields = c.others + c.own, c.others + n, {}
  if n > 0 then
    fields = {'n:' .. inc, n}
    if c.own == 0 and c.own_rows == 0 then belong(name, inc) end
  else
    redis.call('HDEL', key('c', name), 'n:' .. inc)
    if c.own_rows == 0 then part(name, inc) end
  end
  if flags ~= (c.flags or '') then
    fields[#fields + 1] = 'f'
    fields[#fields + 1] = flags
  end
  local after = version()
  if has(flags, 't') then
    fields[#fields + 1] = 'v'
    fields[#fields + 1] = after
    publish(name, c.version or 0, after, '"count":"' .. number(is) .. '"')
  end
  if #fields > 0 then redis.call('HSET', key('c', name), unpack(fields)) end
  if not has(flags, 'p') then
    occupy(flags, name, was, is)
    tally(flags, name, is)
  end
  if is == 0 and c.rows == 0 then forget(name) end
  return 'ok'
end

-- roll answers the version, the subscriptions, the version of the last end, and the rows; or
-- 'same' where the version is known and nobody may have to be registered again, or 'later'
-- where enough was answered already.
-- A roll of which no version is kept is as old as the last change of any.
local function roll(name, flags, known)
  if not hold and whole(redis.call('HGET', key('c', name), 'v')) == known then return 'same' end
  if answered > ANSWERS then return 'later' end
  local c = subscriptions(name, '')
  local ended = has(flags, 'u') and whole(redis.call('GET', key('end', name))) or 0
  local rows = redis.call('HGETALL', key('m', name))
  for i = 1, #rows do answered = answered + #rows[i] end
  return {number(c.version or seq), c.others, number(ended), rows}
end

-- clear takes back all rows of an incarnation in a channel, and answers how many it saw.
local function clear(name, inc)
  local all = redis.call('HGETALL', key('m', name))
  for i = 1, #all, 2 do
    if holds(all[i + 1], inc) then leave(name, nil, all[i], inc) end
  end
  count(name, nil, 0, inc)
  redis.call('HDEL', key('c', name), 'r:' .. inc)
  part(name, inc)
  return 1 + #all / 2
end
