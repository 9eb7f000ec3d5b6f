-- Registers what is to be masked on a channel, or takes that back, and tells all nodes, in
-- one step. docs/PROTOCOL.md tells how it is called. The hash has a field for each channel,
-- "*" for the whole app, whose value is {"until":MS,"v":N,"sealed":"…"}, with nothing sealed
-- where it was taken back, and of its own #v, the newest version; #u, when the last of all
-- ends; #b, the bytes of all values; #s, at how many it is looked for what has ended. What
-- was taken back stays until what it took back would have ended, unless room is needed: who did
-- not hear of it tells it so from what Redis lost.

local MOST = 10000 -- registrations of an app
local MOST_BYTES = 33554432 -- of all of them, sealed
local MOST_SEALED = 163840 -- bytes of one
local MOST_CHANNEL = 1000 -- bytes
local MOST_MS = 7862400000 -- 91 days
local LEAST_KEPT = 86400000 -- for so long the newest version is known, whatever ends
local CHUNK = 200 -- fields that are read at a time

local function number(n) return string.format('%.0f', n) end

local function refuse(problem) return redis.error_reply('ERR buildrelay_mask: ' .. problem) end

local function full()
  return redis.error_reply('MASKSFULL the app has all that may be registered: ' .. MOST .. ' channels, and ' .. MOST_BYTES .. ' bytes')
end

-- invalid says what is wrong with a call, nil where nothing is.
local function invalid(keys, args, now)
  if #keys ~= 1 or not keys[1]:find('^.+:{[%w_-]+}:masks$') then
    return 'it needs one key, <prefix>:{<app id>}:masks'
  end
  if #args ~= 3 then return 'it needs a channel (empty for the whole app), the end in ms, and what is sealed (empty to take it back)' end
  if #args[1] > MOST_CHANNEL or args[1]:find('[%c"\\*]') or args[1]:find('^#.?$') then return 'the first argument is no channel' end
  local ends = args[2]:find('^%d+$') and #args[2] <= 15 and tonumber(args[2])
  if not ends then return 'the end must be whole ms since 1970' end
  if args[3] == '' then return end
  if ends <= now or ends > now + MOST_MS then return 'the end must be later than now, and within 90 days' end
  if #args[3] > MOST_SEALED then return 'what is sealed has more than ' .. MOST_SEALED .. ' bytes' end
  if not args[3]:find('^relay%-sealed:1:[%w_-]+:[%w_-]+$') then
    return 'what is to be masked must be sealed (relay-sealed:1:...)'
  end
end

-- bytes is what a value counts for.
local function bytes(value) return value and #value or 0 end

-- whole is a number that stands in the hash, 0 where that is none: anybody may have written it.
local function whole(text)
  return text and text:find('^%d+$') and #text <= 15 and tonumber(text) or 0
end

-- ends is when a registration, or what took it back, is over; nil where it is, or is none at all.
local function ends(value, now)
  local at = whole((value or ''):match('^{"until":(%d+),'))
  return at > now and at <= now + MOST_MS and at or nil
end

local function takenBack(value) return value:sub(-12) == '"sealed":""}' end

-- sweep drops what has ended, and all that was taken back where room is needed, and returns how
-- many others stay beside a field, and their bytes.
local function sweep(key, field, now, needed)
  local names, count, sum = redis.call('HKEYS', key), 0, 0
  for first = 1, #names, CHUNK do
    local some = {unpack(names, first, math.min(first + CHUNK - 1, #names))}
    local values, over = redis.call('HMGET', key, unpack(some)), {}
    for i, name in ipairs(some) do
      if not name:find('^#.$') and name ~= field then
        if not ends(values[i], now) or needed and takenBack(values[i]) then
          over[#over + 1] = name
        else
          count, sum = count + 1, sum + bytes(values[i])
        end
      end
    end
    if #over > 0 then redis.call('HDEL', key, unpack(over)) end
  end
  return count, sum
end

-- read reads what is known of the hash, beside a field. It returns an error where it is none.
local function read(key, field, now)
  local v = redis.pcall('HMGET', key, '#v', '#u', '#b', '#s', field)
  if v.err then return v end
  local own = v[5] and 1 or 0
  for i = 1, 4 do own = own + (v[i] and 1 or 0) end
  return {
    version = whole(v[1]), latest = math.min(whole(v[2]), now + MOST_MS), former = ends(v[5], now),
    bytes = math.max(0, whole(v[3]) - bytes(v[5])), most = math.min(math.max(64, whole(v[4])), 2 * MOST),
    count = redis.call('HLEN', key) - own,
  }
end

-- fits says whether there is room for one more of so many bytes, and makes some.
local function fits(key, book, field, more, now)
  local function room() return book.count < MOST and book.bytes + more <= MOST_BYTES end
  if book.count >= book.most or not room() then
    book.count, book.bytes = sweep(key, field, now, not room())
    book.most = math.max(64, 2 * book.count)
  end
  return room()
end

-- registration is one as it is kept.
local function registration(at, version, sealed)
  return '{"until":' .. number(at) .. ',"v":' .. number(version) .. ',"sealed":"' .. sealed .. '"}'
end

local function tell(key, channel, value)
  local prefix, app = key:match('^(.+):{([%w_-]+)}:masks$')
  redis.call('PUBLISH', prefix .. ':~masks', '{"app":"' .. app .. '","channel":' .. cjson.encode(channel) .. ',' .. value:sub(2))
end

-- write writes fields, and returns the error where Redis refuses.
local function write(key, ...)
  local done = redis.pcall('HSET', key, ...)
  if type(done) == 'table' and done.err then return done end
end

local function mask(keys, args)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local problem = invalid(keys, args, now)
  if problem then return refuse(problem) end
  local key, channel, sealed = keys[1], args[1], args[3]
  local field = channel == '' and '*' or channel
  local book = read(key, field, now)
  if book.err then return book end
  local version = math.max(book.version + 1, now)
  local at = book.former -- what is taken back
  if sealed ~= '' then at = tonumber(args[2]) end
  local value = registration(at or 0, version, sealed)
  if sealed ~= '' then
    if not fits(key, book, field, #value, now) then return full() end
    book.latest = math.max(book.latest, at)
  end
  local failed = write(key, '#v', number(version), '#u', number(book.latest), '#s', number(book.most),
    '#b', number(book.bytes + (at and #value or 0)), unpack(at and {field, value} or {}))
  if failed then return failed end
  if not at then redis.call('HDEL', key, field) end
  redis.call('PEXPIRE', key, number(math.max(book.latest - now, LEAST_KEPT)))
  tell(key, channel, value)
  return number(version)
end
