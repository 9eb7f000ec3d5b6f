-- Appends an event to a log and publishes it, in one step. docs/PROTOCOL.md tells how
-- it is called. The log's entries are a stream; its meta hash holds e, the epoch; i, the
-- newest entry's id; h, the digest of the chain up to it; n and b, how many entries and
-- bytes are retained; o, when the oldest of them came; f, where the log is closed; and the
-- limits in force.

local DEFAULTS = {maxlen = 20000, maxbytes = 8388608, ttl = 86400}
local MOST_DATA = 131072 -- bytes
local MOST_COUNT = 999999999999999 -- what JavaScript and Redis' Lua count exactly
local MOST_TTL = 315360000 -- ten years
local ID_TTL = 300 -- for so long a retry is known
local LEAST_META_TTL = 172800
local MOST_TRIMMED = 1000 -- or a few more by one call, which holds up all of Redis

local function whole(v, least, most)
  return type(v) == 'number' and v >= least and v <= most and v == math.floor(v)
end

local function number(n) return string.format('%.0f', n) end

local function is_final(v)
  if v == true then return true end
  if type(v) ~= 'table' then return false end
  for name, n in pairs(v) do
    local known = name == 'lines' or name == 'bytes'
    if not known or n ~= cjson.null and not whole(n, 0, MOST_COUNT) then return false end
  end
  return true
end

-- OPTIONS are the members that options may have, each with what it must be.
local OPTIONS = {
  {'begin', 'true or false', function(v) return type(v) == 'boolean' end},
  {'epoch', 'an epoch: 16 digits of 0-9 and a-f', function(v)
    return type(v) == 'string' and #v == 16 and not v:find('[^0-9a-f]')
  end},
  {'final', 'true or {"lines":N,"bytes":N}', is_final},
  {'maxbytes', 'a whole number of at least 1', function(v) return whole(v, 1, MOST_COUNT) end},
  {'maxlen', 'a whole number of at least 1', function(v) return whole(v, 1, MOST_COUNT) end},
  {'socket_id', 'a socket id such as 12.34', function(v)
    return type(v) == 'string' and #v <= 100 and v:find('^%d+%.%d+$') ~= nil
  end},
  {'ttl', 'whole seconds from 1 to ' .. MOST_TTL, function(v) return whole(v, 1, MOST_TTL) end},
}

-- parse returns the options, or what is wrong with them.
local function parse(text)
  if text == nil or text == '' then return {} end
  local ok, given = pcall(cjson.decode, text)
  if not ok or type(given) ~= 'table' or not text:find('^%s*{') then
    return nil, 'options must be a JSON object'
  end
  local options, names = {}, {}
  for i, option in ipairs(OPTIONS) do
    local name, allowed, valid = option[1], option[2], option[3]
    local value = given[name]
    if value ~= nil and value ~= cjson.null then
      if not valid(value) then return nil, 'options.' .. name .. ' must be ' .. allowed end
      options[name] = value
    end
    given[name], names[i] = nil, name
  end
  local unknown = next(given)
  if unknown ~= nil then
    return nil, 'options.' .. tostring(unknown):sub(1, 50) .. ' is not known, only ' .. table.concat(names, ', ')
  end
  return options
end

-- characters returns how many characters the text has, nil where it is not UTF-8.
local function characters(text)
  if not text:find('[\128-\255]') then return #text end
  local rest = text
    :gsub('\240[\144-\191][\128-\191][\128-\191]', 'x')
    :gsub('[\241-\243][\128-\191][\128-\191][\128-\191]', 'x')
    :gsub('\244[\128-\143][\128-\191][\128-\191]', 'x')
    :gsub('\224[\160-\191][\128-\191]', 'x')
    :gsub('\237[\128-\159][\128-\191]', 'x')
    :gsub('[\225-\236\238\239][\128-\191][\128-\191]', 'x')
    :gsub('[\194-\223][\128-\191]', 'x')
  if rest:find('[\128-\255]') then return nil end
  return #rest
end

-- invalid says what is wrong with a call, nil if nothing is.
local function invalid(keys, args)
  local event, data, id = args[1], args[2], args[3]
  if #keys ~= 1 or not keys[1]:find('^[^{}:]+:{[^{}:]+:[^{}:]+}$') then
    return 'the one key must be PREFIX:{APP:CHANNEL}'
  elseif #args < 2 or #args > 4 then
    return 'the arguments must be EVENT DATA [EVENT_ID [OPTIONS]]'
  elseif event:find('^pusher:') or event:find('^pusher_internal:') or event:find('^relay:') then
    return 'the event\'s name must not begin with pusher:, pusher_internal: or relay:'
  elseif #data > MOST_DATA then
    return 'the data must have at most ' .. MOST_DATA .. ' bytes'
  elseif id and #id > 200 then
    return 'the event id must have at most 200 bytes'
  end
  local length = characters(event)
  if not length or length < 1 or length > 200 then
    return 'the event\'s name must be UTF-8 of 1 to 200 characters'
  end
end

local function refuse(text) return redis.error_reply('ERR buildrelay_append: ' .. text) end

local function gone()
  return redis.error_reply('LOGGONE the log is not the one of options.epoch any more')
end

-- refused tells errors from other replies of redis.pcall.
local function refused(reply) return type(reply) == 'table' and reply.err ~= nil end

local function is(err, what) return err:find(what, 1, true) ~= nil end

-- recall returns the position that the event was given before, if it was, or an error.
local function recall(key)
  local known = redis.pcall('GET', key)
  if refused(known) and not is(known.err, 'WRONGTYPE') then return nil, known end
  if type(known) == 'string' and known:find('^[0-9a-f]+:%d+%-%d+$') then return known end
end

-- moving returns an error while the slot of a Cluster is being moved, and some of the keys
-- may be elsewhere: half a log is none. A command with several keys is refused then.
local function moving(...)
  local there = redis.pcall('EXISTS', ...)
  if not refused(there) then return nil end
  if not is(there.err, 'non local key') then return there end
  return redis.error_reply('TRYAGAIN buildrelay_append: the log is being moved: ' .. there.err)
end

-- recorded returns the log that the meta hash tells of, nil where it tells of none.
local function recorded(meta)
  local v = redis.pcall('HMGET', meta, 'e', 'i', 'h', 'n', 'b', 'o', 'f', 'maxlen', 'maxbytes', 'ttl')
  if refused(v) then
    if is(v.err, 'WRONGTYPE') then return nil end
    return nil, v
  end
  for i = 1, 6 do
    if not v[i] then return nil end
  end
  local log = {
    epoch = v[1], id = v[2], digest = v[3], count = tonumber(v[4]), bytes = tonumber(v[5]), oldest = tonumber(v[6]),
    closed = v[7] == '1', maxlen = tonumber(v[8] or ''), maxbytes = tonumber(v[9] or ''), ttl = tonumber(v[10] or ''),
  }
  log.offset, log.nonce = log.id:match('^(%d+)%-(%d+)$')
  log.offset = log.offset and tonumber(log.offset)
  local good = whole(log.offset, 1, MOST_COUNT - 1) and #log.nonce <= 10
    and #log.epoch == 16 and not log.epoch:find('[^0-9a-f]')
    and #log.digest == 40 and not log.digest:find('[^0-9a-f]')
    and whole(log.count, 0, MOST_COUNT) and whole(log.bytes, 0, MOST_COUNT) and whole(log.oldest, 0, MOST_COUNT)
  return good and log or nil
end

-- limit puts the limits in force: the given ones, else those of the log, else the defaults.
-- It says whether that changes what the meta hash has to hold.
local function limit(log, options)
  local changed = false
  for name, default in pairs(DEFAULTS) do
    local most = name == 'ttl' and MOST_TTL or MOST_COUNT
    local old = whole(log[name], 1, most) and log[name]
    log[name] = options[name] or old or default
    changed = changed or log[name] ~= old
  end
  return changed
end

-- open makes a new log, empty, in the place of whatever there is. It returns an error
-- before anything is lost where Redis refuses.
local function open(stream, meta, log, call)
  log.epoch = redis.sha1hex(call.seed):sub(1, 16)
  local done = redis.pcall('HSET', meta, 'e', log.epoch)
  if refused(done) then
    if not is(done.err, 'WRONGTYPE') then return done end
    redis.call('DEL', meta)
  end
  redis.call('DEL', stream)
  redis.call('HDEL', meta, 'f')
  log.id, log.offset, log.nonce, log.digest, log.count, log.bytes, log.oldest = '0-0', 0, '0', log.epoch, 0, 0, call.now
end

-- chain gives the log its next id: the nonce is a hash over all events so far.
local function chain(log, event, data)
  log.previous, log.previous_nonce = log.id, log.nonce
  log.offset = log.offset + 1
  local offset = number(log.offset)
  log.digest = redis.sha1hex(log.digest .. ' ' .. offset .. ' ' .. #event .. ' ' .. event .. data)
  log.nonce = number(tonumber(log.digest:sub(1, 8), 16))
  log.id = offset .. '-' .. log.nonce
end

-- final returns the text of the field f, empty where the log stays open.
local function final(log, given)
  if not given then return '' end
  local counts = type(given) == 'table' and given or {}
  local function count(v) return type(v) == 'number' and number(v) or 'null' end
  return '{"entries":' .. number(log.offset) .. ',"lines":' .. count(counts.lines)
    .. ',"bytes":' .. count(counts.bytes) .. ',"digest":"' .. log.digest .. '"}'
end

-- measure returns the bytes and the time of an entry of the stream.
local function measure(entry)
  local fields, bytes, time = entry[2], 0, 0
  for i = 1, #fields - 1, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'e' or name == 'd' then bytes = bytes + #value end
    local n = name == 't' and tonumber(value)
    if whole(n, 0, MOST_COUNT) then time = n end
  end
  return bytes, time
end

-- recount sums up what the stream holds: somebody else deleted from it, or it expired.
local function recount(stream)
  local bytes, oldest, from = 0, nil, '-'
  repeat
    local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', 128)
    for _, entry in ipairs(entries) do
      local size, time = measure(entry)
      bytes, oldest, from = bytes + size, oldest or time, '(' .. entry[1]
    end
  until #entries < 128
  return bytes, oldest
end

-- enter puts the event into the stream as the log's next entry. It returns the error where
-- Redis refuses; foreign then says that what is in the stream is none of ours.
local function enter(stream, log, call)
  local count = redis.pcall('XLEN', stream)
  if refused(count) then return count, is(count.err, 'WRONGTYPE') end
  if count > log.count then return {err = 'ERR buildrelay_append: the stream has foreign entries'}, true end
  chain(log, call.event, call.data)
  call.final = final(log, call.options.final)
  local fields = {'e', call.event, 'd', call.data, 't', number(call.now), 'p', log.previous_nonce}
  for _, field in ipairs({{'x', call.exclude}, {'f', call.final}}) do
    if field[2] ~= '' then
      fields[#fields + 1] = field[1]
      fields[#fields + 1] = field[2]
    end
  end
  local added = redis.pcall('XADD', stream, log.id, unpack(fields))
  if refused(added) then return added, is(added.err, 'equal or smaller') end
  if count == log.count then
    log.count, log.bytes = count + 1, log.bytes + #call.event + #call.data
  else
    log.count = count + 1
    log.bytes, log.oldest = recount(stream)
  end
end

-- trim drops the oldest entries until the limits are kept, never the newest.
local function trim(stream, log, now)
  local function over()
    return log.count > 1
      and (log.count > log.maxlen or log.bytes > log.maxbytes or log.oldest < now - log.ttl * 1000)
  end
  local page, trimmed = 2, 0
  while over() and trimmed < MOST_TRIMMED do
    local entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', page)
    local kept = 1
    for i = 1, #entries - 1 do
      local bytes
      bytes, log.oldest = measure(entries[i])
      if not over() then break end
      log.bytes, log.count, trimmed, kept = log.bytes - bytes, log.count - 1, trimmed + 1, i + 1
    end
    local _, oldest = measure(entries[kept])
    log.oldest = oldest
    if kept > 1 then redis.call('XTRIM', stream, 'MINID', entries[kept][1]) end
    page = math.min(page * 4, 128)
  end
end

local function save(meta, log, with_limits)
  local fields = {
    'e', log.epoch, 'i', log.id, 'h', log.digest,
    'n', number(log.count), 'b', number(math.max(log.bytes, 0)), 'o', number(log.oldest),
  }
  if with_limits then
    for name in pairs(DEFAULTS) do
      fields[#fields + 1] = name
      fields[#fields + 1] = number(log[name])
    end
  end
  if log.closed then
    fields[#fields + 1] = 'f'
    fields[#fields + 1] = '1'
  end
  redis.call('HSET', meta, unpack(fields))
end

local function publish(key, log, call)
  local head = {
    'relay1', log.epoch, log.id, log.previous, number(call.now), #call.event, #call.exclude, #call.final,
  }
  local message = table.concat(head, ' ') .. '\n' .. call.event .. call.exclude .. call.final .. call.data
  redis.call('PUBLISH', (key:gsub('[{}]', '')), message)
end

-- join makes the event the next entry of the log, or the first of a new one in its place.
-- It returns an error, or nothing. A call that Redis refuses (it is full, say) writes
-- nothing: the first write is one that Redis may refuse.
local function join(key, meta, log, call)
  if log.closed or not log.epoch then
    log.closed, log.maxlen, log.maxbytes, log.ttl = nil, nil, nil, nil
    return open(key, meta, log, call) or enter(key, log, call)
  end
  local failed, foreign = enter(key, log, call)
  if not foreign then return failed end
  if call.options.epoch then return gone() end
  return open(key, meta, log, call) or enter(key, log, call)
end

-- keep trims the log and writes down what it is now.
local function keep(key, meta, log, call)
  log.closed = call.options.final ~= nil
  local changed = limit(log, call.options)
  trim(key, log, call.now)
  save(meta, log, changed)
  redis.call('EXPIRE', key, log.ttl)
  redis.call('EXPIRE', meta, math.max(2 * log.ttl, LEAST_META_TTL))
end

local function append(keys, args)
  local problem = invalid(keys, args)
  if problem then return refuse(problem) end
  local options
  options, problem = parse(args[4])
  if problem then return refuse(problem) end

  local key, id = keys[1], args[3] or ''
  local meta, known, watch = key .. ':meta', key .. ':id:' .. id, key .. ':watched'
  local failed = moving(key, meta, known, watch)
  if failed then return failed end
  local watched, log = redis.call('EXISTS', watch)
  log, failed = recorded(meta)
  if failed then return failed end
  if log and id ~= '' then
    local before, unknown = recall(known)
    if unknown then return unknown end
    if before then return {before, 1, watched} end
  end
  if options.epoch and (not log or log.epoch ~= options.epoch) then return gone() end
  if log and log.closed and not options.begin then
    return redis.error_reply('LOGCLOSED the log is closed, only an event with options.begin can follow')
  end

  local time = redis.call('TIME')
  local call = {
    event = args[1], data = args[2], exclude = options.socket_id or '', options = options,
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000),
    seed = time[1] .. ' ' .. time[2] .. ' ' .. key .. ' ' .. args[1] .. args[2],
  }
  log = log or {}
  failed = join(key, meta, log, call)
  if failed then return failed end
  keep(key, meta, log, call)
  local position = log.epoch .. ':' .. log.id
  if id ~= '' then redis.call('SET', known, position, 'EX', ID_TTL) end
  publish(key, log, call)
  return {position, 0, watched}
end
