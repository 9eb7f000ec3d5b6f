-- What Redis does for one partition, in one step; doc.go tells the rules. This begins the
-- script; outbox.lua, rolls.lua, sender.lua and commands.lua follow.
-- KEYS: the partition's name, PREFIX:{~roster:P}, with which all its keys begin.
-- ARGV: the name of a command, and what it takes.
--
-- A channel is named APP:CHANNEL. What Redis keeps of it is
--   c:APP:CHANNEL  a hash: v, the version of the roll; f, the flags; and for each
--                  incarnation r:INC, its rows of members, and n:INC, its subscriptions
--   m:APP:CHANNEL  a hash: the members by id, each as "INC,INC INFO"
-- Flags: t, its changes are told; p, a presence channel; u, the channel of a user; and what
-- the outbox is to hold: o and v, that it is occupied and vacated; a and r, that members were
-- added and removed; s, how many subscriptions there are.

local GHOST = '~' -- the incarnation that holds who may be about to be registered again
local ANSWERS = 262144 -- bytes of rolls that one call answers

local base = KEYS[1]
local topics = base:match('^(.*):{') .. ':~roster:'
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local out = base .. ':out' -- the outbox, a stream
local epoch, hold, seq -- of the partition; hold is nil while there is none
local answered = 0 -- bytes of rolls
local commands = {}

-- whole returns the number that the text spells, nil where it is none that we wrote.
local function whole(text)
  local n = text and #text <= 16 and text:find('^%d+$') and tonumber(text)
  return n or nil
end

local function number(n) return string.format('%.0f', n) end

local function key(kind, name) return base .. ':' .. kind .. ':' .. name end

-- begin reads what is known of the partition, and returns the values of further keys.
local function begin(...)
  local v = redis.call('MGET', base .. ':epoch', base .. ':hold', base .. ':seq', ...)
  epoch, hold, seq = v[1] or nil, v[2] or nil, whole(v[3]) or 0
  if epoch and not epoch:find('^%x+$') then epoch = nil end
  return v[4] or nil, v[5] or nil
end

-- version returns the next one: Redis' time in µs, but more than any before.
local function version()
  seq = math.max(tonumber(time[1]) * 1000000 + tonumber(time[2]), seq + 1)
  return number(seq)
end

local function has(flags, flag) return flags:find(flag, 1, true) ~= nil end

-- set calls a command of sets, for which anything else in the key's place is removed.
local function set(command, k, ...)
  local answer = redis.pcall(command, k, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if answer.err:find('WRONGTYPE', 1, true) then redis.call('DEL', k) end
  return redis.call(command, k, ...)
end

-- mend removes keys that somebody else made something of.
local function mend(name)
  local kinds = {
    [key('c', name)] = 'hash', [key('m', name)] = 'hash', [key('o', name:match('^[^:]*'))] = 'hash',
    [key('end', name)] = 'string', [out] = 'stream',
  }
  for k, kind in pairs(kinds) do
    local is = redis.call('TYPE', k)
    if (is.ok or is) ~= kind then redis.call('DEL', k) end
    if k == out and (is.ok or is) ~= kind then redis.call('DEL', base .. ':bytes') end
  end
end

-- attempt calls a function for a channel, so that the failure of one is none of
-- the others. It answers what was answered, or {'error', text}.
local function attempt(name, f, ...)
  local ok, answer = pcall(f, name, ...)
  if ok then return answer end
  local text = type(answer) == 'table' and answer.err or tostring(answer)
  if not text:find('WRONGTYPE', 1, true) then return {'error', text} end
  mend(name)
  ok, answer = pcall(f, name, ...)
  if ok then return answer end
  return {'error', type(answer) == 'table' and answer.err or tostring(answer)}
end
