-- The outbox: what becomes of channels and members, for webhooks. partition.lua stands
-- before this, sender.lua has what reads it.
--
--   out                the stream of what is to be told: kind, app, channel, user, due (ms) and
--                      text, which is for the nodes alone
--   bytes              how long the texts in it are
--   bytes:APP          those of an app, forgotten KEPT after the last came or went
--   lost               how many were not kept, until a node asks
--   due:APP:CHANNEL:ID the entry that says that a channel or, with an id, a member is gone, '-'
--                      if that is not told; as long as a return takes it back
--   tally:APP:CHANNEL  the entry that will tell the subscriptions, '-' once it was read; as long
--                      as there is no other
--   miss:APP:CHANNEL   that a cache miss was noted, as long as there is no other

local CANCEL = 3000 -- ms within which a return takes back that somebody is gone
local OUTBOX = 100000 -- entries, and
local TEXTS = 33554432 -- bytes of texts, of a partition
local TRIM = 100 -- entries that go where there are too many
local KEPT = 600000 -- ms within which an entry is told or given up
local COALESCE = 1000 -- ms in which a channel has one cache miss
local MANY = 100 -- subscriptions, from where on they are told less often

-- value returns what a key holds, nil if that is no string.
local function value(k) return redis.call('MGET', k)[1] or nil end

local function add(k, n) redis.call('SET', k, number(math.max((whole(value(k)) or 0) + n, 0))) end

-- append writes an entry. A stream in which somebody used up the ids is made anew.
local function append(fields)
  local id = redis.pcall('XADD', out, '*', unpack(fields))
  if type(id) ~= 'table' then return id end
  if not id.err:find('last possible ID', 1, true) then error(id) end
  redis.call('DEL', out, base .. ':bytes')
  return redis.call('XADD', out, '*', unpack(fields))
end

-- fits says whether there is room for an app's text: an app may have as much as is free
-- then. So whatever the others have, there is room for one that has none.
local function fits(app, n)
  local free = TEXTS - (whole(value(base .. ':bytes')) or 0)
  return (whole(value(key('bytes', app))) or 0) + n <= free
end

-- weigh notes that an app has so many bytes of texts more or less.
local function weigh(app, n)
  add(base .. ':bytes', n)
  local k = key('bytes', app)
  local left = (whole(value(k)) or 0) + n
  if left > 0 then redis.call('SET', k, number(left), 'PX', KEPT) else redis.call('DEL', k) end
end

-- fields_of returns the fields of an entry, as it was read, as a table.
local function fields_of(entry)
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  return fields
end

-- drop removes an entry as it was read.
local function drop(entry)
  local fields = fields_of(entry)
  redis.call('XDEL', out, entry[1])
  if fields.text and fields.text ~= '' then weigh(fields.app or '', -#fields.text) end
  if redis.call('XLEN', out) == 0 then redis.call('DEL', base .. ':bytes') end
end

-- trim removes the oldest entries, where there are too many.
local function trim()
  if redis.call('XLEN', out) <= OUTBOX then return end
  local oldest = redis.call('XRANGE', out, '-', '+', 'COUNT', TRIM)
  for _, entry in ipairs(oldest) do drop(entry) end
  add(base .. ':lost', #oldest)
end

-- keep writes down something to be told when it is due. It returns the entry, '-' where
-- there are too many texts.
local function keep(name, kind, due, user, text)
  local app, channel = name:match('^([^:]*):(.*)$')
  if text ~= '' and not fits(app, #text) then
    add(base .. ':lost', 1)
    return '-'
  end
  local id = append({'kind', kind, 'app', app, 'channel', channel, 'user', user, 'due', number(due), 'text', text})
  if text ~= '' then weigh(app, #text) end
  trim()
  return id
end

-- entry reads an entry: its id and its fields with their values; nil where there is none.
local function entry(id)
  local found = redis.pcall('XRANGE', out, id, id)
  return not found.err and found[1] or nil
end

-- remove removes an entry, if it is there.
local function remove(id)
  local found = entry(id)
  if found then drop(found) end
end

local function due_key(name, id) return key('due', name .. ':' .. id) end

-- came notes that a channel or, with an id, a member is there: on is the flag for that, off
-- the one for the opposite. That is not told, nor the opposite, where it was gone for a
-- moment only.
local function came(flags, on, off, name, kind, id)
  if not has(flags, on) and not has(flags, off) then return end
  local gone = value(due_key(name, id))
  if gone then
    redis.call('DEL', due_key(name, id))
    if gone ~= '-' then remove(gone) end
  elseif has(flags, on) then
    keep(name, kind, now, id, '')
  end
end

-- went notes that a channel or, with an id, a member is gone.
local function went(flags, on, off, name, kind, id)
  if not has(flags, on) and not has(flags, off) then return end
  local gone = has(flags, off) and keep(name, kind, now + CANCEL, id, '') or '-'
  redis.call('SET', due_key(name, id), gone, 'PX', CANCEL)
end

local function occupied(flags, name) came(flags, 'o', 'v', name, 'channel_occupied', '') end
local function vacated(flags, name) went(flags, 'o', 'v', name, 'channel_vacated', '') end
local function added(flags, name, id) came(flags, 'a', 'r', name, 'member_added', id) end
local function removed(flags, name, id) went(flags, 'a', 'r', name, 'member_removed', id) end

-- tally notes that a channel has another number of subscriptions, unless an entry waits to
-- tell that already. How many it tells is read when it is due: at once, or when the pause
-- after the one before it is over.
local function tally(flags, name, is)
  if not has(flags, 's') or is == 0 then return end
  local last, wait = value(key('tally', name)), 0
  if last then wait = redis.call('PTTL', key('tally', name)) end
  if wait > 0 and last ~= '-' then return end
  wait = math.max(wait, 0)
  local id = keep(name, 'subscription_count', now + wait, '', '')
  redis.call('SET', key('tally', name), id, 'PX', wait + (is > MANY and 5000 or 1000))
end

-- tell notes something else, of a kind that has a text or is a cache miss.
local function tell(name, kind, user, text)
  if kind == 'cache_miss' and not redis.call('SET', key('miss', name), '1', 'NX', 'PX', COALESCE) then return 'ok' end
  keep(name, kind, now, user, text)
  return 'ok'
end
